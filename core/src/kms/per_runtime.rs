//! Clients of a KMS by the runtime that drives them: a connection is driven by the runtime that opened it, so a client never crosses runtimes, nor a fork,
//! which starts a new one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libvault_memory::ForkLocal;
use tokio::runtime::{Handle, Id};

use super::KmsFailure;
use crate::error::ErrorCode;

/// Clients of runtimes that are gone would pile up otherwise.
const MAX_CLIENTS: usize = 64;

/// Cheap to clone clients, by the caller's runtime and a name.
pub(crate) struct PerRuntime<T> {
    clients: ForkLocal<Mutex<Clients<T>>>,
}

type Clients<T> = HashMap<(Id, String), T>;

impl<T: Clone + Send> PerRuntime<T> {
    pub(crate) fn new() -> Self {
        Self { clients: ForkLocal::new() }
    }

    /// # Errors
    /// `InvalidArgument` outside a tokio runtime.
    pub(crate) fn find(&self, name: &str) -> Result<Option<T>, KmsFailure> {
        let slot = (this_runtime()?, name.to_owned());
        Ok(self.lock().get(&slot).cloned())
    }

    /// Keeps a client that was not found. A racing call may have been first: then its client is the one, and everyone uses its connections.
    ///
    /// # Errors
    /// `InvalidArgument` outside a tokio runtime.
    pub(crate) fn keep(&self, name: &str, client: T) -> Result<T, KmsFailure> {
        let slot = (this_runtime()?, name.to_owned());
        let mut clients = self.lock();
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&slot) {
            clients.clear();
        }
        Ok(clients.entry(slot).or_insert(client).clone())
    }

    /// Forgets every client, and so every connection.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Clients<T>> {
        self.clients.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn this_runtime() -> Result<Id, KmsFailure> {
    let runtime = Handle::try_current();
    let runtime = runtime
        .map_err(|_| KmsFailure::new(ErrorCode::InvalidArgument, "asynchronous calls to a KMS need a tokio runtime"))?;
    Ok(runtime.id())
}
