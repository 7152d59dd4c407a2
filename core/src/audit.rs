//! The audit seam: every use of a key passes here and is recorded before its result is handed out (promise P8).
//!
//! An operation gathers its key uses in a [`Trail`]; [`Trail::finish`] is the only way from there to the caller. Where events go is a sink's
//! business: nowhere, or a file ([`file`]). The hash-chained trail of a registry will be another sink.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::Serialize;

mod file;

pub(crate) use file::FileSink;

use crate::aead::hmac;
use crate::context::Context;
use crate::envelope::{Policy, hexadecimal};
use crate::error::{Error, ErrorCode, Result};
use crate::kms::{BoxFuture, KmsFailure, KmsReply};
use crate::registry::CustomerKey;
use crate::secret::Secret;
use crate::stats::Counters;

/// What the caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    Encrypt,
    Decrypt,
    CreateDataKey,
    DecryptDataKey,
    Rewrap,
    Reencrypt,
    Rekey,
    EncryptStream,
    DecryptStream,
}

/// How a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Use {
    Wrap,
    Unwrap,
}

/// One use of a key, or one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyUse {
    #[serde(rename = "use")]
    pub(crate) kind: Use,
    /// The binding by its configured id, or `managed`.
    pub(crate) binding: String,
    /// `local`, `aws`, …; `managed` for the vendor's own keys.
    pub(crate) provider: &'static str,
    /// Keys of a binding by their configured ids, managed KEKs by their hexadecimal ids.
    pub(crate) keys: Vec<String>,
    /// `ok`, or the name of the error.
    pub(crate) outcome: &'static str,
    /// The provider's own id of the request, to be found in the customer's logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
}

impl KeyUse {
    /// Of the vendor's own keys; `ids` are their concatenated ids.
    pub(crate) fn managed(kind: Use, ids: &[u8], failure: Option<&Error>) -> Self {
        Self {
            kind,
            binding: "managed".to_owned(),
            provider: "managed",
            keys: ids.chunks(16).map(hexadecimal).collect(),
            outcome: failure.map_or("ok", |failure| failure.code().name()),
            request_id: None,
        }
    }

    /// Of a customer's key, asked and not answered yet: if the caller goes away meanwhile, the KMS may have done it all the same.
    fn asked(kind: Use, binding: &str, key: &CustomerKey) -> Self {
        Self {
            kind,
            binding: binding.to_owned(),
            provider: key.kek.provider(),
            keys: vec![key.name.clone()],
            outcome: ErrorCode::Cancelled.name(),
            request_id: None,
        }
    }
}

/// One operation, as it is recorded. The sink adds the sequence number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    /// RFC 3339, UTC.
    pub(crate) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    pub(crate) operation: Operation,
    /// `ok`, or the name of the error.
    pub(crate) outcome: &'static str,
    /// What the one error of everything that fails to authenticate does not tell the caller: a rule of `docs/envelope.md` §7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<&'static str>,
    /// The commitment, which names the data key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_key: Option<String>,
    /// The commitment before, where a change of keys gave another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) old_data_key: Option<String>,
    /// Each name of the context with a keyed hash of its value: equal values of one store can be found, but not guessed without its key.
    pub(crate) context: BTreeMap<String, String>,
    /// The context after a rekeying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_context: Option<BTreeMap<String, String>>,
    /// The caller used the permission to weaken the protection.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) downgrade: bool,
    /// So many messages went under a lease since the event before (`docs/leases.md`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<u64>,
    pub(crate) uses: Vec<KeyUse>,
}

/// Where events go.
///
/// `record` is complete when the event is as durable as the sink promises; until then the operation's result is held back. An asynchronous sink may
/// await; one that blocks says so, and is then called on a thread that may block.
pub(crate) trait AuditSink: Send + Sync {
    /// Whether `record` blocks its thread (a file) instead of awaiting (a database).
    fn blocks(&self) -> bool;

