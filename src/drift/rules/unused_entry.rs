//! D303 unused-entry: an entry in `doctor.toml` that matches nothing.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::drift::dotenv::LocalFile;
use crate::drift::engine::policy::{Ignore, Require};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CHECKS, RuleCheck, env_file_exposed};
use crate::drift::similarity::close_matches;
use crate::drift::survey::Coverage;
use crate::drift::{Survey, Target, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D303",
    name: "unused-entry",
    severity: Severity::Warning,
    summary: "An entry in doctor.toml matches nothing",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

An entry that matches nothing has no effect. Usually its name is misspelt, or its key or service no longer exists. A
`[[require]]` without a compared service checks nothing, although it looks as if it did.

## Example

    [[ignore]]
    keys   = [\"CACHE_ULR\"]
    reason = \"every developer has a separate cache\"

No file and no service has a key `CACHE_ULR`.

An `[[ignore]]` is reported if none of its keys matches a key of the files, the environment's services, an example file
or a `[[require]]`, and for a key that is similar to an existing one. A `[[require]]` is reported if none of its
services is compared; a required key that exists nowhere is `missing-on-railway`. A `[severity]` is reported if its rule
needs a declaration that the file does not have. Nothing is reported for other environments, or if flags select
services, keys or files. Without a file, no `[[ignore]]` is reported.

## Fix

Correct the name, or remove the entry.

## Suppress

    [severity]
    unused-entry = \"off\"
";

/// The maximum number of unknown names that are compared with the known keys.
const COMPARED: usize = 100;

/// The policy file. There is only one with this name.
const FILE: &str = "doctor.toml";

fn check(survey: &Survey) -> Vec<Finding> {
    if survey.coverage == Coverage::Part {
        return Vec::new();
    }
    let keys = keys(survey);
    let here = |ignore: &&Ignore| {
        let is_for_check = !is_for_commits(ignore) && !is_for_pairs(ignore);
        is_for_check && ignore.applies_on(survey.today) && ignore.applies_in(&survey.environment)
    };
    let mut found = Vec::new();
    // An entry may be about a key that only a file has.
    if !survey.files.is_empty() {
        found.extend(survey.policy.ignore.iter().filter(here).filter_map(|ignore| unused_ignore(ignore, &keys)));
        found.extend(misspelt_keys(survey.policy.ignore.iter().filter(here), &keys));
    }
    found.extend(survey.policy.require.iter().filter_map(|require| unused_require(require, survey)));
    found.extend(unused_severities(survey));
    found
}

/// Returns whether the entry is only about secrets in files. The hook reads files that a check does not.
fn is_for_commits(ignore: &Ignore) -> bool {
    let rule = &env_file_exposed::RULE;
    !ignore.rules.is_empty() && ignore.rules.iter().all(|named| [rule.name, rule.code].contains(&named.as_str()))
}

/// Returns whether the entry is only about rules for two environments, one of which may lack the key.
fn is_for_pairs(ignore: &Ignore) -> bool {
    let is_pair_rule = |named: &String| {
        let of_pairs = CHECKS.iter().filter(|check| check.rule.scope == RuleScope::EnvironmentPair);
        of_pairs.flat_map(|check| [check.rule.name, check.rule.code]).any(|known| known == named)
    };
    !ignore.rules.is_empty() && ignore.rules.iter().all(is_pair_rule)
}

/// Returns every known key, on any service.
fn keys(survey: &Survey) -> BTreeSet<&str> {
    let mut keys: BTreeSet<&str> = survey.files.iter().flat_map(LocalFile::keys).collect();
    keys.extend(survey.examples.iter().flat_map(|example| example.file.keys()));
    keys.extend(survey.catalogue.services.values().flatten().map(String::as_str));
    keys.extend(survey.catalogue.shared.iter().map(String::as_str));
    keys.extend(survey.policy.require.iter().flat_map(|require| &require.keys).map(String::as_str));
    keys.extend(
        survey.targets.iter().flat_map(|target| &target.stored).flat_map(|stored| stored.keys()).map(String::as_str),
    );
    keys
}

fn unused_ignore(ignore: &Ignore, keys: &BTreeSet<&str>) -> Option<Finding> {
    if ignore.keys.iter().any(|pattern| matches_any(pattern, keys)) {
        return None;
    }
    let names: Vec<&str> = ignore.keys.iter().map(String::as_str).collect();
    let all: Vec<&str> = keys.iter().copied().collect();
    let intended = names.iter().find_map(|name| close_matches(name, &all, 1, 0.7).pop());
    let message = format!("the [[ignore]] for {} matches no key", phrases::names(&names));
    let advice = match intended {
        Some(key) => format!("did you mean {key}? otherwise, remove the entry"),
        None => "correct or remove the entry".to_owned(),
    };
    Some(finding(ignore.line, message, advice))
}

/// Returns a finding for each name that matches no key and is similar to one, in entries that match other keys.
fn misspelt_keys<'s>(ignores: impl Iterator<Item = &'s Ignore>, keys: &BTreeSet<&str>) -> Vec<Finding> {
    let all: Vec<&str> = keys.iter().copied().collect();
    let is_used = |ignore: &&Ignore| ignore.keys.iter().any(|pattern| matches_any(pattern, keys));
    let is_unknown = |name: &&String| !name.contains(['*', '?']) && !keys.contains(name.as_str());
    let unknown = ignores
        .filter(is_used)
        .flat_map(|ignore| ignore.keys.iter().filter(is_unknown).map(move |name| (ignore, name)))
        .take(COMPARED);
    let misspelt = unknown.filter_map(|(ignore, name)| {
        let intended = close_matches(name, &all, 1, 0.8).pop()?;
        let is_covered = ignore.keys.iter().any(|pattern| WildMatch::new(pattern).matches(&intended));
        let message = format!("{name} in an [[ignore]] matches no key");
        (!is_covered).then(|| finding(ignore.line, message, format!("did you mean {intended}? otherwise, remove it")))
    });
    misspelt.collect()
}

fn matches_any(pattern: &str, keys: &BTreeSet<&str>) -> bool {
    let Some((start, _)) = pattern.split_once(['*', '?']) else { return keys.contains(pattern) };
    let wild = WildMatch::new(pattern);
    keys.range(start..).take_while(|key| key.starts_with(start)).any(|key| wild.matches(key))
}

fn unused_require(require: &Require, survey: &Survey) -> Option<Finding> {
    let names: Vec<&str> = require.keys.iter().map(String::as_str).collect();
    let is_compared = |target: &Target| require.services.is_empty() || require.services.contains(&target.service.id);
    if names.iter().all(|key| system_variables::is_provided(key)) {
        let pronoun = if names.len() == 1 { "it" } else { "them" };
        let message = format!("the [[require]] for {} has no effect: Railway sets {pronoun}", phrases::names(&names));
        return Some(finding(require.line, message, "remove the entry".to_owned()));
    }
    if survey.targets.is_empty() || survey.targets.iter().any(is_compared) {
        return None;
    }
    let message =
        format!("the [[require]] for {} has no effect: none of its services is compared", phrases::names(&names));
    Some(finding(require.line, message, "add its services under [services], or remove the entry".to_owned()))
}

fn unused_severities(survey: &Survey) -> impl Iterator<Item = Finding> {
    CHECKS.iter().filter_map(|RuleCheck { rule, declaration, .. }| {
        let declaration = declaration.as_ref()?;
        let line = *survey.policy.severity_lines.get(rule.name)?;
        let (rule, declared) = (rule.name, declaration.name);
        let message = format!("the [severity] for {rule} has no effect: no {declared} is declared");
        let advice = format!("add {declared}, or remove the line");
        (!(declaration.is_made)(survey)).then(|| finding(line, message, advice))
    })
}

fn finding(line: usize, message: String, advice: String) -> Finding {
    let places = vec![Location { file: FILE.to_owned(), line }];
    Finding { places, advice: Some(advice), ..Finding::new(&RULE, message) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use jiff::ToSpan;

    use crate::drift::Survey;
    use crate::drift::engine::policy::{Ignore, Must, Require};
    use crate::drift::engine::run_rules::examine;
    use crate::drift::rules::unused_entry::RULE;
    use crate::drift::survey::Coverage;
    use crate::drift::test_support::{
        TODAY, across, healthy, ignore, lines, named, out_of_scope, require, shared, survey, target, unreadable,
        without_file,
    };

    fn shop() -> Survey {
        let mut found = survey(&["DEBUG=1", "CACHE_URL=x"], &[("api", &["CACHE_URL=x", "REGION=eu"])]);
        out_of_scope(&mut found, "docs", &["THEME"]);
        shared(&mut found, "COMMON");
        found
    }

    #[test]
    fn ignore_for_rules_of_two_environments_is_not_reported() {
        for (rule, expected) in [("missing-in-environment", 0), ("value-differs", 1)] {
            let mut found = shop();
            found.policy.ignore.push(Ignore { rules: vec![rule.to_owned()], ..ignore(&["ONLY_IN_PRODUCTION"]) });
            assert_eq!(lines(&RULE, &found).len(), expected, "{rule}");
        }
    }

    #[test]
    fn ignore_without_matching_key_is_reported() {
        let unused = |names: &str| format!("warning - [] doctor.toml:7: the [[ignore]] for {names} matches no key");
        for (keys, expected) in [
            (&["DEBUG"][..], None),
            (&["CACHE_ULR"], Some("CACHE_ULR")),
            (&["LOCAL_*"], Some("LOCAL_*")),
            (&["CACHE_*"], None),
            (&["*"], None),
            (&["D?BUG"], None),
            (&["D?G"], Some("D?G")),
            (&["LOCAL_*", "DEBUG"], None),
            (&["debug"], Some("debug")),
            (&["REGION"], None),
            (&["THEME"], None),
            (&["COMMON"], None),
            (&["A", "B"], Some("A and B")),
        ] {
            let mut found = shop();
            found.policy.ignore.push(ignore(keys));
            assert_eq!(lines(&RULE, &found), expected.map(unused).into_iter().collect::<Vec<_>>(), "{keys:?}");
        }
    }

    #[test]
    fn inapplicable_ignore_is_not_reported() {
        type Case = fn(&mut Survey, &mut Ignore);
        let cases: [(Case, usize); 9] = [
            (|_, _| (), 1),
            // The hook reports secrets of files that a check does not read.
            (|_, one| one.rules = vec!["env-file-exposed".to_owned()], 0),
            (|_, one| one.rules = vec!["env-file-exposed".to_owned(), "value-differs".to_owned()], 1),
            (|_, one| one.environments = vec!["production".to_owned()], 0),
            (|_, one| one.environments = vec!["staging".to_owned()], 1),
            (|_, one| one.until = Some(TODAY - 1.day()), 0),
            (|found, _| found.coverage = Coverage::Part, 0),
            (|found, _| require(found, "GONE_*", &[]), 0),
            (|found, _| unreadable(found, "api"), 1),
        ];
        for (number, (change, expected)) in cases.into_iter().enumerate() {
            let (mut found, mut one) = (shop(), ignore(&["GONE_*"]));
            change(&mut found, &mut one);
            found.policy.ignore.push(one);
            assert_eq!(lines(&RULE, &found).len(), expected, "case {number}");
        }
    }

    #[test]
    fn misspelt_key_of_a_used_ignore_is_reported() {
        let misspelt = "warning - [] doctor.toml:7: CACHE_ULR in an [[ignore]] matches no key";
        for (keys, expected) in [
            (&["DEBUG", "CACHE_ULR"][..], &[misspelt][..]),
            // Not similar to a key, or only to one that the entry has.
            (&["DEBUG", "NEW_KEY"], &[]),
            (&["CACHE_URL", "CACHE_ULR"], &[]),
            (&["CACHE_*", "CACHE_ULR"], &[]),
            (&["DEBUG", "CACHE_UL?"], &[]),
        ] {
            let mut found = shop();
            found.policy.ignore.push(ignore(keys));
            assert_eq!(lines(&RULE, &found), expected, "{keys:?}");
        }
    }

    #[test]
    fn unreadable_service_keeps_its_known_keys() {
        let mut found = shop();
        unreadable(&mut found, "api");
        found.policy.ignore.push(ignore(&["REGION"]));
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn suggests_the_intended_key() {
        let mut found = shop();
        found.policy.ignore.extend([ignore(&["CACHE_ULR"]), ignore(&["NOTHING_LIKE_IT"])]);
        let advice: Vec<_> = check(&found).into_iter().filter_map(|one| one.advice).collect();
        assert_eq!(advice, ["did you mean CACHE_URL? otherwise, remove the entry", "correct or remove the entry"]);
    }

    #[test]
    fn require_of_uncompared_services_is_reported() {
        let unused =
            "warning - [] doctor.toml:9: the [[require]] for DEBUG has no effect: none of its services is compared";
        for (services, expected) in [(&["docs"][..], &[unused][..]), (&["docs", "api"], &[]), (&[], &[])] {
            let mut found = shop();
            let services = services.iter().map(|name| named(name).id).collect();
            found.policy.require.push(Require { keys: vec!["DEBUG".to_owned()], services, line: 9 });
            assert_eq!(lines(&RULE, &found), expected, "{services:?}", services = found.policy.require);
        }
        let mut found = shop();
        require(&mut found, "RAILWAY_PROJECT_ID", &[]);
        let own = "warning - [] doctor.toml:5: the [[require]] for RAILWAY_PROJECT_ID has no effect: Railway sets it";
        assert_eq!(lines(&RULE, &found), [own]);
    }

    #[test]
    fn ignore_is_not_reported_without_a_file() {
        let mut found = shop();
        found.policy.ignore.extend([ignore(&["LOCAL_*"]), ignore(&["REGION", "CACHE_ULR"])]);
        found.policy.require.push(Require { keys: vec!["A".to_owned()], services: vec![named("docs").id], line: 9 });
        assert_eq!(lines(&RULE, &found).len(), 3);
        without_file(&mut found);
        assert_eq!(lines(&RULE, &found).len(), 1, "the [[require]] checks nothing");
    }

    #[test]
    fn required_key_missing_everywhere_is_reported_once() {
        let mut found = shop();
        require(&mut found, "NOWHERE", &[]);
        let rules: Vec<_> = examine(&found)
            .findings
            .iter()
            .filter(|one| one.key.as_deref() == Some("NOWHERE"))
            .map(|one| one.rule.name)
            .collect();
        assert_eq!((rules, lines(&RULE, &found).len()), (vec!["missing-on-railway"], 0));
    }

    #[test]
    fn severity_of_rule_without_declaration_is_reported() {
        let rules = [
            "across-violated",
            "endpoint-wrong",
            "log-line-missing",
            "services-disagree",
            "start-command",
            "value-differs",
        ];
        let mut found = shop();
        found.policy.severity_lines = rules.iter().zip(21..).map(|(rule, line)| ((*rule).to_owned(), line)).collect();
        let unused = |(rule, line, declared): (&str, usize, &str)| {
            format!(
                "warning - [] doctor.toml:{line}: the [severity] for {rule} has no effect: no {declared} is declared"
            )
        };
        let expected = [
            ("across-violated", 21, "[[across]]"),
            ("endpoint-wrong", 22, "[[expect.http]]"),
            ("log-line-missing", 23, "[[expect.log]]"),
            ("services-disagree", 24, "[[require]]"),
            ("start-command", 25, "start-command-contains"),
        ];
        let mut reported = lines(&RULE, &found);
        reported.sort();
        assert_eq!(reported, expected.map(unused));

        require(&mut found, "DEBUG", &[]);
        across(&mut found, "DEBUG", Must::Differ);
        target(&mut found, "api").declared = target(&mut healthy(), "api").declared.clone();
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
