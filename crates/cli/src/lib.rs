//! What the `smmu` program does, apart from reading its command line and ending.
//!
//! One file's journey: [`source`] finds and hashes it, [`upload`] has it granted, put and completed, [`parts`] does the
//! same with a large one, which [`resume`] remembers while it is under way,
//! [`wait`] follows its job, [`download`] fetches what came of it, [`report`] says so. [`list`] shows what there is. [`api`] knows
//! the requests, [`http`] how they are sent and sent again, [`session`] with which token; [`login`] begins a session.
//!
//! Invariants: the token goes to the API alone; neither it nor a signed URL is ever printed;
//! standard output carries results and nothing else; nothing is written outside `--out` but the state of uploads that can
//! be resumed, the tokens of a session, and the file of an export, which is the one place where signed URLs are written.

pub mod account;
pub mod api;
pub mod args;
pub mod download;
pub mod error;
pub mod http;
pub mod journey;
pub mod list;
pub mod login;
pub mod parts;
pub mod profiles;
pub mod report;
pub mod resume;
pub mod retry;
pub mod session;
pub mod show;
pub mod source;
pub mod table;
pub mod upload;
pub mod wait;

pub use args::Cli;
pub use error::Exit;
pub use journey::run;
pub use show::Show;
