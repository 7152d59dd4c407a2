//! Clients of a KMS by the runtime that drives them: a connection is driven by the runtime that opened it, so a client never crosses runtimes, nor a fork,
//! which starts a new one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libvault_memory::ForkLocal;
use tokio::runtime::{Handle, Id};

use super::KmsFailure;
use crate::error::ErrorCode;

/// Clients of runtimes that are gone would pile up otherwise: beyond either number those of all other runtimes are forgotten.
const MAX_RUNTIMES: usize = 64;
const MAX_CLIENTS: usize = 16_384;

/// Cheap to clone clients, by the caller's runtime and a name. There are as many names as the configuration has.
pub(crate) struct PerRuntime<T> {
    clients: ForkLocal<Mutex<Clients<T>>>,
}

type Clients<T> = HashMap<Id, HashMap<String, T>>;

impl<T: Clone + Send> PerRuntime<T> {
    pub(crate) fn new() -> Self {
        Self { clients: ForkLocal::new() }
    }

    /// # Errors
    /// `InvalidArgument` outside a tokio runtime.
    pub(crate) fn find(&self, name: &str) -> Result<Option<T>, KmsFailure> {
        let runtime = this_runtime()?;
        Ok(self.lock().get(&runtime).and_then(|clients| clients.get(name)).cloned())
    }

    /// Keeps a client that was not found. A racing call may have been first: then its client is the one, and everyone uses its connections.
    ///
    /// # Errors
    /// `InvalidArgument` outside a tokio runtime.
    pub(crate) fn keep(&self, name: &str, client: T) -> Result<T, KmsFailure> {
        let runtime = this_runtime()?;
        let mut clients = self.lock();
        let is_new = !clients.contains_key(&runtime);
        if is_new && clients.len() >= MAX_RUNTIMES || clients.values().map(HashMap::len).sum::<usize>() >= MAX_CLIENTS {
            clients.retain(|other, _| *other == runtime);
        }
        Ok(clients.entry(runtime).or_default().entry(name.to_owned()).or_insert(client).clone())
    }

    /// The client that is there, or else what `make` makes.
    ///
    /// # Errors
    /// As [`Self::find`], and those of `make`.
    pub(crate) fn get_or_make(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<T, KmsFailure>,
    ) -> Result<T, KmsFailure> {
        match self.find(name)? {
            Some(client) => Ok(client),
            None => self.keep(name, make()?),
        }
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

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    /// A vendor may have thousands of customers: one more must not cost the others their clients, and the tokens in them.
    #[test]
    fn clients_of_a_runtime_are_all_kept_and_those_of_many_runtimes_are_not() {
        let clients = PerRuntime::new();
        let first = Builder::new_current_thread().build().unwrap();
        for number in 0..MAX_CLIENTS + 5 {
            first.block_on(async { clients.keep(&number.to_string(), number).unwrap() });
        }
        assert_eq!(first.block_on(async { clients.find("0").unwrap() }), Some(0));
        assert_eq!(first.block_on(async { clients.keep("0", 7).unwrap() }), 0, "who comes second gets the first one's");
        let second = Builder::new_current_thread().build().unwrap();
        second.block_on(async { clients.keep("0", 8).unwrap() });
        assert_eq!(first.block_on(async { clients.find("0").unwrap() }), None, "another runtime's are too many");
        first.block_on(async { clients.keep("0", 0).unwrap() });
        for _ in 0..MAX_RUNTIMES {
            let other = Builder::new_current_thread().build().unwrap();
            other.block_on(async { clients.keep("0", 7).unwrap() });
        }
        assert_eq!(first.block_on(async { clients.find("0").unwrap() }), None);
        assert_eq!(clients.find("0").unwrap_err().code, ErrorCode::InvalidArgument);
    }
}
