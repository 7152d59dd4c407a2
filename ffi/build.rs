//! Link arguments of `libvault.so`, and the switch of the planted panic.

use std::env;

/// The number in the SONAME; it is `VAULT_ABI_VERSION` of `src/version.rs`, which a test compares.
const ABI_VERSION: u32 = 0;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");

    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        let soname = format!("soname,libvault.so.{ABI_VERSION}");
        // nodelete: the library keeps a runtime thread, so `dlclose` must not unmap its code.
        // relro, now: no writable function pointers are left once the library is loaded.
        for argument in [soname.as_str(), "z,nodelete", "z,relro", "z,now"] {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-{argument}");
        }
    }

    // The tests build the library once with a panic planted in `vault_inspect`, to see a C host survive it.
    println!("cargo::rustc-check-cfg=cfg(libvault_planted_panic)");
    println!("cargo::rerun-if-env-changed=LIBVAULT_PLANTED_PANIC");
    if env::var("LIBVAULT_PLANTED_PANIC").as_deref() == Ok("1") {
        println!("cargo::rustc-cfg=libvault_planted_panic");
    }
}
