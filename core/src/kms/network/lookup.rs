//! What a host's name means. The operating system is asked, by a call that blocks for as long as a name server is silent: so each name is asked for by a
//! thread of its own, one at a time for all who wait, and a name that hangs holds up nobody who needs another one
//! (P4, `docs/decisions/0016-a-name-is-looked-up-by-a-thread-of-its-own.md`).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libvault_memory::ForkLocal;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// So many names are asked for at once in a process; who needs one more waits.
const UNDER_WAY: usize = 32;

/// The operating system's names, for HTTP clients.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        /// A child of a fork begins without: the threads of its parent do not exist there.
        static LOOKUPS: ForkLocal<Arc<Lookups>> = ForkLocal::new();
        let lookups = Arc::clone(LOOKUPS.get_or_make(|_| Arc::new(Lookups::new(ask_system))));
        Box::pin(async move {
            let found = lookups.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn ask_system(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 0).to_socket_addrs()?.collect())
}

/// Why there is no address, as told to all who waited.
type Found = Result<Vec<SocketAddr>, String>;
type Asked = watch::Receiver<Option<Found>>;
type Ask = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

struct Lookups {
    ask: Box<Ask>,
    under_way: Mutex<HashMap<String, Asked>>,
    places: Arc<Semaphore>,
}

impl Lookups {
    fn new(ask: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self { ask: Box::new(ask), under_way: Mutex::default(), places: Arc::new(Semaphore::new(UNDER_WAY)) }
    }

    /// Whoever comes while the name is asked for waits for that answer. Nothing is remembered afterwards: that is the operating system's business.
    async fn addresses(self: Arc<Self>, name: &str) -> Found {
        let joined = self.lock().get(name).cloned();
        let mut asked = match joined {
            Some(asked) => asked,
            None => {
                let place = Arc::clone(&self.places).acquire_owned().await.map_err(|closed| closed.to_string())?;
                self.join_or_ask(name, place)?
            }
        };
        let found = asked.wait_for(Option::is_some).await.map_err(|_| "the lookup of a name broke off".to_owned())?;
        found.clone().expect("it was waited for")
    }

    fn join_or_ask(self: Arc<Self>, name: &str, place: OwnedSemaphorePermit) -> Result<Asked, String> {
        let lookups = Arc::clone(&self);
        let mut under_way = self.lock();
        if let Some(asked) = under_way.get(name) {
            return Ok(asked.clone());
        }
        let (answer, asked) = watch::channel(None);
        let this = name.to_owned();
        let thread = move || {
            let found = (lookups.ask)(&this).map_err(|error| error.to_string());
            // Who comes from here on asks anew.
            lookups.lock().remove(&this);
            drop(place);
            answer.send_replace(Some(found));
        };
        // The host's signals are not for this thread: it inherits the mask of who starts it.
        #[cfg(unix)]
        let _blocked = libvault_memory::SignalsBlocked::until_dropped();
        let started = std::thread::Builder::new().name("libvault-lookup".to_owned()).spawn(thread);
        started.map_err(|error| format!("no thread could be started to look a name up: {error}"))?;
        under_way.insert(name.to_owned(), asked.clone());
        Ok(asked)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn threads_are_bounded_and_a_place_is_given_on() {
        let system = System::new();
        let mut hanging: Vec<_> = (0..UNDER_WAY).map(|number| system.find(format!("{number}.silent"))).collect();
        assert!(hanging.iter_mut().all(is_pending));
        let mut next = system.find("other");
        assert!(is_pending(&mut next));
        let mut joins = system.find("0.silent");
        assert!(is_pending(&mut joins));
        system.answer.send(()).unwrap();
        assert_eq!(wait(next).unwrap().len(), 1);
        assert_eq!(system.asked.load(Ordering::SeqCst), UNDER_WAY + 1);
    }

    #[test]
    fn all_are_told_why_there_is_no_address() {
        let system = System::new();
        assert_eq!(wait(system.find("unknown")), Err("nobody knows it".to_owned()));
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