    /// # Errors
    /// `AuditUnavailable`: the result is then not handed out.
    fn record(&self, event: Event) -> BoxFuture<'_, Result<()>>;

    /// Takes an event without waiting for it: of a call that its caller dropped, whose result nobody gets.
    fn enqueue(&self, event: Event);

    /// Writes what was enqueued. It may block.
    fn flush(&self);
}

/// The trail that a configuration asks for.
#[derive(Clone)]
pub(crate) struct Audit {
    sink: Arc<dyn AuditSink>,
    /// Keys the hashes of context values.
    hash_key: Arc<Secret<32>>,
    counters: Arc<Counters>,
    /// Messages under a lease are recorded one by one, before their results, instead of being counted.
    every_message: bool,
}

impl Audit {
    pub(crate) fn new(
        sink: Arc<dyn AuditSink>,
        hash_key: Secret<32>,
        counters: Arc<Counters>,
        every_message: bool,
    ) -> Self {
        Self { sink, hash_key: Arc::new(hash_key), counters, every_message }
    }

    /// Writes what was enqueued. It may block.
    pub(crate) fn flush(&self) {
        self.sink.flush();
    }

    fn enqueue(&self, event: Event) {
        self.sink.enqueue(event);
        self.counters.audit_events.count();
    }

    fn context_hashes(&self, context: &Context) -> BTreeMap<String, String> {
        let hash = |(name, value): (&str, &str)| {
            let length = (name.len() as u16).to_be_bytes();
            let parts: [&[u8]; 4] = [b"libvault/v1/audit", &length, name.as_bytes(), value.as_bytes()];
            let digest = hmac(&**self.hash_key, &parts);
            (name.to_owned(), hexadecimal(&digest[..16]))
        };
        context.items().map(hash).collect()
    }
}

/// The key uses of one operation on their way into the trail. Without a sink it holds nothing and costs nothing.
pub(crate) struct Trail(Option<Box<Open>>);

struct Open {
    audit: Audit,
    event: Event,
}

impl Trail {
    pub(crate) fn begin(
        audit: Option<&Audit>,
        operation: Operation,
        actor: Option<&Arc<str>>,
        context: &Context,
    ) -> Self {
        Self(audit.map(|audit| {
            let event = Event {
                time: String::new(),
                actor: actor.map(|actor| actor.to_string()),
                operation,
                outcome: "ok",
                detail: None,
                policy: None,
                data_key: None,
                old_data_key: None,
                context: audit.context_hashes(context),
                new_context: None,
                downgrade: false,
                messages: None,
                uses: Vec::new(),
            };
            Box::new(Open { audit: audit.clone(), event })
        }))
    }

    /// Notes a use. The closure runs only where there is a sink.
    pub(crate) fn key_use(&mut self, describe: impl FnOnce() -> KeyUse) {
        if let Some(open) = &mut self.0 {
            open.event.uses.push(describe());
        }
    }

    /// Notes that a customer's key is about to be asked, and then what it answered.
    pub(crate) async fn customer_use<T>(
        &mut self,
        kind: Use,
        binding: &str,
        key: &CustomerKey,
        ask: impl Future<Output = Result<KmsReply<T>, KmsFailure>>,
    ) -> Result<KmsReply<T>, KmsFailure> {
        self.key_use(|| KeyUse::asked(kind, binding, key));
        let reply = ask.await;
        if let Some(noted) = self.0.as_mut().and_then(|open| open.event.uses.last_mut()) {
            (noted.outcome, noted.request_id) = match &reply {
                Ok(reply) => ("ok", reply.request_id.clone()),
                Err(failure) => (failure.code.name(), failure.request_id.clone()),
            };
        }
        reply
    }

