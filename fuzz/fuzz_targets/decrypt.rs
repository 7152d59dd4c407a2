#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| libvault_fuzz_checks::decrypt(data));
