//! The library's own tokio runtime: one per process, started when a KMS is first called by a caller who has no runtime.
//!
//! It has one worker and at most one blocking thread. Local keys never start it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

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
    let handle = handle();
    let _entered = handle.enter();
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
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
    /// The runtime, and the process that started it.
    static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match &*slot {
        Some((owner, runtime)) if *owner == process => runtime.handle().clone(),
        _ => {
            let runtime = start();
            let handle = runtime.handle().clone();
            // After a fork the parent's threads do not exist here, so its runtime cannot be shut down: it is forgotten.
            std::mem::forget(slot.replace((process, runtime)));
            handle
        }
    }
}

fn start() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .thread_name("libvault")
        .enable_all()
        .build()
        .expect("the operating system gives a thread and an event queue")
}
