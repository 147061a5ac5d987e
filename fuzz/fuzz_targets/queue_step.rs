#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tauline_fuzzing::queue_step::check(bytes));
