//! What lasts over several calls of JavaScript, each of which may be on another thread.

use std::sync::{Arc, Mutex, PoisonError};

use libvault::{Error, Result};

/// A value that is taken out for the length of one step, so that nothing is locked meanwhile. Clones share it.
pub(crate) struct Slot<T>(Arc<Mutex<State<T>>>);

enum State<T> {
    Idle(T),
    Busy,
    Over,
}

impl<T> Slot<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(State::Idle(value))))
    }

    /// A step. If it panics the value is gone.
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let mut value = self.take()?;
        let result = step(&mut value);
        self.put_back(value);
        result
    }

    /// For a step that awaits: what was taken has to be put back.
    pub(crate) fn take(&self) -> Result<T> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Busy) {
            State::Idle(value) => Ok(value),
            State::Busy => Err(Error::internal("one step at a time")),
            State::Over => {
                *state = State::Over;
                Err(Error::internal("there are no more steps"))
            }
        }
    }

    pub(crate) fn put_back(&self, value: T) {
        let mut state = self.lock();
        if matches!(*state, State::Busy) {
            *state = State::Idle(value);
        }
    }

    /// Drops the value now, or when the step that is under way is done.
    pub(crate) fn end(&self) {
        let value = std::mem::replace(&mut *self.lock(), State::Over);
        drop(value);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
