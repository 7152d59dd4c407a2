//! Sections that a fork must not cut in two: uses of SQLite, of the audit file, and of the AWS SDK, whose locks are not ours. A fork of this
//! process waits until all threads are out of them; a child never sees one half done.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libvault_memory::{ForkHandlers, ForkLocal, register_fork_handlers};

/// What has to be closed before a fork.
pub(crate) trait BeforeFork: Send + Sync {
    /// No other thread is in an undivided section. It must not wait.
    fn before_fork(&self);
}

/// A thread that is in an undivided section; leaves it when dropped.
pub(crate) struct Undivided {
    gate: &'static Gate,
    _deeper: Deeper,
}

/// Enters an undivided section, once a fork that is under way is through. Sections may be nested. They must be short, and nothing in them may call
/// the host or wait for another thread of its.
pub(crate) fn undivided() -> Undivided {
    let gate = gate();
    let deeper = Deeper::begin();
    if DEPTH.get() == 1 {
        gate.enter();
    }
    Undivided { gate, _deeper: deeper }
}

/// Whether this process came into being by a fork that cut a section in two all the same: by a bare `clone`, or because a section took too long.
pub(crate) fn is_cut() -> bool {
    gate().is_cut
}

/// Calls `before_fork` of what is alive then, once, at the next fork. The caller is in the undivided section that opened it.
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
    /// Set by a fork for which nobody is inside and nothing is open, unset by whoever enters next. A child goes by it: threads that try to enter, and
    /// other forks, move the counts and the lock even then.
    quiet: AtomicBool,
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
    GATE.get_or_make(Gate::new)
}

impl Gate {
    /// `inherited`: what an ancestor left.
    fn new(inherited: Option<&Self>) -> Self {
        Self {
            inside: AtomicUsize::new(0),
            forking: AtomicUsize::new(0),
            quiet: AtomicBool::new(false),
            open: Mutex::default(),
            is_cut: inherited.is_some_and(Self::was_cut),
        }
    }

    fn enter(&self) {
        loop {
            self.inside.fetch_add(1, Ordering::SeqCst);
            if self.forking.load(Ordering::SeqCst) == 0 {
                self.quiet.store(false, Ordering::SeqCst);
                return;
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
            std::thread::sleep(PAUSE);
        }
    }

    /// What a child sees of its parent's gate.
    fn was_cut(&self) -> bool {
        let all_closed = || self.open.try_lock().is_ok_and(|open| open.iter().all(|one| one.strong_count() == 0));
        let quiet = self.quiet.load(Ordering::SeqCst) || (self.inside.load(Ordering::SeqCst) == 0 && all_closed());
        self.is_cut || !quiet
    }

    /// Several threads may fork at once: none of them forks while another one is closing.
    fn before_fork(&self) {
        self.forking.fetch_add(1, Ordering::SeqCst);
        let start = Instant::now();
        while !self.close_all() {
            // A section of this very thread, or its closing, interrupted by a signal handler that forks, would be waited for in vain.
            if DEPTH.get() > 0 || start.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Says whether it is done: it is not while somebody is inside, or closing.
    fn close_all(&self) -> bool {
        if self.inside.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let mut open = match self.open.try_lock() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(open)) => open.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // Closing enters sections that must not wait for this fork: it may turn out to be the last owner of what it closes.
        let _deeper = Deeper::begin();
        open.drain(..).filter_map(|one| one.upgrade()).for_each(|one| one.before_fork());
        self.quiet.store(true, Ordering::SeqCst);
        true
    }

    fn after_fork(&self) {
        self.forking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One undivided section more that this thread is in.
struct Deeper;

impl Deeper {
    fn begin() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Drop for Undivided {
    fn drop(&mut self) {
        if DEPTH.get() == 1 {
            self.gate.inside.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

struct Forks;

impl ForkHandlers for Forks {
    fn before() {
        gate().before_fork();
    }

    fn after_in_parent() {
        gate().after_fork();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Closing takes until the test says so.
    struct Slow {
        begun: Sender<()>,
        ends: Mutex<Receiver<()>>,
    }

    impl BeforeFork for Slow {
        fn before_fork(&self) {
            self.begun.send(()).unwrap();
            self.ends.lock().unwrap().recv().unwrap();
        }
    }

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

    /// As where the C library runs the handlers of several forks side by side.
    #[test]
    fn no_thread_forks_while_another_one_closes() {
        let gate = Gate::new(None);
        let ((begun, begins), (end, ends)) = (channel(), channel());
        let slow: Arc<dyn BeforeFork> = Arc::new(Slow { begun, ends: Mutex::new(ends) });
        gate.open.lock().unwrap().push(Arc::downgrade(&slow));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| gate.before_fork());
            begins.recv().unwrap();
            assert!(gate.was_cut(), "half closed");
            let second = scope.spawn(|| gate.before_fork());
            while gate.forking.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            assert!(!gate.close_all(), "the second one may not pass");
            end.send(()).unwrap();
            first.join().unwrap();
            second.join().unwrap();
            // Nobody enters before both forks are through, and neither child is irritated by who tries to, or by a third fork.
            gate.after_fork();
            let entered = scope.spawn(|| gate.enter());
            let third = gate.open.lock().unwrap();
            gate.inside.fetch_add(1, Ordering::SeqCst);
            assert!(!gate.was_cut());
            gate.inside.fetch_sub(1, Ordering::SeqCst);
            drop(third);
            assert!(!entered.is_finished());
            gate.after_fork();
            entered.join().unwrap();
        });
        assert!(gate.was_cut(), "somebody is inside");
    }

    /// Whoever closes may be the last owner of what is closed, and dropping that is a section as well.
    #[test]
    fn closing_does_not_wait_for_its_own_fork() {
        struct Divided;
        impl BeforeFork for Divided {
            fn before_fork(&self) {
                drop(undivided());
            }
        }
        let divided: Arc<dyn BeforeFork> = Arc::new(Divided);
        let section = undivided();
        close_before_fork(Arc::downgrade(&divided));
        drop(section);
        Forks::before();
        Forks::after_in_parent();
    }
}
