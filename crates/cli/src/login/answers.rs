//! What a user is asked while signing in.

use crate::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};

/// Where answers come from.
pub(super) enum Answers {
    /// Whoever sits at the terminal.
    Terminal,
    /// Standard input, a line for each question but the user's name.
    Lines,
}

impl Answers {
    pub(super) fn new(from_stdin: bool) -> Self {
        if from_stdin { Self::Lines } else { Self::Terminal }
    }

    /// The user's name, where the command line has none.
    pub(super) async fn user(&self, given: Option<&str>) -> Result<String, Error> {
        match (given, self) {
            (Some(user), _) => Ok(user.to_owned()),
            (None, Self::Terminal) if io::stdin().is_terminal() => {
                write!(io::stderr(), "User name: ").map_err(|error| unanswered(&error))?;
                line().await
            }
            (None, Self::Terminal | Self::Lines) => Err(Error::usage("give --user NAME")),
        }
    }

    /// An answer that is not shown while it is typed.
    pub(super) async fn secret(&mut self, question: &str) -> Result<String, Error> {
        match self {
            Self::Lines => line().await,
            Self::Terminal => match rpassword::prompt_password(format!("{question}: ")) {
                // Ctrl-C, which rpassword raises again once the terminal is as it was: `main` ends the program.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => std::future::pending().await,
                answer => answer.map_err(|error| {
                    Error::usage(format!("nobody can be asked here ({error}): use --user and --password-stdin"))
                }),
            },
        }
    }

    /// A new password, typed twice where it cannot be seen.
    pub(super) async fn new_password(&mut self) -> Result<String, Error> {
        let password = self.secret("New password").await?;
        let same = match self {
            Self::Lines => true,
            Self::Terminal => self.secret("New password again").await? == password,
        };
        if same { Ok(password) } else { Err(Error::usage("the new passwords differ; nothing was changed")) }
    }
}

/// A line of standard input, read where it does not hold up Ctrl-C.
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
