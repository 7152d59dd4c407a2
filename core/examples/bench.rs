//! CPU time of encryption and decryption in Rust: `tests/bench/bench.py` runs it beside the other languages.
//!
//! `bench CONFIG BUDGET` prints a line `variant<TAB>operation<TAB>bytes<TAB>microseconds` for each measurement. The budget is the milliseconds
//! of a batch; a measurement is the median of eleven batches.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use libvault::{Config, Context, Vault};
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn std::error::Error>;

const SIZES: [usize; 4] = [64, 1_024, 65_536, 1_048_576];
const BATCHES: usize = 11;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, budget] = arguments.as_slice() else {
        return Err("usage: bench CONFIG BUDGET".into());
    };
    let budget = Duration::from_millis(budget.parse()?);
    let vault = Vault::open(Config::from_file(config)?)?;
    let context = Context::new([("organization_id", "org_123")])?;
    for size in SIZES {
        bench(&vault, &context, size, budget)?;
    }
    Ok(())
}

fn bench(vault: &Vault, context: &Context, size: usize, budget: Duration) -> Result<(), Failure> {
    let data = vec![b'x'; size];
    // These may ask a KMS; what is measured is under the lease that they open.
    let envelope = vault.encrypt_blocking(&data, context, None)?;
    if vault.decrypt_blocking(&envelope, context, None)? != data {
        return Err("the data did not come back".into());
    }
    let mut sealed = vec![0; vault.encrypted_length_limit(size, context)?];
    let mut opened = vec![0; size];

    let report = |variant, operation, call: &mut dyn FnMut() -> libvault::Result<usize>| {
        let microseconds = measure(budget, call)?;
        writeln!(std::io::stdout(), "{variant}\t{operation}\t{size}\t{microseconds:.4}").map_err(Failure::from)
    };
    report("encrypt_now", "encrypt", &mut || vault.encrypt_now(&data, context, None).map(freed))?;
    report("encrypt_now", "decrypt", &mut || vault.decrypt_now(&envelope, context, None).map(freed))?;
    report("encrypt_into_now", "encrypt", &mut || vault.encrypt_into_now(&data, context, None, &mut sealed))?;
    report("encrypt_into_now", "decrypt", &mut || vault.decrypt_into_now(&envelope, context, None, &mut opened))
}

fn freed(output: Vec<u8>) -> usize {
    black_box(&output).len()
}

/// Microseconds of CPU time per call: the median over batches, each long enough for the clock.
fn measure(budget: Duration, call: &mut dyn FnMut() -> libvault::Result<usize>) -> libvault::Result<f64> {
    let mut calls = 1;
    // Twice, since the first calls also pay for what is made once.
    while batch(calls, call)? < budget || batch(calls, call)? < budget {
        calls *= 2;
    }
    let mut times = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        times.push(batch(calls, call)?);
    }
    times.sort_unstable();
    Ok(times[BATCHES / 2].as_secs_f64() * 1e6 / f64::from(calls))
}

fn batch(calls: u32, call: &mut dyn FnMut() -> libvault::Result<usize>) -> libvault::Result<Duration> {
    let started = cpu_time();
    for _ in 0..calls {
        black_box(call()?);
    }
    Ok(cpu_time() - started)
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
