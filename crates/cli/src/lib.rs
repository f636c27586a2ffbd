//! The `smmu` program, except for `main`.
//!
//! The path of one file: [`source`] finds and hashes it, [`upload`] uploads and submits it, [`parts`] does the same for
//! a large file and [`resume`] stores its progress, [`wait`] follows the job, [`download`] fetches the outputs, and
//! [`report`] prints the result. [`list`] lists jobs and media.
//! [`watch`] prints changes of jobs, which a [`socket`] receives. [`api`] defines the requests, [`http`] sends and
//! retries them, [`session`] provides the token, which an [`issuer`] issued, and [`login`] starts a session.
//!
//! Invariants: the token is sent only to the API; neither the token nor a signed URL is ever printed; standard output
//! carries only results. Nothing is written outside `--out` except the state of resumable uploads, the tokens of a
//! session, and the file of an export, which is the only place where signed URLs are written.

pub mod account;
pub mod api;
pub mod args;
pub mod clock;
pub mod commands;
pub mod dollars;
pub mod download;
pub mod error;
pub mod estimate;
pub mod http;
pub mod issuer;
pub mod list;
pub mod login;
pub mod parts;
pub mod profiles;
pub mod report;
pub mod resume;
pub mod retry;
pub mod session;
pub mod show;
pub mod socket;
pub mod source;
pub mod table;
pub mod upload;
pub mod wait;
pub mod waiting;
pub mod watch;
pub mod webhooks;

pub use args::Cli;
pub use commands::run;
pub use error::Exit;
pub use show::Show;
