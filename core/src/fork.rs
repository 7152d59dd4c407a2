//! Sections that a fork must not cut in two: uses of SQLite, of the audit file, and of the AWS SDK, whose locks are not ours. A fork of this
//! process waits until all threads are out of them; a child never sees one half done.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libvault_memory::{ForkHandlers, ForkLocal, register_fork_handlers};

/// What has to be closed before a fork.
pub(crate) trait BeforeFork: Send + Sync {
    /// No other thread is in an undivided section. It must not wait.
    fn before_fork(&self);
}

/// A thread that is in an undivided section; leaves it when dropped.
pub(crate) struct Undivided(&'static Gate);

/// Enters an undivided section, once a fork that is under way is through. Sections may be nested. They must be short, and nothing in them may call
/// the host or wait for another thread of its.
pub(crate) fn undivided() -> Undivided {
    let gate = gate();
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    if depth == 0 {
        gate.enter();
    }
    Undivided(gate)
}

/// Whether this process came into being by a fork that cut a section in two all the same: by a bare `clone`, or because a section took too long.
pub(crate) fn is_cut() -> bool {
    gate().is_cut
}

/// Calls `before_fork` of what is alive then, once, at the next fork.
pub(crate) fn close_before_fork(what: Weak<dyn BeforeFork>) {
    let mut open = gate().open.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|other| other.strong_count() > 0);
    open.push(what);
}

/// A future each poll of which is an undivided section.
pub(crate) struct UndividedPolls<F>(Option<Pin<Box<F>>>);

impl<F: Future> UndividedPolls<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future> Future for UndividedPolls<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _undivided = undivided();
        let future = self.0.as_mut().expect("it is there until the drop");
        future.as_mut().poll(context)
    }
}

impl<F> Drop for UndividedPolls<F> {
    /// Dropping the future may take the same locks as polling it.
    fn drop(&mut self) {
        let _undivided = undivided();
        self.0 = None;
    }
}

/// How long a fork waits for sections. Longer than they take: SQLite and the audit file wait for another process's lock for two seconds, and a few
/// threads may wait for one connection one after the other.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(50);

struct Gate {
    /// Threads in undivided sections.
    inside: AtomicUsize,
    /// Threads that are forking.
    forking: AtomicUsize,
    open: Mutex<Vec<Weak<dyn BeforeFork>>>,
    is_cut: bool,
}

thread_local! {
    /// How many undivided sections this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn gate() -> &'static Gate {
    static GATE: ForkLocal<Gate> = ForkLocal::new();
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        // Without handlers children find out that they are cut.
        let _ = register_fork_handlers::<Forks>();
    }
    GATE.get_or_make(|inherited| Gate {
        inside: AtomicUsize::new(0),
        forking: AtomicUsize::new(0),
        open: Mutex::default(),
        is_cut: inherited.is_some_and(Gate::was_cut),
    })
}

impl Gate {
    fn enter(&self) {
        loop {
            self.inside.fetch_add(1, Ordering::SeqCst);
            if self.forking.load(Ordering::SeqCst) == 0 {
                return;
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
            std::thread::sleep(PAUSE);
        }
    }

    /// What a child sees of its parent's gate.
    fn was_cut(&self) -> bool {
        let all_closed = self.open.try_lock().is_ok_and(|open| open.iter().all(|one| one.strong_count() == 0));
        self.is_cut || !all_closed || self.inside.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Undivided {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            self.0.inside.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

struct Forks;

impl ForkHandlers for Forks {
    fn before() {
        let gate = gate();
        gate.forking.fetch_add(1, Ordering::SeqCst);
        // A section of this very thread, interrupted by a signal handler that forks, would be waited for in vain.
        let start = Instant::now();
        while gate.inside.load(Ordering::SeqCst) > 0 {
            if DEPTH.get() > 0 || start.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let open = gate.open.try_lock().map(|mut open| std::mem::take(&mut *open));
        open.into_iter().flatten().filter_map(|one| one.upgrade()).for_each(|one| one.before_fork());
    }

    fn after_in_parent() {
        gate().forking.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    use super::*;

    struct Counted(AtomicU32);

    impl BeforeFork for Counted {
        fn before_fork(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The handlers around a fork, without the fork; `tests/forks` has real ones.
    #[test]
    fn a_fork_waits_for_sections_and_sections_wait_for_a_fork() {
        let closed = Arc::new(Counted(AtomicU32::new(0)));
        let weak = Arc::downgrade(&closed);
        close_before_fork(weak);
        let outer = undivided();
        let inner = undivided();
        let forked = std::thread::spawn(Forks::before);
        while gate().forking.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        drop(undivided());
        drop(inner);
        assert_eq!(
            closed.0.load(Ordering::Relaxed),
            0,
            "a nested section does not end the outer one, nor wait for the fork"
        );
        drop(outer);
        forked.join().unwrap();
        assert_eq!(closed.0.load(Ordering::Relaxed), 1);
        let entered = std::thread::spawn(|| drop(undivided()));
        Forks::after_in_parent();
        entered.join().unwrap();
        assert!(!is_cut());
    }
}
