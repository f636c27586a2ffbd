//! Creates and writes manifests.

use crate::error::Transient;
use smmu_core::{
    Manifest, MediaKind, Pipeline,
    manifest::{FILE_NAME, Generator, SourceFacts},
};
use std::{fs, path::Path};

/// A manifest of renditions, without artifacts yet.
pub(crate) fn of_renditions(kind: MediaKind, source: SourceFacts) -> Manifest {
    let generator = Generator::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Manifest::new(Pipeline::Transcode, kind, source, generator)
}

/// Writes the manifest to a temporary name and renames it, so that readers see either all of it or nothing.
pub(crate) fn write(manifest: &Manifest, out_dir: &Path) -> Result<(), Transient> {
    let path = out_dir.join(FILE_NAME);
    let partial = out_dir.join(format!("{FILE_NAME}.partial"));
    let unwritable = |source| Transient::Write { path: path.clone(), source };
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| unwritable(error.into()))?;
    text.push(b'\n');
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path)).map_err(unwritable)
}