    /// Notes which data key it is about, and under which policy.
    pub(crate) fn data_key(&mut self, policy: Policy, commitment: &[u8; 32]) {
        if let Some(open) = &mut self.0 {
            open.event.policy = Some(policy.name());
            let before = open.event.data_key.replace(hexadecimal(commitment));
            open.event.old_data_key = before.filter(|before| Some(before) != open.event.data_key.as_ref());
        }
    }

    /// Notes which context a data key goes to.
    pub(crate) fn new_context(&mut self, context: &Context) {
        if let Some(open) = &mut self.0 {
            open.event.new_context = Some(open.audit.context_hashes(context));
        }
    }

    /// Notes whether the protection becomes weaker.
    pub(crate) fn downgrade(&mut self, is_downgrade: bool) {
        if let Some(open) = &mut self.0 {
            open.event.downgrade = is_downgrade;
        }
    }

    /// Records nothing: nothing was done.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }

    /// The account of a lease that this operation opens: what went under it is reported there. None where every message is recorded by itself.
    pub(crate) fn ledger(&self) -> Option<Ledger> {
        let Open { audit, event } = &**self.0.as_ref()?;
        // Many callers share it.
        let event = Event { actor: None, uses: Vec::new(), ..event.clone() };
        (!audit.every_message).then(|| Ledger { audit: audit.clone(), event, reported: AtomicU64::new(1) })
    }

    /// What was noted so far, to be recorded now; the rest of the operation begins without it.
    pub(crate) fn split(&mut self) -> Self {
        let Some(open) = &mut self.0 else { return Self(None) };
        let event = Event { uses: std::mem::take(&mut open.event.uses), ..open.event.clone() };
        Self(Some(Box::new(Open { audit: open.audit.clone(), event })))
    }

    /// A message under a lease that is counted there.
    pub(crate) fn is_counted_elsewhere(&self) -> bool {
        self.0.as_ref().is_some_and(|open| !open.audit.every_message)
    }

    /// Whether `finish` blocks its thread.
    pub(crate) fn blocks(&self) -> bool {
        self.0.as_ref().is_some_and(|open| open.audit.sink.blocks())
    }

    /// Records the operation with its outcome.
    ///
    /// # Errors
    /// `AuditUnavailable`: nothing of the operation may leave.
    pub(crate) async fn finish(mut self, failure: Option<&Error>) -> Result<()> {
        let Some(mut open) = self.0.take() else { return Ok(()) };
        open.close(failure);
        let Open { audit, event } = *open;
        audit.sink.record(event).await?;
        audit.counters.audit_events.count();
        Ok(())
    }
}

/// Where the messages of a lease are counted.
pub(crate) struct Ledger {
    audit: Audit,
    /// As the lease was opened.
    event: Event,
    /// Messages already reported; the one that opened the lease has an event of its own.
    reported: AtomicU64,
}

impl Ledger {
    /// Records the messages that were not recorded yet, given how many there were in all.
    pub(crate) fn report(&self, messages: u64) {
        let before = self.reported.fetch_max(messages, Ordering::Relaxed);
        if messages > before {
            let event = Event { time: now(), messages: Some(messages - before), ..self.event.clone() };
            self.audit.enqueue(event);
        }
    }
}

impl Open {
    fn close(&mut self, failure: Option<&Error>) {
        self.event.time = now();
        if let Some(failure) = failure {
            self.event.outcome = failure.code().name();
            self.event.detail = failure.audit_detail();
        }
    }
}

/// A call that was dropped while it waited: what it did with keys is recorded all the same.
impl Drop for Trail {
    fn drop(&mut self) {
        if let Some(mut open) = self.0.take()
            && !open.event.uses.is_empty()
        {
            open.close(None);
            open.event.outcome = "Cancelled";
            let Open { audit, event } = *open;
            audit.enqueue(event);
            // Written soon, and not by a thread that must not block.
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || audit.flush())),
                Err(_) => audit.flush(),
            }
        }
    }
}

/// RFC 3339, UTC.
fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn is_false(value: &bool) -> bool {
    !value
}
