//! What a secret costs beside a wiped box: nanoseconds of CPU time for making and dropping one, medians of eleven batches. `slots THREADS`.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use libvault_memory::{Protected, wipe};
use rustix::time::{ClockId, clock_gettime};

const CALLS: u32 = 2_000_000;

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1);
    let mut out = std::io::stdout();
    writeln!(out, "Protected<32>  {:6.1} ns", median(threads, || drop(black_box(Protected::<32>::zero()))))?;
    writeln!(out, "Protected<64>  {:6.1} ns", median(threads, || drop(black_box(Protected::<64>::zero()))))?;
    writeln!(out, "Box<[u8; 32]>  {:6.1} ns", median(threads, || wipe(&mut **black_box(&mut Box::new([0_u8; 32])))))?;
    writeln!(out, "Box<[u8; 64]>  {:6.1} ns", median(threads, || wipe(&mut **black_box(&mut Box::new([0_u8; 64])))))
}

fn median(threads: usize, call: impl Fn() + Sync) -> f64 {
    let batch = || {
        let started = cpu_time();
        (0..CALLS).for_each(|_| call());
        (cpu_time() - started).as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| (0..11).map(|_| batch()).collect::<Vec<_>>())).collect();
        all.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
