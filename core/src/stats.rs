//! Counters of what a vault did.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::audit::Operation;

/// Declares every counter once: the public value, its live form, and the list of names that bindings use.
macro_rules! counters {
    ($($(#[$documentation:meta])* $name:ident,)*) => {
        /// What a vault did since it was opened, and the state of its memory. Counters never go back and never wrap in practice (64 bits).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$documentation])* pub $name: u64,)*
        }

        impl Stats {
            /// Every counter with its name, in the order of the fields.
            pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Wraps and unwraps with the root key.
    root_key_uses,
    /// Shares wrapped under managed keys.
    managed_wraps,
    /// Shares unwrapped with managed keys.
    managed_unwraps,
    /// Calls to a customer's key to wrap a share, failed ones included.
    kms_wraps,
    /// Calls to a customer's key to unwrap a share, failed ones included.
    kms_unwraps,
    /// Envelopes made, streams included.
    encryptions,
    /// Envelopes opened, streams included.
    decryptions,
    /// Data keys made for callers.
    data_keys_created,
    /// Data keys given back to callers.
    data_keys_opened,
    /// Envelopes and bundles wrapped anew.
    rewraps,
    /// Envelopes encrypted anew.
    reencryptions,
    /// Bundles moved to another context.
    rekeys,
    /// Encrypting and decrypting streams begun.
    streams_opened,
    /// Unwraps that went on to another key because one could not be used.
    failovers,
    /// Wraps left out at encryption because their key could not be reached (`min_wraps`); a rewrap adds them.
    missing_wraps,
    /// Events written to the audit trail.
    audit_events,
    /// Configurations taken over by `reload`.
    reloads,
    /// Bytes of secret memory of this process that are locked into RAM.
    memory_locked_bytes,
    /// Bytes of secret memory of this process that the system refused to lock: above 0 means that secrets may reach swap.
    memory_unlocked_bytes,
    /// Data keys kept for further messages (leases).
    leases_opened,
    /// Messages that needed no KMS because a lease gave the data key.
    lease_hits,
    /// Calls to customers' keys that were turned away because too many were under way.
    kms_shed,
    /// Times that calls to a customer's key were paused because its KMS did not answer.
    circuits_opened,
}

impl Counters {
    /// Counts an operation that succeeded.
    pub(crate) fn done(&self, operation: Operation) {
        let counter = match operation {
            Operation::Encrypt => &self.encryptions,
            Operation::Decrypt => &self.decryptions,
            Operation::CreateDataKey => &self.data_keys_created,
            Operation::DecryptDataKey => &self.data_keys_opened,
            Operation::Rewrap => &self.rewraps,
            Operation::Reencrypt => &self.reencryptions,
            Operation::Rekey => &self.rekeys,
            Operation::EncryptStream => {
                self.streams_opened.count();
                &self.encryptions
            }
            Operation::DecryptStream => {
                self.streams_opened.count();
                &self.decryptions
            }
        };
        counter.count();
    }
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}
