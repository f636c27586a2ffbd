//! The one-machine cloud: the whole product on one machine, with no AWS account, no network, and Docker only where it is wanted.
//!
//! [`Cloud::start`] starts an emulator of AWS (ministack, a Python program, with the patches of `local/python`), gives
//! it a stand-in for the container engine that runs workers as plain processes, and deploys `template.yaml` the way
//! `sam deploy` does. IAM is enforced: functions, workers and the state machine have sessions of their roles, and
//! nothing else; whoever starts a cloud is its account's root. What the emulator does not do, no test can claim: it does
//! not validate ASL, and ignores heartbeats and the timeout of a whole execution.
//!
//! ```text
//! smmu-local ──┬── engine.rs      Docker API on a unix socket ──► workers, each in a process group, or as containers
//!              ├── bridge.rs      the way of such containers to the emulator
//!              ├── emulator.rs    python emulator.py ──► Lambda functions, in its process group
//!              ├── deploy.rs      packages, uploads, CreateStack
//!              └── identity.rs    users and tokens of the stack's Cognito pool
//! ```
//!
//! Nothing outlives its parent: the emulator ends when the pipe to its standard input closes, workers when the kernel
//! tells them of their parent's death, and the files of a killed cloud are cleared away at the next start. Containers of a
//! real engine are its children, not ours: those of a killed cloud go when the next one starts that runs containers.

mod account;
mod address;
mod bridge;
mod cloud;
mod deploy;
mod docker;
mod emulator;
mod engine;
mod error;
mod home;
mod identity;
mod options;
mod port;

pub use address::Address;
pub use cloud::Cloud;
pub use engine::{Size, Worker};
pub use error::LocalError;
pub use options::{CloudOptions, Deployer, Image, Port, Step};
