//! Whatever Railway answers, a check ends with an exit code of its own, and its texts hold nothing a terminal obeys.

#![no_main]

#[path = "../run.rs"]
mod run;

use libfuzzer_sys::fuzz_target;
use run::{Canned, Login, check};

// Pieces of the input are the bodies of the answers, one after the other; the first byte of each chooses its status.
fuzz_target!(|data: &[u8]| {
    let replies = data.split(|byte| *byte == 0).map(|piece| {
        let (first, body) = piece.split_first().unwrap_or((&b'0', b""));
        let status = match first {
            b'0'..=b'3' => 200,
            b'4' => 401,
            b'5' => 400,
            b'6' => 429,
            b'7' => 302,
            b'8' => 503,
            b'9' => 413,
            _ => u16::from(*first) + 300,
        };
        Canned { status, body: body.to_vec() }
    });
    let replies: Vec<Canned> = replies.collect();
    for format in ["text", "json"] {
        check(&replies, "A=1\nB=two words\n", Login::Variables, &["--format", format]);
    }
});
