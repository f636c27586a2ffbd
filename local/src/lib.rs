//! The one-machine cloud: the whole product on one machine, without an AWS account or network, and with Docker only on
//! request.
//!
//! [`Cloud::start`] starts an emulator of AWS (ministack, a Python program, with the patches in `local/python`), gives
//! it a stand-in for the container engine that runs workers as plain processes, and deploys `template.yaml` like `sam
//! deploy`. IAM is enforced: functions, workers and the state machine act only through sessions of their roles; the
//! user who starts a cloud is the account's root. Some things cannot be tested with the emulator: it does not validate
//! ASL, and it ignores heartbeats and the timeout of a whole execution.
//!
//! ```text
//! smmu-local ──┬── engine.rs      Docker API on a unix socket ──► workers, each in a process group, or as containers
//!              ├── bridge.rs      lets such containers reach the emulator
//!              ├── emulator.rs    python emulator.py ──► Lambda functions, in its process group
//!              ├── deploy.rs      packages, uploads, CreateStack
//!              └── identity.rs    users and tokens of the stack's Cognito pool
//! ```
//!
//! No process outlives its parent: the emulator ends when the pipe to its standard input closes, and workers end when
//! the kernel signals their parent's death. The files of a killed cloud are removed at the next start. Containers of a
//! real engine are the engine's children, not ours: those of a killed cloud are removed when the next cloud with
//! containers starts.

mod account;
mod address;
mod bridge;
mod cloud;
mod deploy;
mod docker;
mod emulator;
mod engine;
mod error;
mod faults;
mod home;
mod identity;
mod options;
mod port;

pub use address::Address;
pub use cloud::Cloud;
pub use engine::{Size, Worker};
pub use error::LocalError;
pub use faults::Faults;
pub use options::{CloudOptions, Deployer, Image, Port, Step};
