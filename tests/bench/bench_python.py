"""CPU time of encryption and decryption in Python: bench.py runs it beside the other languages.

bench_python.py CONFIG BUDGET prints a line "variant<TAB>operation<TAB>bytes<TAB>microseconds" for each measurement. The
budget is the milliseconds of a batch; a measurement is the median of eleven batches.
"""

import itertools
import statistics
import sys
import time

import libvault

SIZES = (64, 1_024, 65_536, 1_048_576)
BATCHES = 11
ITEMS = {"organization_id": "org_123"}


def batch(calls: int, call, arguments: tuple) -> int:
    """Nanoseconds of CPU time of all threads of this process."""
    started = time.process_time_ns()
    for _ in itertools.repeat(None, calls):
        call(*arguments)
    return time.process_time_ns() - started


def measure(budget: float, call, *arguments) -> float:
    """Microseconds per call: the median over batches, each long enough for the clock."""
    calls = 1
    # Twice, since the first calls also pay for what is made once.
    while min(batch(calls, call, arguments) for _ in range(2)) < budget * 1e6:
        calls *= 2
    return statistics.median(batch(calls, call, arguments) for _ in range(BATCHES)) / 1e3 / calls


def bench(vault: libvault.Vault, size: int, budget: float):
    prepared = vault.context(ITEMS)
    data = b"x" * size
    envelope = vault.encrypt(data, prepared)
    if vault.decrypt(envelope, prepared) != data:
        sys.exit("the data did not come back")
    sealed = bytearray(vault.encrypted_length_limit(size, prepared))
    opened = bytearray(size)
    yield "encrypt, prepared context", "encrypt", measure(budget, vault.encrypt, data, prepared)
    yield "encrypt, prepared context", "decrypt", measure(budget, vault.decrypt, envelope, prepared)
    yield "encrypt, dict", "encrypt", measure(budget, vault.encrypt, data, ITEMS)
    yield "encrypt, dict", "decrypt", measure(budget, vault.decrypt, envelope, ITEMS)
    yield "encrypt_into, prepared context", "encrypt", measure(budget, vault.encrypt_into, data, prepared, sealed)
    yield "encrypt_into, prepared context", "decrypt", measure(budget, vault.decrypt_into, envelope, prepared, opened)


def main():
    _, config, budget = sys.argv
    with libvault.open(config) as vault:
        for size in SIZES:
            for variant, operation, microseconds in bench(vault, size, float(budget)):
                print(f"{variant}\t{operation}\t{size}\t{microseconds:.4f}")


if __name__ == "__main__":
    main()
