//! Runs the `docker` command of the machine's own container engine.

use std::process::Command;

/// Runs a `docker` command. Returns its output, or its error message if it fails.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new("docker").args(arguments).output();
    let answer = ran.map_err(|error| format!("cannot start docker: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.status.success() { Ok(text(&answer.stdout)) } else { Err(text(&answer.stderr)) }
}
