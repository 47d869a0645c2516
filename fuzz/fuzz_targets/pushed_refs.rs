#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::pushed_refs::check(data));
