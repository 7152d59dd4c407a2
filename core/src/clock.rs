//! Time as the rules of the cache need it: it goes on while the machine sleeps, and tests can hold it.

use std::time::Duration;

/// A clock that never goes back. Its zero is arbitrary.
pub(crate) trait Clock: Send + Sync {
    fn now(&self) -> Duration;
}

/// A time of the clock as an atomic holds it.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The system's clock that counts sleep (`CLOCK_BOOTTIME` on Linux). A suspended laptop must not stretch the life of a cached key.
#[derive(Debug, Default)]
pub(crate) struct SystemClock;

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Clock for SystemClock {
    fn now(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
    }
}

/// On macOS `Instant` stops while the machine sleeps, on Windows it goes on; the wall clock's progress covers the former.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Clock for SystemClock {
    fn now(&self) -> Duration {
        use std::sync::OnceLock;
        use std::time::{Instant, SystemTime};
        static START: OnceLock<(Instant, SystemTime)> = OnceLock::new();
        let (instant, wall) = START.get_or_init(|| (Instant::now(), SystemTime::now()));
        instant.elapsed().max(wall.elapsed().unwrap_or_default())
    }
}

/// A clock that stands still until it is set.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct HeldClock(std::sync::atomic::AtomicU64);

#[cfg(test)]
impl HeldClock {
    pub(crate) fn at(milliseconds: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(milliseconds))
    }

    pub(crate) fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for HeldClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}
