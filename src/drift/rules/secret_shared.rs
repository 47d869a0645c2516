//! D502 secret-shared: two environments have the same secret.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::drift::Survey;
use crate::drift::compare::shared_value::is_separate_secret;
use crate::drift::compare::{self, EnvironmentSide, UsedValue, services_of, used_values};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, reference_and_literal};

pub static RULE: Rule = Rule {
    code: "D502",
    name: "secret-shared",
    severity: Severity::Warning,
    summary: "Two environments have the same secret",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[Marker::new(
        Mark::SharedSecret,
        "$",
        "same secret",
        "secret-shared",
        "the same secret in both environments",
    )],
    in_place_of: &[&reference_and_literal::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Everyone who can read the secret in staging can then use it against production, and a rotation in one environment
breaks the other.

## Example

    staging      api   STRIPE_SECRET_KEY=sk_live_…
    production   api   STRIPE_SECRET_KEY=sk_live_…

`doctor compare` reports a secret that both environments have, under the same key or another one, directly or through
a reference. It is an error if one of the environments is protected. Public keys, addresses, words, numbers and test
keys that providers publish are not secrets.

Values in a pull request environment are copies of its base, so they are not reported. If they are copies of a
protected environment, the finding states it.

## Fix

Create a separate secret for one of the environments, and store it there.

## Suppress

If both environments are intended to have the same secret, declare it:

    [[across]]
    keys = [\"ANALYTICS_KEY\"]
    must = \"agree\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some(environments) = compare::environments(survey) else { return Vec::new() };
    let mut findings = copied_secrets(survey);
    if !compare::expects_copies(survey) {
        findings.extend(shared_secrets(survey, environments));
    }
    compare::without_unreadable(survey, findings)
}

/// Secrets, each with its uses. White space at their ends does not make them different secrets.
type Uses<'s> = BTreeMap<&'s str, Vec<UsedValue<'s>>>;

/// Returns the secrets of one environment. Each key is classified once for each value, because services often have the
/// same ones.
fn secrets<'s>(survey: &Survey, values: Vec<UsedValue<'s>>) -> Uses<'s> {
    let mut known: HashMap<(&str, &str), bool> = HashMap::new();
    let mut secrets = Uses::new();
    for used in values {
        let text = used.value.expose().trim();
        let is_secret = *known.entry((used.key, text)).or_insert_with(|| is_secret_of(survey, &used));
        if is_secret {
            secrets.entry(text).or_default().push(used);
        }
    }
    secrets.into_iter().map(|(text, uses)| (text, sources(uses))).collect()
}

/// Returns the uses to change: the literals. Without any, a shared variable has the secret, and all uses refer to it.
fn sources(uses: Vec<UsedValue<'_>>) -> Vec<UsedValue<'_>> {
    let is_literal = |used: &UsedValue<'_>| used.variable.template().is_none();
    if uses.iter().any(is_literal) { uses.into_iter().filter(is_literal).collect() } else { uses }
}

/// Returns whether the value must not be in another environment. `across-violated` checks declared values.
fn is_secret_of(survey: &Survey, used: &UsedValue<'_>) -> bool {
    !survey.policy.across.is_about_value(used.key) && is_separate_secret(used.key, used.value)
}

fn shared_secrets(survey: &Survey, sides: [EnvironmentSide<'_>; 2]) -> Vec<Finding> {
    let [left, right] = sides;
    let [first, second] = used_values(survey);
    let (first, second) = (secrets(survey, first), secrets(survey, second));
    let severity = compare::severity_of_sharing(survey, &RULE);
    let mut findings = Vec::new();
    for (value, lefts) in &first {
        let Some(rights) = second.get(value) else { continue };
        let found = match compare::copied_side(sides) {
            Some((side, original)) if side.environment == left.environment => copies(side, original.name(), lefts),
            Some((side, original)) => copies(side, original.name(), rights),
            None => shared(survey, SharedSecret { left, lefts, right, rights }),
        };
        findings.extend(found.into_iter().map(|finding| Finding { severity, ..finding }));
    }
    findings
}

/// One secret in both environments.
#[derive(Clone, Copy)]
struct SharedSecret<'u, 's> {
    left: EnvironmentSide<'s>,
    lefts: &'u [UsedValue<'s>],
    right: EnvironmentSide<'s>,
    rights: &'u [UsedValue<'s>],
}

/// Returns one finding for each key. A key of the second environment is named in the finding about the first one, unless
/// `--only` leaves that out.
fn shared(survey: &Survey, secret: SharedSecret<'_, '_>) -> Vec<Finding> {
    let SharedSecret { left, lefts, right, rights } = secret;
    let swapped = SharedSecret { left: right, lefts: rights, right: left, rights: lefts };
    let selected = keys(lefts).into_iter().filter(|key| survey.includes_key(key));
    let findings: Vec<Finding> = selected.map(|key| secret.finding(key)).collect();
    if findings.is_empty() { keys(rights).into_iter().map(|key| swapped.finding(key)).collect() } else { findings }
}

