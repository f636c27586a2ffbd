//! Questions to the user while signing in.

use crate::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};

/// The source of the answers.
pub enum Answers {
    /// The terminal.
    Terminal,
    /// Standard input, with one line per question except for the user's name.
    Lines,
}

impl Answers {
    #[must_use]
    pub fn new(from_stdin: bool) -> Self {
        if from_stdin { Self::Lines } else { Self::Terminal }
    }

    /// The user's name, asked for unless the command line gives it.
    pub async fn user(&self, given: Option<&str>) -> Result<String, Error> {
        match (given, self) {
            (Some(user), _) => Ok(user.to_owned()),
            (None, Self::Terminal) if io::stdin().is_terminal() => {
                write!(io::stderr(), "User name: ").map_err(|error| unanswered(&error))?;
                line().await
            }
            (None, Self::Terminal | Self::Lines) => Err(Error::usage("give --user NAME")),
        }
    }

    /// Asks for a secret without echo.
    pub async fn secret(&mut self, question: &str) -> Result<String, Error> {
        match self {
            Self::Lines => line().await,
            Self::Terminal => match rpassword::prompt_password(format!("{question}: ")) {
                // Ctrl-C: rpassword restores the terminal and raises the signal again, and `main` ends the program.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => std::future::pending().await,
                answer => answer.map_err(|error| {
                    Error::usage(format!("cannot prompt here ({error}): use --user and --password-stdin"))
                }),
            },
        }
    }

    /// Asks for a new password, twice at a terminal, because typing is not echoed.
    pub async fn new_password(&mut self) -> Result<String, Error> {
        let password = self.secret("New password").await?;
        let same = match self {
            Self::Lines => true,
            Self::Terminal => self.secret("New password again").await? == password,
        };
        if same { Ok(password) } else { Err(Error::usage("the new passwords differ; nothing was changed")) }
    }
}

/// Reads a line of standard input on a blocking thread, so Ctrl-C still works.
async fn line() -> Result<String, Error> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|bytes| (bytes, line))
    });
    let (bytes, line) = read.await.map_err(io::Error::other).flatten().map_err(|error| unanswered(&error))?;
    if bytes == 0 {
        return Err(Error::usage("standard input ended before everything was answered"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn unanswered(error: &io::Error) -> Error {
    Error::usage(format!("the answer cannot be read: {error}"))
}
