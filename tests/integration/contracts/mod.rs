//! What the product relies on in the emulator: the patches of `local/python`, each of which has a test here that fails
//! without it, and the facts that ministack gets right by itself.

mod access;
mod alarms;
mod api;
mod cloud;
mod cors;
mod deployer;
mod fargate;
mod gateway;
mod messages;
mod multipart;
mod passwords;
mod storage;
mod workers;
mod workflow;
