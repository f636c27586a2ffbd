//! Counts wrong words, by the same rules as the tests. Used by `bench/speech.py`.
//!
//! `judge SAID HEARD...`: text files. Prints `[errors, words]` for each HEARD, compared with SAID.

use smmu_core::speech::wer::word_errors;
use std::{env, error::Error, fs, io, io::Write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let said = fs::read_to_string(arguments.next().ok_or("usage: judge SAID HEARD...")?)?;
    let counted = arguments.map(|heard| {
        let found = word_errors(&said, &fs::read_to_string(heard)?);
        Ok([found.errors, found.words])
    });
    let counted: Vec<_> = counted.collect::<Result<_, io::Error>>()?;
    writeln!(io::stdout(), "{}", serde_json::json!(counted))?;
    Ok(())
}
