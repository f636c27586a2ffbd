//! Formats an error together with its causes. An error's own text leaves out its source, so that a chain repeats
//! nothing; code that shows or logs an error calls this function.

use std::{error::Error, iter};

/// The error and its causes, separated by colons.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::with_causes;

    #[derive(Debug, thiserror::Error)]
    #[error("the job was not read")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn a_chain_is_shown_to_its_end() {
        let inner = "x".parse::<u8>().expect_err("not a number");
        assert_eq!(with_causes(&Outer(inner)), "the job was not read: invalid digit found in string");
    }
}
