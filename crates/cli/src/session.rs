//! By what right the API is called: a token that was handed in, or a session that `smmu login` began.
//!
//! A session is one small file for each API, which its owner alone can read. A token that ends within a minute is renewed
//! before the next request, so that following a job may take longer than a token lasts.

use crate::{
    args::{Cli, Token},
    error::Error,
    http::Http,
    login,
    show::Show,
};
use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};
use reqwest::{Url, header::HeaderValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Sha256, Timestamp};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::sync::Mutex;

/// A token with less left than this is renewed: it has to outlast a request and a clock that is a little late.
const RENEWED_BEFORE_S: i64 = 60;

/// How the API is called.
pub enum Access {
    /// Without a token.
    Open,
    /// With a token that was handed in.
    Token(HeaderValue),
    /// With the tokens of a session.
    Session(Box<Session>),
}

impl Access {
    /// What the command line hands in; otherwise the session with the API at `base`.
    pub fn of(cli: &Cli, base: &Url, show: &Show) -> Result<Self, Error> {
        if let Some(token) = cli.token() {
            return header(token).map(Self::Token);
        }
        let base = &login::secure(base.as_str(), "the API")?;
        let store = Store::of(base)?;
        let missing = || Error::usage("a token is missing: run `smmu login`, set SMMU_TOKEN or give --token JWT");
        let tokens = store.load().ok_or_else(missing)?;
        let http = login::sender(&tokens.issuer.endpoint()?, show)?;
        Ok(Self::Session(Box::new(Session { store, http, show: show.clone(), tokens: Mutex::new(tokens) })))
    }

    /// The value of `Authorization`, where there is one.
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

/// What a sign-in has given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// For the API.
    pub access: Token,
    /// For the issuer, to get the next ones; some give none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Token>,
    /// When the access token ends, by this machine's clock.
    pub expires_at: Timestamp,
    /// Who gave them.
    pub issuer: login::Issuer,
    /// When somebody signed in: the same for all tokens of a session, and what tells it from the next.
    pub signed_in_at: Timestamp,
}

impl Tokens {
    /// Whether the access token can be used for a while.
    fn is_fresh(&self) -> bool {
        now().plus_seconds(RENEWED_BEFORE_S) < self.expires_at
    }
}

/// So many seconds from now.
#[must_use]
pub fn in_seconds(seconds: u64) -> Timestamp {
    now().plus_seconds(seconds.try_into().unwrap_or(i64::MAX))
}

/// This machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).ok().and_then(|ms| Timestamp::from_unix_ms(ms).ok()).unwrap_or(Timestamp::MAX)
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

    /// The session's newest tokens, renewed where they have to be. Another run may have renewed them, and some issuers take
    /// each refresh token once: one run at a time, and always the tokens that are stored.
    async fn next(&self, known: &Tokens) -> Result<Tokens, Error> {
        let ended = |why| Error::usage(format!("the session has ended{why}: run `smmu login` again"));
        let _alone = self.store.lock().await?;
        let stored = self.store.load().ok_or_else(|| ended(" by `smmu logout`"))?;
        if stored.signed_in_at != known.signed_in_at {
            return Err(ended(", and another one begun"));
        }
        if stored.is_fresh() {
            return Ok(stored);
        }
        let refresh = stored.refresh.as_ref().ok_or_else(|| ended(""))?;
        let renewed = stored.issuer.renew(&self.http, refresh).await.map_err(Error::until_login)?;
        let renewed = Tokens { signed_in_at: stored.signed_in_at, ..renewed };
        // This run can go on with what it has; the next has to sign in.
        if let Err(error) = self.store.save(&renewed) {
            self.show.note(&format!("the session cannot be kept: {error}"));
        }
        Ok(renewed)
    }
}

/// Where the session with one API is kept.
pub struct Store(PathBuf);

impl Store {
    /// The place for the API at `base`.
    pub fn of(base: &Url) -> Result<Self, Error> {
        let places = choose_base_strategy();
        let places = places.map_err(|error| Error::usage(format!("there is no place for a session: {error}")))?;
        // A name that any file system takes; with and without its last slash an address is the same API.
        let name = Hasher::digest(base.as_str().trim_end_matches('/'));
        let name = format!("{}.json", Sha256::from_bytes(name.into()));
        Ok(Self(places.config_dir().join("smmu").join("sessions").join(name)))
    }

    /// Waits until no other run changes the session, and keeps them out until the file is dropped.
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

    /// The tokens, where there are any that can be read.
    #[must_use]
    pub fn load(&self) -> Option<Tokens> {
        serde_json::from_str(&fs::read_to_string(&self.0).ok()?).ok()
    }

    /// Keeps tokens, for their owner alone.
    pub fn save(&self, tokens: &Tokens) -> Result<(), Error> {
        self.write(tokens).map_err(|cause| Error::Unwritable { place: self.0.display().to_string(), cause })
    }

    /// Beside its place and moved there, so that it is never there in part. `tempfile` makes files that others cannot read.
    fn write(&self, tokens: &Tokens) -> io::Result<()> {
        let folder = self.0.parent().expect("the place is in a folder");
        make_folder(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, tokens)?;
        file.persist(&self.0)?;
        Ok(())
    }

    /// Forgets the tokens.
    pub fn forget(&self) -> Result<(), Error> {
        match fs::remove_file(&self.0) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(Error::Unwritable { place: self.0.display().to_string(), cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// A folder that nobody but its owner looks into.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut maker = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.recursive(true).create(folder)
}