fn keys<'s>(uses: &[UsedValue<'s>]) -> BTreeSet<&'s str> {
    uses.iter().map(|used| used.key).collect()
}

impl SharedSecret<'_, '_> {
    fn finding(self, key: &str) -> Finding {
        let Self { left, lefts, right, rights } = self;
        let [own, same_key] = [lefts, rights].map(|uses| of_key(uses, key));
        let message = match (same_key.is_empty(), rights.first()) {
            (true, Some(other)) => {
                format!("{key} in {} has the same value as {} in {}", left.name(), other.key, right.name())
            }
            _ => format!("{key} has the same value in {} and {}", left.name(), right.name()),
        };
        let others = if same_key.is_empty() { rights } else { &same_key };
        Finding {
            key: Some(key.to_owned()),
            services: services_of(own.iter().chain(&same_key)),
            advice: Some(match compare::open_side([left, right]) {
                Some(open) => format!("store a separate secret in {}", open.name()),
                None => format!("store a separate secret in {} or {}", left.name(), right.name()),
            }),
            observations: [compare::observations(left, &own), compare::observations(right, others)].concat(),
            ..Finding::new(&RULE, message)
        }
    }
}

fn of_key<'s>(uses: &[UsedValue<'s>], key: &str) -> Vec<UsedValue<'s>> {
    uses.iter().filter(|used| used.key == key).copied().collect()
}

/// Returns the secrets of pull request environments that a protected environment has, which is not compared.
fn copied_secrets(survey: &Survey) -> Vec<Finding> {
    let Some(environments) = compare::environments(survey) else { return Vec::new() };
    let mut findings = Vec::new();
    for original in compare::originals(survey) {
        let originals = secrets(survey, original.values);
        for (side, values) in environments.into_iter().zip(used_values(survey)) {
            if side.traits.is_ephemeral {
                let copied = secrets(survey, values).into_iter().filter(|(value, _)| originals.contains_key(value));
                findings.extend(copied.flat_map(|(_, uses)| copies(side, &original.environment.name, &uses)));
            }
        }
    }
    findings
}

