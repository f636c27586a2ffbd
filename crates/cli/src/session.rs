//! Authorisation of API calls: a given token, or a session started by `smmu login`.
//!
//! A session is one small file per API that only its owner can read. A token that expires within a minute is renewed
//! before the next request, so following a job can take longer than a token is valid.

use crate::{
    args::{Cli, Token},
    error::Error,
    http::{Http, secure, sender},
    issuer::Tokens,
    show::Show,
};
use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use reqwest::{Url, header::HeaderValue};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::Sha256;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use tokio::sync::Mutex;

/// Authorisation of API calls.
pub enum Access {
    /// Without a token.
    Open,
    /// With a token from the command line or the environment.
    Token(HeaderValue),
    /// With the tokens of a session.
    Session(Box<Session>),
}

impl Access {
    /// The token of the command line if given, else the session with the API at `base`.
    pub fn of(cli: &Cli, base: &Url, show: &Show) -> Result<Self, Error> {
        if let Some(token) = cli.token() {
            return header(token).map(Self::Token);
        }
        let base = &secure(base.as_str(), "the API")?;
        let store = Store::of(base)?;
        let missing = || Error::usage("a token is missing: run `smmu login`, set SMMU_TOKEN or give --token JWT");
        let tokens = store.load().ok_or_else(missing)?;
        let http = sender(&tokens.issuer.endpoint()?, show)?;
        Ok(Self::Session(Box::new(Session { store, http, show: show.clone(), tokens: Mutex::new(tokens) })))
    }

    /// The value of `Authorization`, if any.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        match self {
            Self::Open => Ok(None),
            Self::Token(value) => Ok(Some(value.clone())),
            Self::Session(session) => session.authorization().await.map(Some),
        }
    }
}

fn header(token: &Token) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
        .map_err(|_| Error::usage("the token contains invalid characters"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A session with one API.
pub struct Session {
    store: Store,
    http: Http,
    show: Show,
    tokens: Mutex<Tokens>,
}

impl Session {
    async fn authorization(&self) -> Result<HeaderValue, Error> {
        let mut tokens = self.tokens.lock().await;
        if !tokens.is_fresh() {
            *tokens = self.next(&tokens).await?;
        }
        header(&tokens.access)
    }

    /// The newest tokens of the session, renewed if necessary. Another run may have renewed them, and some issuers
    /// accept each refresh token only once. So only one run renews at a time, and always from the stored tokens.
    async fn next(&self, known: &Tokens) -> Result<Tokens, Error> {
        let ended = |why| Error::usage(format!("the session has ended{why}: run `smmu login` again"));
        let _alone = self.store.lock().await?;
        let stored = self.store.load().ok_or_else(|| ended(" by `smmu logout`"))?;
        if stored.signed_in_at != known.signed_in_at {
            return Err(ended(", and another has started"));
        }
        if stored.is_fresh() {
            return Ok(stored);
        }
        let refresh = stored.refresh.as_ref().ok_or_else(|| ended(""))?;
        let renewed = stored.issuer.renew(&self.http, refresh).await.map_err(Error::until_login)?;
        let renewed = Tokens { signed_in_at: stored.signed_in_at, ..renewed };
        // This run can continue with the new tokens; the next one has to sign in.
        if let Err(error) = self.store.save(&renewed) {
            self.show.note(&format!("the session cannot be stored: {error}"));
        }
        Ok(renewed)
    }
}

/// Stores the session with one API.
pub struct Store(PathBuf);

impl Store {
    /// The store for the API at `base`.
    pub fn of(base: &Url) -> Result<Self, Error> {
        let places = choose_base_strategy();
        let places = places.map_err(|error| Error::usage(format!("no folder for the session: {error}")))?;
        // Valid on any file system, and the same with and without a trailing slash.
        let name = Hasher::digest(base.as_str().trim_end_matches('/'));
        let name = format!("{}.json", Sha256::from_bytes(name.into()));
        Ok(Self(places.config_dir().join("smmu").join("sessions").join(name)))
    }

    /// Locks the session against other runs until the file is dropped. Waits for the lock.
    pub async fn lock(&self) -> Result<File, Error> {
        let path = self.0.with_extension("lock");
        let locked = tokio::task::spawn_blocking({
            let path = path.clone();
            move || {
                make_folder(path.parent().expect("the place is in a folder"))?;
                let file = File::create(path)?;
                file.lock()?;
                Ok(file)
            }
        });
        let locked = locked.await.expect("it does not panic");
        locked.map_err(|cause| Error::Unwritable { place: path.display().to_string(), cause })
    }

    /// The stored tokens. `None` if missing or unreadable.
    #[must_use]
    pub fn load(&self) -> Option<Tokens> {
        serde_json::from_str(&fs::read_to_string(&self.0).ok()?).ok()
    }

    /// Stores tokens so that only their owner can read them.
    pub fn save(&self, tokens: &Tokens) -> Result<(), Error> {
        self.write(tokens).map_err(|cause| Error::Unwritable { place: self.0.display().to_string(), cause })
    }

    /// Writes a temporary file and renames it, so a partial file is never visible. `tempfile` creates files that others
    /// cannot read.
    fn write(&self, tokens: &Tokens) -> io::Result<()> {
        let folder = self.0.parent().expect("the place is in a folder");
        make_folder(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, tokens)?;
        file.persist(&self.0)?;
        Ok(())
    }

    /// Deletes the stored tokens.
    pub fn forget(&self) -> Result<(), Error> {
        match fs::remove_file(&self.0) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(Error::Unwritable { place: self.0.display().to_string(), cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Creates a folder that only its owner can open.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut maker = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.recursive(true).create(folder)
}
