//! Anything in the place of the official CLI's file: a check ends with an exit code of its own, and says what is wrong.

#![no_main]

#[path = "../run.rs"]
mod run;

use libfuzzer_sys::fuzz_target;
use run::{Login, check};

fuzz_target!(|text: &[u8]| {
    check(&[], "A=1\n", Login::File(text), &[]);
});
