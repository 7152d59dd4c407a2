//! How far a long command is, for a person who waits for it.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes less than a moment needs no bar.
const SHORTEST: u64 = 8 << 20;

/// A bar on standard error, if that is a terminal and nobody asked for JSON; gone when this is dropped.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    length: Option<u64>,
    done: u64,
    wanted: bool,
}

impl Progress {
    /// `length` is that of the input, where it is known.
    pub(crate) fn new(length: Option<u64>, wanted: bool) -> Self {
        Self { bar: None, length, done: 0, wanted: wanted && io::stderr().is_terminal() }
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.wanted && self.bar.is_none() && self.done.max(self.length.unwrap_or(0)) >= SHORTEST {
            self.bar = Some(start(self.length));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn start(length: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = match length {
        Some(_) => "{bytes} of {total_bytes} [{wide_bar}] {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
