//! Test helpers: the core's recorded probes, and command lines formatted for snapshots.

use super::line::Line;
use smmu_core::av::Probe;
use std::{fmt::Write as _, fs, path::Path};

/// Reads the recorded probe of one of the core's clips.
pub(crate) fn probe(name: &str) -> Probe {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/av/fixtures");
    let json = fs::read(folder.join(name).with_extension("json")).expect("a recorded clip");
    Probe::read(&json).expect("every recorded clip can be read")
}

/// Formats a command line with each option, each file and each filter chain on its own line.
pub(crate) fn shown(title: &str, line: &Line) -> String {
    let mut text = format!("# {title}\n");
    let mut words = line.words().iter().peekable();
    while let Some(word) = words.next() {
        let value = words.next_if(|next| !next.starts_with('-') && !next.starts_with("file:"));
        let value = value.map(|value| format!(" {}", value.replace(';', ";\n    "))).unwrap_or_default();
        writeln!(text, "{word}{value}").expect("a String takes everything");
    }
    text
}
