//! The outcome of comparing a key of a service in two environments. Findings and matrix cells are derived from it.

use crate::drift::compare::KeyPair;
use crate::drift::comparison::{Comparison, ComparisonOutcome};
use crate::drift::engine::policy::Must;
use crate::drift::model::marker::Mark;
use crate::drift::model::side::SideValue;
use crate::drift::{Secret, Survey, Variable, reference};

/// Returns the outcome for the key, before the rules about several keys are applied.
pub fn mark(survey: &Survey, pair: &KeyPair<'_>) -> Mark {
    mark_by_kind(pair).unwrap_or_else(|| mark_of_literals(survey, pair))
}

/// Returns the outcome if it does not depend on the values; `None` for two literals.
pub fn mark_by_kind(pair: &KeyPair<'_>) -> Option<Mark> {
    match pair.sides {
        [Some(left), Some(right)] => mark_of_both([left, right]),
        [Some(Variable::Sealed), None] | [None, Some(Variable::Sealed)] => Some(Mark::SealedNotCopied),
        [Some(_), None] => Some(Mark::OnlyLeft),
        [None, Some(_)] => Some(Mark::OnlyRight),
        [None, None] => Some(Mark::NotSet),
    }
}

fn mark_of_both(sides: [&Variable; 2]) -> Option<Mark> {
    Some(match sides {
        [Variable::Sealed, Variable::Sealed] => Mark::SealedBoth,
        [Variable::Sealed, _] => Mark::SealedLeft,
        [_, Variable::Sealed] => Mark::SealedRight,
        [Variable::Unavailable, _] | [_, Variable::Unavailable] => Mark::Unavailable,
        [Variable::Reference { template: left, .. }, Variable::Reference { template: right, .. }] => {
            if is_same_reference(left, right) {
                Mark::SameReference
            } else {
                Mark::OtherReference
            }
        }
        [Variable::Reference { .. }, Variable::Plain(_)] | [Variable::Plain(_), Variable::Reference { .. }] => {
            Mark::ReferenceAndLiteral
        }
        [Variable::Plain(_), Variable::Plain(_)] => return None,
    })
}

/// Compares two literals as a file and a stored value are compared. An expected difference may be on either side.
fn mark_of_literals(survey: &Survey, pair: &KeyPair<'_>) -> Mark {
    let [Some(left), Some(right)] = pair.sides else { return Mark::NotSet };
    let compare = |wanted, found| {
        let sides = [SideValue::Stored(wanted), SideValue::Stored(found)];
        Comparison { survey, target: pair.targets[0], key: pair.key, sides }.outcome()
    };
    let is_expected = |outcome: ComparisonOutcome| matches!(outcome, ComparisonOutcome::ExpectedDifference(_));
    match compare(left, right) {
        ComparisonOutcome::Equal => Mark::SameValue,
        ComparisonOutcome::Indirect => Mark::Indirect,
        _ if survey.policy.across.must(pair.key) == Some(Must::Differ) => Mark::ExpectedDifference,
        outcome if is_expected(outcome) || is_expected(compare(right, left)) => Mark::ExpectedDifference,
        _ => Mark::OtherValue,
    }
}

/// Returns whether the two texts are equal, apart from spaces inside the braces of their references.
fn is_same_reference(left: &Secret, right: &Secret) -> bool {
    left == right || parts(left.expose()) == parts(right.expose())
}

/// Returns the literal parts of a text and the bodies of its references, in order.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for occurrence in reference::occurrences(text) {
        parts.extend([&text[from..occurrence.span.start], occurrence.body]);
        from = occurrence.span.end;
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::mark;
    use crate::drift::compare;
    use crate::drift::engine::policy::Must;
    use crate::drift::model::marker::Mark;
    use crate::drift::test_support::{across, pair, require};

    fn mark_of(left: &str, right: &str) -> Mark {
        let survey = pair(&[("api", &[left])], &[("api", &[right])]);
        let pair = compare::service(&survey, 0).and_then(|pair| pair.key("K")).expect("api is in both environments");
        mark(&survey, &pair)
    }

    #[test]
    fn every_combination_of_two_sides_has_a_mark() {
        for (left, right, expected) in [
            ("K=1", "K=1", Mark::SameValue),
            ("K=", "K=", Mark::SameValue),
            ("K=1", "K=2", Mark::OtherValue),
            ("K=1", "K=", Mark::OtherValue),
            ("K=1", "X=1", Mark::OnlyLeft),
            ("X=1", "K=1", Mark::OnlyRight),
            ("X=1", "X=1", Mark::NotSet),
            ("K=<sealed>", "K=<sealed>", Mark::SealedBoth),
            ("K=<sealed>", "K=1", Mark::SealedLeft),
            ("K=${{R.K}} => 1", "K=<sealed>", Mark::SealedRight),
            ("K=<sealed>", "X=1", Mark::SealedNotCopied),
            ("X=1", "K=<sealed>", Mark::SealedNotCopied),
            ("K=${{R.K}} => 1", "K=${{ R.K }} => 2", Mark::SameReference),
            ("K=a${{R.K}} => 1", "K=${{R.K}} => 1", Mark::OtherReference),
            ("K=${{R.K}} => 1", "K=1", Mark::ReferenceAndLiteral),
            ("K=1", "K=${{R.K}} => <sealed>", Mark::ReferenceAndLiteral),
            ("K=<unavailable>", "K=1", Mark::Unavailable),
            ("K=op://a/b/c", "K=1", Mark::Indirect),
            ("K=sk_test_51Hx", "K=sk_live_51Hy", Mark::ExpectedDifference),
            ("K=sk_live_51Hx", "K=sk_test_51Hy", Mark::ExpectedDifference),
            ("K=http://localhost:1", "K=https://shop.example", Mark::ExpectedDifference),
            ("K=https://shop.example", "K=http://localhost:1", Mark::ExpectedDifference),
        ] {
            assert_eq!(mark_of(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn declared_difference_is_expected_and_a_required_key_is_compared_normally() {
        let mut survey = pair(&[("api", &["K=1", "APP_ENV=a"])], &[("api", &["K=2", "APP_ENV=b"])]);
        let marks = |survey: &crate::drift::Survey| -> Vec<Mark> {
            compare::keys(survey).map(|pair| mark(survey, &pair)).collect()
        };
        assert_eq!(marks(&survey), [Mark::ExpectedDifference, Mark::OtherValue]);
        across(&mut survey, "K", Must::Differ);
        require(&mut survey, "APP_ENV", &[]);
        assert_eq!(marks(&survey), [Mark::OtherValue, Mark::ExpectedDifference]);
    }
}
