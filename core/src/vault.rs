//! The public face: one handle, the verbs in three shapes.

use std::fmt;
use std::sync::Arc;

use crate::audit::Operation;
use crate::call::{Call, Shape};
use crate::config::Config;
use crate::context::Context;
use crate::engine::{Engine, Environment};
use crate::error::Result;
use crate::log::LogSink;
use crate::options::CallOptions;
use crate::registry::Decision;
use crate::stats::Stats;

mod change;
mod data_key;
mod encryption;

pub use data_key::DataKey;

/// An opened vault. Clones share one engine; use it freely from many threads.
///
/// Every verb that may call a KMS comes in three shapes: `async` (on the caller's tokio runtime, or through [`crate::runtime::spawn`]), `_blocking`
/// (waits on this thread), and `_now` (never waits for a network: `WouldBlock` instead). Dropping a future cancels its KMS call. Deadlines, cancelling and
/// the actor of the audit trail are options of a view that [`Vault::with`] makes.
///
/// Every verb works under one configuration from its beginning to its end. If that is replaced meanwhile ([`Vault::reload`]), the result is discarded and the
/// verb runs again under the new one.
///
/// ```no_run
/// # fn main() -> Result<(), libvault::Error> {
/// use libvault::{Config, Context, Vault};
/// let vault = Vault::open(Config::from_file("vault/libvault.toml")?)?;
/// let context = Context::new([("organization_id", "org_123")])?;
/// let envelope = vault.encrypt_blocking(b"a secret", &context, None)?;
/// assert_eq!(vault.decrypt_blocking(&envelope, &context, None)?, b"a secret");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Vault {
    pub(crate) engine: Arc<Engine>,
    pub(crate) options: CallOptions,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Vault {
    /// Opens the store, the root key and the customers' key files that the configuration names.
    ///
    /// # Errors
    /// `InvalidConfig` with the field, `Conflict` between bindings, `StoreUnavailable`, `AuditUnavailable`.
    pub fn open(config: Config) -> Result<Self> {
        Self::open_in(config, Environment::default())
    }

    pub(crate) fn open_in(config: Config, environment: Environment) -> Result<Self> {
        let engine = Engine::open(config, environment)?;
        Ok(Self { engine: Arc::new(engine), options: CallOptions::default() })
    }

    /// A view of this vault whose calls obey `options`. It shares everything else and is cheap to make: one for each call is fine.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { engine: Arc::clone(&self.engine), options }
    }

    /// Replaces the configuration at once for all clones and views: bindings, states, options, credentials, timeouts. All files that it names are read
    /// again, so rotated keys and credentials are picked up. After this returns no call hands out a result that was
    /// decided under the old configuration. Of open streams, those that write end if other keys protect their context now; those that read end if it is suspended.
    /// Reloads wait for one another, so the last one to return is in force.
    ///
    /// # Errors
    /// As [`Vault::open`]; the old configuration then stays in force, which the log says too.
    pub fn reload(&self, config: Config) -> Result<()> {
        self.engine.reload(config)
    }

    /// Sends the log to `sink`, first what was worth a line since the vault was opened. With `None` records wait again, up to a thousand.
    pub fn set_log(&self, sink: Option<LogSink>) {
        self.engine.log().set_sink(sink);
    }

    /// Warnings that no sink has got: a development endpoint, misspelt context names.
    pub fn warnings(&self) -> Vec<String> {
        self.engine.log().waiting_warnings()
    }

    /// Which keys would protect new data of this context. Calls no KMS.
    ///
    /// # Errors
    /// What encryption would refuse: `InvalidContext`, `UnknownContextName`, `KeySuspended`, `KeyNotReady`, `NoMatchingKey`, `LimitExceeded`.
    pub fn match_context(&self, context: &Context) -> Result<Decision> {
        self.engine.match_context(context)
    }

    /// Whether encrypting for this context would call a KMS over the network.
    pub fn needs_network(&self, context: &Context) -> bool {
        self.engine.needs_network(context)
    }

    /// Whether a `_now` call for this context waits for nothing, so that it may be made where nothing may block: no read of the store, no audit trail. It holds
    /// for the moment: the keys of a context leave memory after a minute. Where the keys are behind a network it answers `WouldBlock` unless there is a lease.
    pub fn is_immediate(&self, context: &Context) -> bool {
        self.engine.is_immediate(context)
    }

    /// Whether there is an audit trail, which calls wait for.
    pub fn is_audited(&self) -> bool {
        self.engine.is_audited()
    }

    /// What the vault did since it was opened.
    pub fn stats(&self) -> Stats {
        let memory = libvault_memory::usage();
        Stats {
            memory_locked_bytes: memory.locked_bytes,
            memory_unlocked_bytes: memory.unlocked_bytes,
            ..self.engine.counters().snapshot()
        }
    }

    /// To be called in a process that was restored from a snapshot of a virtual machine, or copied together with one, before it encrypts: from then on
    /// its ids and keys differ from those of every other copy, for all vaults of the process. Cached keys and connections of this vault are dropped.
    ///
    /// A fork needs no call.
    ///
    /// # Errors
    /// `Closed`; `Internal` if the system's generator fails.
    pub fn after_restore(&self) -> Result<()> {
        self.engine.after_restore()
    }

    /// Closes the vault for all clones and views: calls in flight finish, later ones are `Closed`. Keys leave memory now, or with the last call or stream
    /// that is under way.
    pub fn close(&self) {
        self.engine.close();
    }

    pub(crate) fn call(&self, shape: Shape, operation: Operation) -> Result<Call<'_>> {
        Call::begin(&self.engine, &self.options, shape, operation)
    }
}
