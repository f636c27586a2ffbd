//! Deployment packages of functions: a zip with one executable, `bootstrap` (Lambda Developer Guide, "OS-only
//! runtimes").

use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::LocalError;

/// Builds the package of a program. Not compressed, because it never leaves this machine.
pub(super) fn zip(binary: &Path) -> Result<Vec<u8>, LocalError> {
    let program = match std::fs::read(binary) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(LocalError::BinaryMissing(binary.to_owned())),
        read => read.map_err(LocalError::io("read", binary))?,
    };
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(program.len() + 1024)));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    let written =
        zip.start_file("bootstrap", options).map_err(std::io::Error::from).and_then(|()| zip.write_all(&program));
    let bytes =
        written.and_then(|()| zip.finish().map_err(std::io::Error::from)).map_err(LocalError::io("zip", binary))?;
    Ok(bytes.into_inner())
}
