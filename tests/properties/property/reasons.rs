//! Two texts: a reason is found or not, never for equal texts, and it is there whichever side is which.

use railway_doctor::drift::Secret;
use railway_doctor::drift::expected_differences;
use railway_doctor::drift::reason::text::from_texts;
use railway_doctor::drift::suspicious_values::oddities;

use super::texts;

/// The input is the two texts.
pub fn hold(data: &[u8]) {
    let Some([one, other]) = texts(data) else { return };
    let (first, second) = (Secret::new(one), Secret::new(other));
    let there = from_texts(&first, &second);
    let back = from_texts(&second, &first);
    assert_eq!(there.is_some(), back.is_some(), "a reason that depends on the side");
    assert!(one != other || there.is_none(), "a reason for a difference that is none");
    for reason in there.iter().chain(&back) {
        assert!(!reason.sentence().is_empty());
        // Not every reason has advice, or tells; none panics.
        drop((reason.advice(), reason.suspicious_value()));
    }
    drop((oddities(one), expected_differences::of("API_URL", &first), expected_differences::of(other, &first)));
}
