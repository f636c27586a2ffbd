//! The machine's own container engine, asked by its command line.

use std::process::Command;

/// What a `docker` command prints, or what it says of its failure.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new("docker").args(arguments).output();
    let answer = ran.map_err(|error| format!("docker does not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.status.success() { Ok(text(&answer.stdout)) } else { Err(text(&answer.stderr)) }
}
