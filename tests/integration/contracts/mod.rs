//! Behaviour of the emulator that the product relies on: the patches in `local/python`, each with a test here that
//! fails without it, and what ministack already does correctly.

mod access;
mod alarms;
mod api;
mod cloud;
mod conditions;
mod cors;
mod deployer;
mod express;
mod fargate;
mod faults;
mod gateway;
mod images;
mod messages;
mod multipart;
mod pages;
mod passwords;
mod sockets;
mod storage;
mod workers;
mod workflow;
