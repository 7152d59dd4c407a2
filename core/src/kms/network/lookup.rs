//! What a host's name means. The operating system is asked, by a call that blocks for as long as a name server is silent: so each name is asked for by a
//! thread of its own, one at a time for all who wait, and a name that hangs holds up nobody who needs another one
//! (P4, `docs/decisions/0016-a-name-is-looked-up-by-a-thread-of-its-own.md`).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libvault_memory::ForkLocal;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

use super::Carried;
use crate::error::ErrorCode;
use crate::kms::{KmsFailure, bounded};

/// So many names are asked for at once in a process, and no more: threads are the host's. A call that needs one more is `Throttled`, which is no
/// KMS's fault and opens no circuit.
const UNDER_WAY: usize = 256;
/// Far above what the C library and its plug-ins for names take.
const STACK: usize = 512 * 1024;

/// The operating system's names, for HTTP clients.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        /// A child of a fork begins without: the threads of its parent do not exist there.
        static LOOKUPS: ForkLocal<Arc<Lookups>> = ForkLocal::new();
        let lookups = Arc::clone(LOOKUPS.get_or_make(|_| Arc::new(Lookups::new(ask_system))));
        Box::pin(async move {
            let found = lookups.addresses(name.as_str()).await.map_err(Carried)?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn ask_system(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 0).to_socket_addrs()?.collect())
}

type Found = Result<Vec<SocketAddr>, KmsFailure>;
type Asked = watch::Receiver<Option<Found>>;
type Ask = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

struct Lookups {
    ask: Box<Ask>,
    under_way: Mutex<HashMap<String, Asked>>,
}

impl Lookups {
    fn new(ask: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self { ask: Box::new(ask), under_way: Mutex::default() }
    }

    /// Whoever comes while the name is asked for waits for that answer. Nothing is remembered afterwards: that is the operating system's business.
    async fn addresses(self: Arc<Self>, name: &str) -> Found {
        let mut asked = self.join_or_ask(name)?;
        let found = asked.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        found.unwrap_or_else(|| Err(KmsFailure::new(ErrorCode::Internal, "the lookup of a name panicked")))
    }

