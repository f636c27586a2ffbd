//! What an error says, with what it rests on. An error's own text leaves its source out, so that a chain says nothing
//! twice; whoever shows or logs one asks for the whole chain here.

use std::{error::Error, iter};

/// An error and, after colons, what caused it.
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
    fn a_chain_is_told_to_its_end() {
        let inner = "x".parse::<u8>().expect_err("not a number");
        assert_eq!(with_causes(&Outer(inner)), "the job was not read: invalid digit found in string");
    }
}
