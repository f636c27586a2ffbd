//! The manifests of what is made here, and how every manifest reaches its folder.

use crate::error::Transient;
use smmu_core::{
    Manifest, MediaKind, Pipeline,
    manifest::{FILE_NAME, Generator, SourceFacts},
};
use std::{fs, path::Path};

/// One of renditions, of none yet.
pub(crate) fn of_renditions(kind: MediaKind, source: SourceFacts) -> Manifest {
    let generator = Generator::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Manifest::new(Pipeline::Transcode, kind, source, generator)
}

/// Writes the manifest beside its place and moves it there, so that a reader finds all of it or nothing.
pub(crate) fn write(manifest: &Manifest, out_dir: &Path) -> Result<(), Transient> {
    let path = out_dir.join(FILE_NAME);
    let partial = out_dir.join(format!("{FILE_NAME}.partial"));
    let fault = |source| Transient::Write { path: path.clone(), source };
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| fault(error.into()))?;
    text.push(b'\n');
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path)).map_err(fault)
}
