//! D109 repeated-secret: the same secret is stored on several services.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::drift::comparison::observation;
use crate::drift::model::finding::Finding;
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::secret_like::is_secret_like;
use crate::drift::{Survey, Target, Variable, phrases, reference, system_variables};

pub static RULE: Rule = Rule {
    code: "D109",
    name: "repeated-secret",
    severity: Severity::Note,
    summary: "The same secret is stored on several services",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Hoist, FixCondition::Always)])),
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A secret that is stored on five services is easily rotated on only four of them. As a shared variable, it is stored
once.

## Example

    api      OPS_API_KEY=4f1c…
    worker   OPS_API_KEY=4f1c…

The rule reports literals of 12 characters or more whose key names a secret: it has KEY, TOKEN, SECRET, PASSWORD,
PASS, PWD, CREDENTIAL, PRIVATE, DSN or AUTH as a separate word. URLs without credentials are not reported, and neither
are keys that a `[[require]]` keeps equal on the services.

## Fix

`doctor fix --hoist OPS_API_KEY` creates a shared variable with the value, then stores a reference to it on each service
that has the key:

    OPS_API_KEY=${{shared.OPS_API_KEY}}

Each step is verified before the next. The services get the same value as before, so nothing is deployed. `doctor undo`
restores everything. If the services have the value under different keys, create the shared variable in the settings of
the Railway project, and store the references by hand.

## Suppress

    [severity]
    repeated-secret = \"off\"
";

/// Shorter values are repeated by chance.
const SHORTEST: usize = 12;

type Holder<'s> = (&'s Target, &'s str, &'s Variable);

fn check(survey: &Survey) -> Vec<Finding> {
    if survey.readable().take(2).count() < 2 {
        return Vec::new();
    }
    // Most secrets are on one service only, so those on several are found first.
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut holders: HashMap<&str, Vec<Holder<'_>>> = HashMap::new();
    for (value, (target, ..)) in long_secrets(survey) {
        let id = target.service.id.as_str();
        if *first.entry(value).or_insert(id) != id {
            holders.entry(value).or_default();
        }
    }
    for (value, holder) in long_secrets(survey) {
        if let Some(holders) = holders.get_mut(value) {
            holders.push(holder);
        }
    }
    let is_literal = |(_, key, variable): &Holder<'_>| match variable {
        Variable::Plain(value) => !survey.is_unset(key, value) && !survey.is_indirect(value),
        _ => false,
    };
    for holders in holders.values_mut() {
        holders.retain(is_literal);
    }
    let repeated = holders.into_iter().filter(|(value, _)| is_secret(value));
    let mut findings: Vec<Finding> = repeated.filter_map(|(_, holders)| finding(&holders)).collect();
    findings.sort_by(|one, other| {
        (&one.key, &one.services, &one.message).cmp(&(&other.key, &other.services, &other.message))
    });
    findings
}

/// Returns the long literals whose key names a secret, unless a `[[require]]` keeps them equal.
fn long_secrets(survey: &Survey) -> impl Iterator<Item = (&str, Holder<'_>)> {
    let stored = survey
        .readable()
        .flat_map(|target| target.stored.iter().flatten().map(move |(key, variable)| (target, key.as_str(), variable)));
    stored.filter_map(move |holder| {
        let (target, key, Variable::Plain(value)) = holder else { return None };
        let is_long = value.expose().len() >= SHORTEST;
        let is_key = || is_secret_like(key) && !system_variables::is_provided(key);
        (is_long && is_key() && !survey.requires(target, key)).then_some((value.expose(), holder))
    })
}

fn is_secret(value: &str) -> bool {
    value.chars().count() >= SHORTEST && !is_plain_address(value)
}

/// Returns true for a URL without credentials, such as a login page under `AUTH_URL`. A long path may be a secret:
/// webhook URLs have theirs there.
fn is_plain_address(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, rest)| {
        matches!(scheme, "http" | "https") && !rest.contains(['@', '?', '#', ' ']) && rest.matches('/').count() <= 3
    })
}

