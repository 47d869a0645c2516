//! Two texts: a reason is found or not, never for equal texts, and it is the same one whichever side is which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use railway_doctor::drift::Secret;
use railway_doctor::drift::nature;
use railway_doctor::drift::oddity::oddities;
use railway_doctor::drift::reason::text::from_texts;

fuzz_target!(|texts: (&str, &str)| {
    let (one, other) = (Secret::new(texts.0), Secret::new(texts.1));
    let there = from_texts(&one, &other);
    let back = from_texts(&other, &one);
    assert_eq!(there.is_some(), back.is_some(), "a reason that depends on the side");
    for reason in there.iter().chain(&back) {
        let _ = (reason.sentence(), reason.advice(), reason.tells());
    }
    let _ = (oddities(texts.0), nature::of("API_URL", &one), nature::of(texts.1, &one));
});