/// Returns one finding for each key with a secret of a protected environment.
fn copies(side: EnvironmentSide<'_>, original: &str, uses: &[UsedValue<'_>]) -> Vec<Finding> {
    let finding = |key: &str| {
        let uses = of_key(uses, key);
        Finding {
            severity: Severity::Error,
            key: Some(key.to_owned()),
            services: services_of(&uses),
            advice: Some(format!("store a separate secret in {}", side.name())),
            observations: compare::observations(side, &uses),
            ..Finding::new(&RULE, format!("{key} in {} was copied from {original}", side.name()))
        }
    };
    keys(uses).into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::engine::policy::Must;
    use crate::drift::survey::{Original, Survey, Target};
    use crate::drift::test_support::{ServiceRows, across, counterpart, lines, named, pair, protect, unreadable};

    const KEY: &str = "PAYMENT_SECRET_KEY=pq7Zr4Tk9WmX2cVb8NsL5f";

    #[test]
    fn same_secret_is_reported_once_for_all_services() {
        let rows: &[ServiceRows<'_>] = &[("api", &[KEY]), ("worker", &[KEY])];
        let expected =
            "PAYMENT_SECRET_KEY [api, worker]: PAYMENT_SECRET_KEY has the same value in staging and production";
        assert_eq!(lines(&RULE, &pair(rows, rows)), [format!("warning {expected}")]);
        assert_eq!(lines(&RULE, &protect(pair(rows, rows))), [format!("error {expected}")]);
    }

    #[test]
    fn secret_under_another_key_or_behind_a_reference_is_the_same() {
        let other = "OLD_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f";
        let found = lines(&RULE, &pair(&[("api", &[KEY])], &[("web", &[other]), ("api", &[])]));
        let expected = "warning PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY in staging has the same value as OLD_SECRET in production";
        assert_eq!(found, [expected]);
        let shared = "PAYMENT_SECRET_KEY=${{shared.K}} => pq7Zr4Tk9WmX2cVb8NsL5f";
        assert_eq!(lines(&RULE, &pair(&[("api", &[shared])], &[("api", &[shared])])).len(), 1);
    }

    #[test]
    fn service_that_is_unreadable_in_one_environment_is_not_named() {
        let rows: &[ServiceRows<'_>] = &[("api", &[KEY]), ("web", &[KEY])];
        let mut found = pair(rows, rows);
        unreadable(&mut found, "api");
        let expected =
            "warning PAYMENT_SECRET_KEY [web]: PAYMENT_SECRET_KEY has the same value in staging and production";
        assert_eq!(lines(&RULE, &found), [expected]);
        unreadable(&mut found, "web");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn each_key_with_the_secret_has_a_finding() {
        let rows: &[ServiceRows<'_>] = &[("api", &[KEY]), ("web", &["WEB_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f"])];
        let expected = [
            "warning PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY has the same value in staging and production",
            "warning WEB_SECRET [web]: WEB_SECRET has the same value in staging and production",
        ];
        assert_eq!(lines(&RULE, &pair(rows, rows)), expected);
    }

    #[test]
    fn literal_is_reported_and_not_the_references_to_it() {
        let row = "A_SECRET=${{PAYMENT_SECRET_KEY}} => pq7Zr4Tk9WmX2cVb8NsL5f";
        let rows: &[ServiceRows<'_>] = &[("api", &[KEY, row])];
        let expected =
            "warning PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY has the same value in staging and production";
        assert_eq!(lines(&RULE, &pair(rows, rows)), [expected]);
    }

    #[test]
    fn key_of_the_second_environment_is_reported_if_only_it_is_selected() {
        let mut found = pair(&[("api", &[KEY])], &[("api", &["OLD_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f"])]);
        found.only.insert("OLD_SECRET".to_owned());
        let expected =
            "warning OLD_SECRET [api]: OLD_SECRET in production has the same value as PAYMENT_SECRET_KEY in staging";
        assert_eq!(lines(&RULE, &found), [expected]);
    }

    #[test]
    fn values_that_may_be_equal_are_not_reported() {
        for row in [
            "FEATURE_SEARCH=true",
            "API_URL=https://api.partner.example/v2",
            "APP_NAME=storefront",
            "NEXT_PUBLIC_ANALYTICS_KEY=pq7Zr4Tk9WmX2cVb8NsL5f",
            "API_KEY=changeme",
            "API_KEY=<sealed>",
            "API_KEY=",
            "API_KEY=op://vault/item/field",
        ] {
            assert_eq!(lines(&RULE, &pair(&[("api", &[row])], &[("api", &[row])])), [""; 0], "{row}");
        }
        let different = pair(&[("api", &[KEY])], &[("api", &["PAYMENT_SECRET_KEY=zz7Zr4Tk9WmX2cVb8NsL5f"])]);
        assert_eq!(lines(&RULE, &different), [""; 0]);
    }

    #[test]
    fn declared_key_is_not_reported() {
        for must in [Must::Agree, Must::Differ] {
            let mut found = pair(&[("api", &[KEY])], &[("api", &[KEY])]);
            across(&mut found, "PAYMENT_SECRET_KEY", must);
            assert_eq!(lines(&RULE, &found), [""; 0], "{must:?}");
        }
        let mut found = pair(&[("api", &[KEY])], &[("api", &[KEY])]);
        across(&mut found, "PAYMENT_SECRET_KEY", Must::Exist);
        assert_eq!(lines(&RULE, &found).len(), 1);
    }

    fn pull_request() -> Survey {
        let mut found = pair(&[("api", &[KEY])], &[("api", &[KEY])]);
        counterpart(&mut found).traits[0].is_ephemeral = true;
        found
    }

    #[test]
    fn pull_request_environment_may_have_copies_of_its_base_only() {
        assert_eq!(lines(&RULE, &pull_request()), [""; 0]);
        let copied = "error PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY in staging was copied from production";
        assert_eq!(lines(&RULE, &protect(pull_request())), [copied]);
        let mut reversed = pull_request();
        counterpart(&mut reversed).traits.reverse();
        counterpart(&mut reversed).traits[0].is_protected = true;
        let expected = "error PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY in production was copied from staging";
        assert_eq!(lines(&RULE, &reversed), [expected]);
        let other: &[&str] = &["COPIED_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f"];
        for (rows, ephemeral, sides) in [
            ([other, &[KEY]], 0, "staging was copied from production"),
            ([&[KEY], other], 1, "production was copied from staging"),
        ] {
            let mut found = pair(&[("api", rows[0])], &[("api", rows[1])]);
            counterpart(&mut found).traits[ephemeral].is_ephemeral = true;
            counterpart(&mut found).traits[1 - ephemeral].is_protected = true;
            let expected = format!("error COPIED_SECRET [api]: COPIED_SECRET in {sides}");
            assert_eq!(lines(&RULE, &found), [expected], "the key of the copy is named");
        }
        let mut found = pull_request();
        let original = pair(&[("web", &["LIVE_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f"])], &[]).targets;
        counterpart(&mut found).originals = vec![Original { environment: named("live"), targets: original }];
        let copied = "error PAYMENT_SECRET_KEY [api]: PAYMENT_SECRET_KEY in staging was copied from live";
        assert_eq!(lines(&RULE, &found), [copied]);
        counterpart(&mut found).originals =
            vec![Original { environment: named("live"), targets: Vec::<Target>::new() }];
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }
}