fn finding(holders: &[Holder<'_>]) -> Option<Finding> {
    let services: BTreeMap<&str, Holder<'_>> =
        holders.iter().rev().map(|holder| (holder.0.service.name.as_str(), *holder)).collect();
    if services.len() < 2 {
        return None;
    }
    let keys: BTreeSet<&str> = holders.iter().map(|(_, key, _)| *key).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let key = keys[0];
    let reference = reference::to_shared(key);
    let (message, advice) = match keys.as_slice() {
        [_] => (
            format!("{key} has the same value on several services"),
            format!("store it once as a shared variable: `doctor fix --hoist={key}`"),
        ),
        several => (
            format!("{} have the same value on several services", phrases::names(several)),
            format!("store it once as a shared variable, and refer to it as {reference}"),
        ),
    };
    Some(Finding {
        key: Some(key.to_owned()),
        services: services.values().map(|(target, ..)| target.service.clone()).collect(),
        advice: Some(advice),
        observations: services.values().map(|(target, _, variable)| observation(target, Some(variable))).collect(),
        ..Finding::new(&RULE, message)
    })
}

#[cfg(test)]
mod tests {
    use crate::drift::rules::repeated_secret::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, require, survey, unreadable};

    #[test]
    fn reports_secrets_stored_on_several_services() {
        let repeated = "note API_KEY [api, worker]: API_KEY has the same value on several services";
        let cases: &[(&[ServiceRows<'_>], &[&str])] = &[
            (&[("api", &["API_KEY=0123456789ab"]), ("worker", &["API_KEY=0123456789ab"])], &[repeated]),
            (&[("api", &["API_KEY=0123456789a"]), ("worker", &["API_KEY=0123456789a"])], &[]),
            (&[("api", &["API_KEY=0123456789ab"]), ("worker", &["API_KEY=0123456789aB"])], &[]),
            (&[("api", &["KEYBOARD=0123456789ab"]), ("worker", &["KEYBOARD=0123456789ab"])], &[]),
            (&[("api", &["API_KEY=0123456789ab", "OLD_KEY=0123456789ab"])], &[]),
            (&[("api", &["API_KEY=0123456789ab"]), ("worker", &["API_KEY=${{api.API_KEY}} => 0123456789ab"])], &[]),
            (&[("api", &["API_KEY=<your key here>"]), ("worker", &["API_KEY=<your key here>"])], &[]),
            (&[("api", &["API_KEY=op://dev/openai/key"]), ("worker", &["API_KEY=op://dev/openai/key"])], &[]),
            (
                &[("api", &["AUTH_URL=https://login.example.com"]), ("web", &["AUTH_URL=https://login.example.com"])],
                &[],
            ),
            (
                &[
                    ("api", &["DSN=https://abc@sentry.example.com/1"]),
                    ("web", &["DSN=https://abc@sentry.example.com/1"]),
                ],
                &["note DSN [api, web]: DSN has the same value on several services"],
            ),
            (
                &[("api", &["API_KEY=0123456789ab"]), ("web", &["WEB_TOKEN=0123456789ab", "A=0123456789ab"])],
                &["note API_KEY [api, web]: API_KEY and WEB_TOKEN have the same value on several services"],
            ),
        ];
        for (services, expected) in cases {
            assert_eq!(&lines(&RULE, &survey(&[], services)), expected, "{services:?}");
        }
    }

    #[test]
    fn required_key_may_be_repeated() {
        let row: &[&str] = &["API_KEY=0123456789ab"];
        let lines_with = |required_of: &[&str]| {
            let mut found = survey(&[], &[("api", row), ("web", row), ("worker", row)]);
            require(&mut found, "API_KEY", required_of);
            lines(&RULE, &found)
        };
        assert_eq!(lines_with(&[]), [""; 0]);
        assert_eq!(lines_with(&["api", "web"]), [""; 0]);
        let others = "note API_KEY [web, worker]: API_KEY has the same value on several services";
        assert_eq!(lines_with(&["api"]), [others]);
    }

    #[test]
    fn unreadable_service_repeats_nothing() {
        let mut found = survey(&[], &[("api", &["API_KEY=0123456789ab"]), ("worker", &["API_KEY=0123456789ab"])]);
        unreadable(&mut found, "worker");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
