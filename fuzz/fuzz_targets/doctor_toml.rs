#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::doctor_toml::check(data));
