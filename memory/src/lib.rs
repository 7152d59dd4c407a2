//! What libvault needs of the operating system that safe Rust does not give: memory that keeps secrets, values that do not outlive a fork, signal
//! masks of its threads.
//!
//! It is a crate of its own because it is the one place of the core with `unsafe`.

mod fork;
mod fork_local;
mod protected;
mod region;
#[cfg(unix)]
mod signals;
mod slots;
mod wiping;

pub use fork::{ForkHandlers, fork_generation, register_fork_handlers};
pub use fork_local::ForkLocal;
pub use protected::{Protected, Usage, usage};
#[cfg(unix)]
pub use signals::SignalsBlocked;
pub use wiping::{WipedBytes, wipe, wipe_stack};
