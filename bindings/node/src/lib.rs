//! The native half of the npm package `libvault`.
//!
//! The public API is `index.js`: it checks arguments, gives errors their classes and hides the handles. This addon only
//! moves bytes between JavaScript and the core, and decides on which thread the work is done:
//!
//! - calls with the suffix `Sync` run on the calling thread and never wait for the network;
//! - every other call runs on libuv's pool, since the first use of a context may read the store's file;
//! - only a call that has to ask a KMS moves on to the library's own runtime (see [`tasks`]).
//!
//! A failure is returned as a value ([`errors::Failure`]), never thrown: `lib/failure.js` makes the exception, so that its class and
//! its stack belong to JavaScript.
#![deny(unsafe_code)]

mod buffer;
mod change;
mod context;
mod errors;
mod files;
mod formats;
mod log;
mod options;
mod reader;
mod slot;
mod stream;
mod tasks;
mod vault;
