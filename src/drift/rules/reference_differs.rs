//! D106 reference-differs: Railway renders a reference to a value that differs from the file.

use std::collections::BTreeMap;

use crate::drift::comparison::{ComparisonOutcome, Pair, observation, pairs_with};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::reference;
use crate::drift::rules::{RuleCheck, dangling_reference, empty_on_railway, placeholder_value, services_disagree};
use crate::drift::{Survey, Variable};

pub static RULE: Rule = Rule {
    code: "D106",
    name: "reference-differs",
    severity: Severity::Note,
    summary: "A reference on Railway renders to a value that differs from the file",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[
        (Direction::PushShared, FixCondition::Always),
        (Direction::Push, FixCondition::Always),
        (Direction::Pull, FixCondition::Remedy),
    ])),
    markers: &[Marker::new(
        Mark::ReferenceDiffers,
        "%",
        "ref differs",
        "reference-differs",
        "a reference whose rendered value differs from the file",
    )],
    in_place_of: &[
        &services_disagree::RULE,
        &dangling_reference::RULE,
        &placeholder_value::RULE,
        &empty_on_railway::RULE,
    ],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A reference such as `${{Postgres.DATABASE_URL}}` follows its target and is usually right: the file has a separate
value for local runs, or an old copy. Overwriting the reference with the file's value would permanently break the link.

## Example

    .env:2   CACHE_URL=redis://cache.example.com
    api      CACHE_URL=${{Redis.REDIS_URL}}

The finding is a note. A required key must be equal everywhere, so there the difference is an error.

## Fix

- The reference is right: leave it, or copy its rendered value to the file with `doctor fix --only CACHE_URL --pull`.
- The reference is exactly `${{shared.NAME}}`: change the shared variable, and every service that refers to it
  follows.
- The file is right: `doctor fix --only CACHE_URL --push --allow-reference CACHE_URL` overwrites the reference.

