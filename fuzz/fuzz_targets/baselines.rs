#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::baselines::check(data));
