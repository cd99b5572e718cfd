//! Runs `check` of `src/scripts.rs` on whatever the fuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evenkeel_fuzz::scripts::check(data));
