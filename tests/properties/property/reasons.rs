//! Causes of a difference between two texts: none for equal texts, and none that depends on their order.

use railway_doctor::drift::Secret;
use railway_doctor::drift::expected_differences;
use railway_doctor::drift::reason::text::from_texts;
use railway_doctor::drift::suspicious_values::suspicions;

use super::texts;

/// The input is the two texts.
pub fn check(data: &[u8]) {
    let Some([one, other]) = texts(data) else { return };
    let (first, second) = (Secret::new(one), Secret::new(other));
    let forward = from_texts("KEY", &first, &second);
    let backward = from_texts("KEY", &second, &first);
    assert_eq!(forward.is_some(), backward.is_some(), "the reason depends on the order");
    assert!(one != other || forward.is_none(), "a reason for equal texts");
    for reason in forward.iter().chain(&backward) {
        assert!(!reason.sentence().is_empty());
        // Both are optional, but must not panic.
        drop((reason.advice(), reason.suspicious_value()));
    }
    drop((suspicions(one), expected_differences::of("API_URL", &first), expected_differences::of(other, &first)));
}