    fn join_or_ask(self: &Arc<Self>, name: &str) -> Result<Asked, KmsFailure> {
        let mut under_way = self.lock();
        if let Some(asked) = under_way.get(name) {
            return Ok(asked.clone());
        }
        if under_way.len() >= UNDER_WAY {
            let message = format!("{UNDER_WAY} names of hosts are being looked up: this one would be one too many");
            return Err(KmsFailure::new(ErrorCode::Throttled, message));
        }
        let (answer, asked) = watch::channel(None);
        let (lookups, this) = (Arc::clone(self), name.to_owned());
        let thread = move || {
            // Not before: it takes the lock when it is dropped.
            let question = Question { lookups, name: this };
            let found = question.ask();
            // Who comes from here on asks anew.
            drop(question);
            answer.send_replace(Some(found));
        };
        // The host's signals are not for this thread: it inherits the mask of who starts it.
        #[cfg(unix)]
        let _blocked = libvault_memory::SignalsBlocked::until_dropped();
        let thread = std::thread::Builder::new().name("libvault-lookup".to_owned()).stack_size(STACK).spawn(thread);
        thread.map_err(|error| {
            let message = format!("no thread could be started to look up a host's name: {}", error.kind());
            KmsFailure::new(ErrorCode::Throttled, message)
        })?;
        under_way.insert(name.to_owned(), asked.clone());
        Ok(asked)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that is under way until this is dropped.
struct Question {
    lookups: Arc<Lookups>,
    name: String,
}

impl Question {
    fn ask(&self) -> Found {
        (self.lookups.ask)(&self.name).map_err(|error| {
            let message = format!("the KMS could not be reached: {}", bounded(&error.to_string()));
            KmsFailure::new(ErrorCode::KmsUnavailable, message)
        })
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.lookups.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;
    use crate::runtime::block_on;

    /// A system that answers for `NUMBER.silent` only once it is told to, and says how often it was asked.
    struct System {
        lookups: Arc<Lookups>,
        asked: Arc<AtomicUsize>,
        answer: Sender<()>,
    }

    impl System {
        fn new() -> Self {
            let (answer, answers): (Sender<()>, Receiver<()>) = channel();
            let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Mutex::new(answers));
            let count = Arc::clone(&asked);
            let lookups = Lookups::new(move |name| {
                count.fetch_add(1, Ordering::SeqCst);
                if name.ends_with(".silent") {
                    // An error once the test is over.
                    let _ = answers.lock().unwrap().recv();
                }
                assert_ne!(name, "panics");
                if name == "unknown" {
                    return Err(io::Error::other("nobody knows it"));
                }
                Ok(vec![([192, 0, 2, 1], 0).into()])
            });
            Self { lookups: Arc::new(lookups), asked, answer }
        }

        fn find(&self, name: impl Into<String>) -> Pin<Box<dyn Future<Output = Found>>> {
            let (lookups, name) = (Arc::clone(&self.lookups), name.into());
            Box::pin(async move { lookups.addresses(&name).await })
        }
    }

    /// What hangs is red, and not endless.
    fn wait(found: impl Future<Output = Found>) -> Found {
        block_on(async { tokio::time::timeout(Duration::from_secs(30), found).await.unwrap() })
    }

    fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[test]
    fn names_that_hang_hold_up_no_other_name() {
        let system = System::new();
        let mut hanging: Vec<_> = (1..UNDER_WAY).map(|number| system.find(format!("{number}.silent"))).collect();
        assert!(hanging.iter_mut().all(is_pending));
        for _ in 0..100 {
            assert_eq!(wait(system.find("other")).unwrap(), [([192, 0, 2, 1], 0).into()]);
        }
        assert!(hanging.iter_mut().all(is_pending));
    }

    #[test]
    fn one_thread_asks_for_a_name_however_many_wait_or_gave_up() {
        let system = System::new();
        let mut waiting: Vec<_> = (0..1_000).map(|_| system.find("1.silent")).collect();
        assert!(waiting.iter_mut().all(is_pending));
        waiting.truncate(10);
        system.answer.send(()).unwrap();
        for waits in waiting {
            assert_eq!(wait(waits).unwrap().len(), 1);
        }
        assert_eq!(system.asked.load(Ordering::SeqCst), 1);
        system.answer.send(()).unwrap();
        wait(system.find("1.silent")).unwrap();
        assert_eq!(system.asked.load(Ordering::SeqCst), 2, "an answer is not kept");
    }

    #[test]
    fn threads_are_bounded_and_one_name_too_many_is_nobodys_fault() {
        let system = System::new();
        let mut hanging: Vec<_> = (0..UNDER_WAY).map(|number| system.find(format!("{number}.silent"))).collect();
        assert!(hanging.iter_mut().all(is_pending));
        assert_eq!(wait(system.find("other")).unwrap_err().code, ErrorCode::Throttled);
        assert!(is_pending(&mut system.find("0.silent")), "who needs a name that is under way joins");
        system.answer.send(()).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(30);
        while wait(system.find("other")).is_err() {
            assert!(std::time::Instant::now() < end, "the place is given on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn all_are_told_why_there_is_no_address() {
        let system = System::new();
        let failure = wait(system.find("unknown")).unwrap_err();
        assert_eq!(failure.code, ErrorCode::KmsUnavailable);
        assert_eq!(failure.message, "the KMS could not be reached: nobody knows it");
        assert!(wait(system.find("other")).is_ok());
    }

    #[test]
    fn a_lookup_that_panics_takes_nobody_with_it() {
        let system = System::new();
        for _ in 0..2 {
            assert_eq!(wait(system.find("panics")).unwrap_err().code, ErrorCode::Internal);
        }
        assert!(wait(system.find("other")).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_thread_takes_no_signals() {
        let (tell, told) = channel();
        let lookups = Lookups::new(move |_| {
            let status = std::fs::read_to_string("/proc/thread-self/status")?;
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap_or_default().to_owned();
            tell.send(mask).map_err(io::Error::other)?;
            Ok(Vec::new())
        });
        block_on(Arc::new(lookups).addresses("name")).unwrap();
        let mask = u64::from_str_radix(&told.recv().unwrap(), 16).unwrap();
        for signal in [1, 2, 3, 13, 14, 15, 17] {
            assert_ne!(mask & 1 << (signal - 1), 0, "signal {signal} is blocked");
        }
    }
}
