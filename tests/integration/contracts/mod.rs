//! What the product relies on in the emulator: the patches of `local/python/emulator.py`, each of which has a test here
//! that fails without it, and the facts that ministack gets right by itself.

mod alarms;
mod api;
mod cloud;
mod messages;
mod storage;
mod workers;
mod workflow;
