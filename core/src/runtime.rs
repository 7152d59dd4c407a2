//! The library's own tokio runtime: one per process, started when a KMS is first called by a caller who has no runtime.
//!
//! It has one worker and one thread for blocking work, both with all signals blocked. Local keys never start it. A child of a fork starts its own. The
//! names of KMSs are not looked up here (decision 0016).

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use libvault_memory::ForkLocal;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Runs `future` on the library's runtime; the handle gives its result, aborting it cancels the work.
///
/// # Panics
/// If the operating system refuses a thread.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    handle().spawn(future)
}

/// Waits for `future` on this thread, with the library's runtime driving its network and timers. It works inside another tokio runtime too,
/// where it blocks the calling thread.
///
/// # Panics
/// If the operating system refuses a thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let output = poll_until(future, || {
        std::thread::park();
        true
    });
    output.expect("only an interruption ends without a result")
}

/// [`block_on`] that asks `interrupted`, on this thread, whenever it is about to wait and at least every `interval` while it waits. Once that says
/// yes there is no result: the future is dropped, which cancels its work.
///
/// # Panics
/// If the operating system refuses a thread.
pub fn block_on_interruptible<F: Future>(
    future: F,
    interval: Duration,
    interrupted: &dyn Fn() -> bool,
) -> Option<F::Output> {
    poll_until(future, || {
        let goes_on = !interrupted();
        if goes_on {
            std::thread::park_timeout(interval);
        }
        goes_on
    })
}

/// Polls until there is a result, or `wait` says that nobody waits for it any more.
fn poll_until<F: Future>(future: F, wait: impl Fn() -> bool) -> Option<F::Output> {
    let handle = handle();
    let _entered = handle.enter();
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return Some(output),
            Poll::Pending if wait() => {}
            Poll::Pending => return None,
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn handle() -> Handle {
    /// After a fork the parent's threads do not exist in the child, so its runtime could not even be shut down there.
    static RUNTIME: ForkLocal<OnceLock<Runtime>> = ForkLocal::new();
    RUNTIME.get_or_make(|_| OnceLock::new()).get_or_init(start).handle().clone()
}

fn start() -> Runtime {
    // The host's handlers are not for our threads, and a broken connection must not raise SIGPIPE. Threads inherit the mask of who starts them.
    #[cfg(unix)]
    let _blocked = libvault_memory::SignalsBlocked::until_dropped();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        // A thread that ended for want of work would be started again by whoever needs it, with that thread's mask.
        .thread_keep_alive(Duration::from_secs(60 * 60 * 24 * 365))
        .thread_name("libvault")
        .enable_all()
        .build()
        .expect("the operating system gives a thread and an event queue");
    runtime.spawn_blocking(|| {});
    runtime
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_interruption_drops_the_future() {
        let dropped = Arc::new(());
        let held = Arc::clone(&dropped);
        let asked = Cell::new(0);
        let result = block_on_interruptible(
            async move {
                let _held = held;
                std::future::pending::<()>().await;
            },
            Duration::from_millis(1),
            &|| asked.replace(asked.get() + 1) == 3,
        );
        assert_eq!(result, None);
        assert_eq!(asked.get(), 4);
        assert_eq!(Arc::strong_count(&dropped), 1);
    }

    #[test]
    fn a_result_is_given_whatever_the_interval() {
        let timer = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            7
        };
        assert_eq!(block_on_interruptible(timer, Duration::from_secs(3600), &|| false), Some(7));
        assert_eq!(block_on(async { 8 }), 8);
    }

    /// The two threads exist from the start, so that none is ever started by a thread of the host.
    #[cfg(target_os = "linux")]
    #[test]
    fn its_two_threads_block_signals() {
        block_on(spawn_blocking_twice());
        let mut ours = 0;
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let task = task.unwrap().path();
            // A thread of the test harness may end meanwhile.
            let Ok(status) = std::fs::read_to_string(task.join("status")) else { continue };
            if status.lines().any(|line| line == "Name:\tlibvault") {
                let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
                let mask = u64::from_str_radix(mask, 16).unwrap();
                for signal in [1, 2, 3, 13, 14, 15, 17] {
                    assert_ne!(mask & 1 << (signal - 1), 0, "signal {signal} is blocked");
                }
                ours += 1;
            }
        }
        assert_eq!(ours, 2);
    }

    #[cfg(target_os = "linux")]
    async fn spawn_blocking_twice() {
        for _ in 0..2 {
            tokio::task::spawn_blocking(|| {}).await.unwrap();
        }
    }
}