## Suppress

    [[ignore]]
    keys   = [\"CACHE_URL\"]
    rules  = [\"reference-differs\"]
    reason = \"local runs use a separate cache\"
";

/// Services share a finding if key, location and reference are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct ReferenceGroup<'s> {
    key: &'s str,
    file: &'s str,
    line: usize,
    template: &'s str,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let mut groups: BTreeMap<ReferenceGroup<'_>, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs_with(survey, ComparisonOutcome::ReferenceDiffers) {
        if let Variable::Reference { template, .. } = pair.variable {
            let (file, line) = (pair.local.file.name.as_str(), pair.local.entry.line);
            let group = ReferenceGroup { key: pair.key, file, line, template: template.expose() };
            groups.entry(group).or_default().push(pair);
        }
    }
    groups.into_iter().map(|(group, pairs)| finding(survey, &group, &pairs)).collect()
}

fn finding(survey: &Survey, group: &ReferenceGroup<'_>, pairs: &[Pair<'_>]) -> Finding {
    let ReferenceGroup { key, file, template, .. } = *group;
    let local = pairs[0].local;
    let shared = reference::only(template).and_then(|body| body.strip_prefix("shared."));
    let required = pairs.iter().any(|pair| survey.requires(pair.target, key));
    let is_empty = local.entry.value.expose().is_empty();
    let is_read_only = local.file.read_only.is_some();
    let pull = if is_read_only { "use its value locally" } else { "pull its value" };
    let (message, advice) = match shared {
        _ if is_empty => (
            format!("{key} is empty in {file} but a reference on Railway"),
            format!("if the reference is right, {pull}; to overwrite it, pass `--allow-reference {key}`"),
        ),
        Some(name) => (
            format!("{key} differs between {file} and the shared variable {name}"),
            format!("{pull}, or change the shared variable for every service that refers to it"),
        ),
        None => (
            format!("{key} differs between {file} and the rendered reference on Railway"),
            format!("if the reference is right, {pull}; to overwrite it, pass `--allow-reference {key}`"),
        ),
    };
    let mut observations = vec![local.observation()];
    observations.extend(pairs.iter().map(|pair| observation(pair.target, Some(pair.variable))));
    Finding {
        severity: if required { Severity::Error } else { RULE.severity },
        required,
        key: Some(key.to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places: vec![local.place()],
        reason: reason(survey, pairs),
        remedies: if is_read_only { Vec::new() } else { vec![Remedy::Pull] },
        next: (!is_read_only).then(|| Finding::fix_only(key)),
        advice: Some(advice),
        observations,
        ..Finding::new(&RULE, message)
    }
}

/// Returns which side is not set, if that is why they differ.
fn reason(survey: &Survey, pairs: &[Pair<'_>]) -> Option<String> {
    let (key, local) = (pairs[0].key, pairs[0].local_value());
    if !local.expose().is_empty() && survey.is_unset(key, local) {
        return Some(Reason::Placeholder(ReasonSide::Local).sentence());
    }
    let is_empty = |pair: &Pair<'_>| pair.variable.effective().is_some_and(|rendered| rendered.expose().is_empty());
    pairs.iter().all(is_empty).then(|| "the variable that the reference names is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::dotenv::ReadOnly;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::rules::reference_differs::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, out_of_scope, require, shared, survey};

    const OTHER: &str = "note A [api] .env:1: A differs between .env and the rendered reference on Railway";

    #[test]
    fn reports_differing_rendered_values() {
        let shared_line = "note A [api] .env:1: A differs between .env and the shared variable K";
        let cases: &[(&str, &str, &[&str])] = &[
            ("A=1", "A=${{Redis.URL}} => 2", &[OTHER]),
            ("A=1", "A=${{Redis.URL}} => 1", &[]),
            ("A=", "A=${{Redis.URL}} => 1", &["note A [api] .env:1: A is empty in .env but a reference on Railway"]),
            ("A=${{Redis.URL}}", "A=${{Redis.URL}} => 2", &[]),
            ("A=${{ Redis.URL }}", "A=${{Redis.URL}} => 2", &[OTHER]),
            ("A=1", "A=${{shared.K}} => 2", &[shared_line]),
            ("A=1", "A=${{ shared.K }} => 2", &[shared_line]),
            ("A=1", "A=x-${{shared.K}} => x-2", &[OTHER]),
            ("A=1", "A=${{Redis.URL}} => <sealed>", &[]),
            ("A=1", "A=${{Nowhere.URL}} => ", &[]),
            ("A=1", "A=${{Redis.URL}} => ", &[]),
            ("A=1", "A=2", &[]),
            ("A=redis://localhost", "A=${{Redis.URL}} => 2", &[]),
            ("PORT=1", "PORT=${{Redis.URL}} => 2", &[]),
        ];
        for (file, row, expected) in cases {
            let mut found = survey(&[file], &[("api", &[row])]);
            out_of_scope(&mut found, "Redis", &["URL"]);
            shared(&mut found, "K");
            assert_eq!(&lines(&RULE, &found), expected, "{file} against {row}");
        }
    }

    #[test]
    fn services_with_the_same_reference_share_a_finding() {
        let services: [ServiceRows<'_>; 3] = [
            ("api", &["A=${{Redis.URL}} => 2"]),
            ("web", &["A=${{shared.K}} => 2"]),
            ("worker", &["A=${{Redis.URL}} => 2"]),
        ];
        let mut found = survey(&["A=1"], &services);
        out_of_scope(&mut found, "Redis", &["URL"]);
        shared(&mut found, "K");
        let line = |services, side| format!("note A [{services}] .env:1: A differs between .env and {side}");
        assert_eq!(
            lines(&RULE, &found),
            [line("api, worker", "the rendered reference on Railway"), line("web", "the shared variable K")]
        );
    }

    #[test]
    fn required_key_is_an_error_even_behind_a_reference() {
        for (template, is_error) in
            [("${{shared.K}} => 2", true), ("${{shared.K}} => ", true), ("${{no.K}} => ", false)]
        {
            let mut found = survey(&["A=http://localhost"], &[("api", &[&format!("A={template}")])]);
            shared(&mut found, "K");
            require(&mut found, "A", &["api"]);
            let errors = check(&found);
            assert_eq!(errors.iter().any(|finding| finding.required), is_error, "{template}");
            assert_eq!(
                lines(&RULE, &found).iter().any(|line| line.starts_with("error A [api]")),
                is_error,
                "{template}"
            );
        }
    }

    #[test]
    fn reference_is_not_pulled_into_a_stream() {
        let mut found = survey(&["A=1"], &[("api", &["A=${{db.A}} => 2"])]);
        found.files[0].read_only = Some(ReadOnly::Stream);
        let finding = check(&found).remove(0);
        assert_eq!((finding.remedies.as_slice(), finding.next), (&[][..], None));
        let expected = "if the reference is right, use its value locally; to overwrite it, pass `--allow-reference A`";
        assert_eq!(finding.advice.as_deref(), Some(expected));
    }

    #[test]
    fn difference_of_a_required_key_is_reported_once() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("web", &["A=${{Redis.URL}} => 2"])]);
        out_of_scope(&mut found, "Redis", &["URL"]);
        require(&mut found, "A", &[]);
        let rules: Vec<_> = examine(&found).findings.iter().map(|finding| finding.rule.name).collect();
        assert_eq!(rules, ["reference-differs"], "the services disagree for the same reason");
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
