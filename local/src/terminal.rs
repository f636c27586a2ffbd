//! Terminal output: steps and errors on standard error, results on standard output.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use smmu_core::with_causes;
use smmu_local::Step;

/// Shows a finished step with its duration.
pub(crate) fn show_step(step: Step<'_>) {
    note(&format!("✓ {} {:.1} s", step.name, step.took.as_secs_f32()));
}

/// Writes a line to standard error.
pub(crate) fn note(text: &str) {
    // If standard error fails, no other channel is left.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a result to standard output.
pub(crate) fn output(text: &str) {
    // The reader may close the pipe.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Shows an error and returns the exit code.
pub(crate) fn failed(error: &dyn Error) -> ExitCode {
    note(&format!("smmu-local: {}", with_causes(error)));
    ExitCode::FAILURE
}
