//! What the user sees: steps and failures on standard error, what they asked for on standard output.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use smmu_core::with_causes;
use smmu_local::Step;

/// Shows a step that is done, with its time.
pub(crate) fn show_step(step: Step<'_>) {
    note(&format!("✓ {} {:.1} s", step.name, step.took.as_secs_f32()));
}

/// Shows a line that is not part of the output.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes what was asked for.
pub(crate) fn output(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Shows a failure, and its exit code.
pub(crate) fn failed(error: &dyn Error) -> ExitCode {
    note(&format!("smmu-local: {}", with_causes(error)));
    ExitCode::FAILURE
}
