//! D104 expected-difference: the file and Railway differ, as expected.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{ComparisonOutcome, expected_without_stored, observation, pairs};
use crate::drift::expected_differences::ExpectedDifference;
use crate::drift::key_holders::KeyHolders;
use crate::drift::missing_keys::missing_keys;
use crate::drift::model::finding::{Finding, Location, Observation};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, missing_on_railway};
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D104",
    name: "expected-difference",
    severity: Severity::Note,
    summary: "The file and Railway differ, as expected",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[
        (Direction::PushShared, FixCondition::Always),
        (Direction::Push, FixCondition::Always),
        (Direction::Add, FixCondition::Always),
        (Direction::Pull, FixCondition::Always),
    ])),
    markers: &[Marker::new(
        Mark::ExpectedDifference,
        "~",
        "expected",
        "expected-difference",
        "differs between the file and Railway, as expected",
    )],
    in_place_of: &[&missing_on_railway::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A database on `localhost` is right on a laptop and wrong on Railway; `NODE_ENV` is `development` locally and
`production` on Railway. Such differences are not drift, and pushing them would break the service. They are reported
separately so that real drift stands out.

## Example

    .env:1   DATABASE_URL=postgres://user:password@localhost:5432/shop
    api      DATABASE_URL=${{Postgres.DATABASE_URL}}

A difference is expected if the local value is an address that is valid only on a developer's machine: loopback, a
private range, `.local`, `.test` or `.localhost`, a host of a compose file (`db`, without a dot), a tunnel such as
ngrok, or a database file. It may be a URL, `host:port` or a list of them; public addresses in the list must be on
Railway, too. A variable such as `${DB_HOST}` counts as its value in the file.

A difference is also expected

- for a key that each environment sets for itself: `PORT`, `HOST`, `DEBUG`, `LOG_LEVEL`, `NODE_ENV`, `RAILS_ENV`,
  `APP_ENV`, `MIX_ENV`, `SPRING_PROFILES_ACTIVE` and the like, `RAILWAY_TOKEN` and `RAILWAY_API_TOKEN`
- for a test key (`sk_test_…`) on one side and a live key (`sk_live_…`) on the other
- for `${APP_NAME}` on one side and its expanded text on the other
- for `null` in the file, as Laravel writes an unset value

A copying mistake is never expected: a trailing newline, white space, quotes, an invisible character, a comment or the
key in the value.

## Fix

No action is needed. If the values should be equal, require the key; it is then compared like any other:

    [[require]]
    keys = [\"NODE_ENV\"]

## Suppress

    [severity]
    expected-difference = \"off\"
";

struct KeyDifference<'s> {
    locals: BTreeMap<Location, Local<'s>>,
    differing: Vec<Observation>,
    services: BTreeSet<&'s ResourceRef>,
}

/// Services share a finding if the difference is expected for the same reason.
type KeyDifferences<'s> = BTreeMap<(&'s str, ExpectedDifference), KeyDifference<'s>>;

fn check(survey: &Survey) -> Vec<Finding> {
    let mut differences = KeyDifferences::new();
    for pair in pairs(survey) {
        if let ComparisonOutcome::ExpectedDifference(kind) = pair.verdict(survey) {
            let difference = key_difference(&mut differences, pair.key, kind, pair.local);
            difference.differing.push(observation(pair.target, Some(pair.variable)));
            difference.services.insert(&pair.target.service);
        }
    }
    for absence in missing_keys(survey, |local| expected_without_stored(local).is_some()) {
        let Some(kind) = expected_without_stored(absence.local) else { continue };
        let is_optional = |target: &&&Target| !survey.requires(target, absence.key);
        let lacking: Vec<&ResourceRef> =
            absence.lacking.iter().filter(is_optional).map(|target| &target.service).collect();
        if !lacking.is_empty() || absence.lacking.is_empty() {
            key_difference(&mut differences, absence.key, kind, absence.local).services.extend(lacking);
        }
    }
    let holders = LazyCell::new(|| KeyHolders::new(survey));
    let missing_on = |key: &str| match holders.of(key) {
        [] if survey.catalogue.shared.contains(key) => "on every service",
        [] => "on Railway",
        _ => "on some services",
    };
    differences.into_iter().map(|((key, kind), difference)| finding(key, kind, difference, missing_on)).collect()
}

fn key_difference<'a, 's>(
    differences: &'a mut KeyDifferences<'s>,
    key: &'s str,
    kind: ExpectedDifference,
    local: Local<'s>,
) -> &'a mut KeyDifference<'s> {
    let empty = || KeyDifference { locals: BTreeMap::new(), differing: Vec::new(), services: BTreeSet::new() };
    let difference = differences.entry((key, kind)).or_insert_with(empty);
    difference.locals.insert(local.place(), local);
    difference
}

fn finding(
    key: &str,
    kind: ExpectedDifference,
    difference: KeyDifference<'_>,
    missing_on: impl Fn(&str) -> &'static str,
) -> Finding {
    let message = message(key, kind, &difference, missing_on);
    let mut observations: Vec<Observation> = difference.locals.values().map(Local::observation).collect();
    observations.extend(difference.differing);
    let mut services: Vec<ResourceRef> = difference.services.into_iter().cloned().collect();
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Finding {
        key: Some(key.to_owned()),
        services,
        places: difference.locals.into_keys().collect(),
        observations,
        ..Finding::new(&RULE, message)
    }
}

fn message(
    key: &str,
    kind: ExpectedDifference,
    difference: &KeyDifference<'_>,
    missing_on: impl Fn(&str) -> &'static str,
) -> String {
    let files: BTreeSet<&str> = difference.locals.keys().map(|place| place.file.as_str()).collect();
    let files: Vec<&str> = files.into_iter().collect();
    let sides = phrases::names(&[files.as_slice(), &["Railway"]].concat());
    let files = phrases::names(&files);
    match (kind, difference.differing.is_empty()) {
        (ExpectedDifference::Host, false) => {
            format!("{key} has a local address in {files} and a different value on Railway")
        }
        (ExpectedDifference::Host, true) => {
            format!("{key} has a local address in {files} and is missing {}", missing_on(key))
        }
        (ExpectedDifference::TestKey, _) => format!("{key} is a test key in {files} and a live key on Railway"),
        (ExpectedDifference::LiveKey, _) => format!("{key} is a live key in {files} and a test key on Railway"),
        (ExpectedDifference::Expansion, _) => {
            format!("{key} has a variable on one side and its expanded value on the other")
        }
        (ExpectedDifference::Null, false) => format!("{key} is null in {files} but has a value on Railway"),
        (ExpectedDifference::Null, true) => format!("{key} is null in {files} and missing {}", missing_on(key)),
        (ExpectedDifference::Key, false) => format!("{key} differs between {sides}, as expected"),
        (ExpectedDifference::Key, true) => {
            format!("{key} is in {files} and missing {}, as expected", missing_on(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Survey;
    use crate::drift::rules::expected_difference::RULE;
    use crate::drift::test_support::{healthy, layer, lines, out_of_scope, require, survey, table};

    #[test]
    fn reports_expected_differences() {
        let port = "note PORT [api] .env:1: PORT differs between .env and Railway, as expected";
        let host = "note DB [api] .env:1: DB has a local address in .env and a different value on Railway";
        table(
            &RULE,
            &[
                (&["PORT=1"], &[("api", &["PORT=2"])], &[port]),
                (&["PORT=1"], &[("api", &["PORT=1"])], &[]),
                (&["PORT=1"], &[("api", &["PORT=<sealed>"])], &[]),
                (&["DB=redis://localhost"], &[("api", &["DB=redis://x.railway.internal"])], &[host]),
                (
                    &["K=sk_test_1"],
                    &[("api", &["K=sk_live_2"])],
                    &["note K [api] .env:1: K is a test key in .env and a live key on Railway"],
                ),
                (&["K=sk_test_1"], &[("api", &["K=sk_test_2"])], &[]),
                (
                    &["K=sk_live_1"],
                    &[("api", &["K=sk_test_2"])],
                    &["note K [api] .env:1: K is a live key in .env and a test key on Railway"],
                ),
                (&["K=sk_test_1"], &[("api", &["K=pk_live_2"])], &[]),
                (
                    &["K=null"],
                    &[("api", &["K=1"])],
                    &["note K [api] .env:1: K is null in .env but has a value on Railway"],
                ),
                (&["K=a"], &[("api", &["K=null"])], &[]),
                (&["K=null"], &[("api", &[])], &["note K [api] .env:1: K is null in .env and missing on Railway"]),
                (
                    &["CORS=http://localhost:3000,https://a.com"],
                    &[("api", &["CORS=https://a.com"])],
                    &["note CORS [api] .env:1: CORS has a local address in .env and a different value on Railway"],
                ),
                (&["CORS=http://localhost:3000,https://a.com"], &[("api", &["CORS=https://b.com"])], &[]),
                (&["DB=redis://localhost"], &[("api", &["DB=${{Redis.URL}} => "])], &[]),
                (&["DB=redis://x.com"], &[("api", &["DB=redis://localhost"])], &[]),
                (&["DB=redis://localhost"], &[("api", &["DB=redis://localhost"])], &[]),
                (
                    &["PORT=1"],
                    &[("api", &["A=2"])],
                    &["note PORT [api] .env:1: PORT is in .env and missing on Railway, as expected"],
                ),
                (
                    &["DB=redis://localhost"],
                    &[("api", &[]), ("worker", &[])],
                    &["note DB [api, worker] .env:1: DB has a local address in .env and is missing on Railway"],
                ),
            ],
        );
    }

    #[test]
    fn variable_and_its_expansion_are_an_expected_difference() {
        let one = "note K [api] .env:1: K has a variable on one side and its expanded value on the other";
        let host = "note K [api] .env:1: K has a local address in .env and a different value on Railway";
        let variable = "note N [api] .env:2: N has a local address in .env and a different value on Railway";
        table(
            &RULE,
            &[
                (&["K=${N} mail", "N=Shop"], &[("api", &["K=Shop mail"])], &[one]),
                (&["K=Shop mail", "N=Shop"], &[("api", &["K=${N} mail"])], &[one]),
                (&["K=${N} mail", "N=Shop"], &[("api", &["K=Store mail", "N=Store"])], &[one]),
                (&["K=Store mail", "N=Shop"], &[("api", &["K=${N} mail", "N=Store"])], &[one]),
                (&["K=${M}", "M=${N}", "N=Shop"], &[("api", &["K=Shop"])], &[one]),
                (&["K=${N:-Shop}"], &[("api", &["K=Shop"])], &[one]),
                (&["K=${N} mail", "N=Shop"], &[("api", &["K=Store mail"])], &[]),
                (&["K=${N} mail"], &[("api", &["K= mail"])], &[]),
                (&["K=$N mail", "N=Shop"], &[("api", &["K=Shop mail"])], &[]),
                (
                    &["K=redis://${N}:6379", "N=localhost"],
                    &[("api", &["K=redis://x.railway.internal:6379", "N=y.railway.internal"])],
                    &[host, variable],
                ),
                (&["K=redis://${N}:6379", "N=a.com"], &[("api", &["K=redis://x.railway.internal:6379"])], &[]),
                (
                    &["K=redis://${N}:6379", "N=localhost"],
                    &[("api", &["N=localhost"])],
                    &["note K [api] .env:1: K has a local address in .env and is missing on Railway"],
                ),
            ],
        );
    }

    #[test]
    fn copying_mistake_is_never_expected() {
        for (local, stored) in [
            ("PORT=3000", "PORT=\"3000\""),
            ("PORT=3000", "PORT=3000\n"),
            ("PORT=3000", "PORT=3000\\n"),
            ("PORT=3000", "PORT= 3000"),
            ("PORT=3000", "PORT=3000 # web"),
            ("PORT=3000", "PORT=PORT=3000"),
            ("NODE_ENV=development", "NODE_ENV=devel\u{200b}opment"),
            ("DB=redis://localhost", "DB=redis://localhost\r\n"),
            ("DB=redis://localhost", "DB=redis%3A%2F%2Flocalhost"),
            ("DB=redis://localhost", "DB=cmVkaXM6Ly9sb2NhbGhvc3Q="),
        ] {
            assert_eq!(lines(&RULE, &survey(&[local], &[("api", &[stored])])), [""; 0], "{local} {stored:?}");
        }
        let case = survey(&["DEBUG=True"], &[("api", &["DEBUG=true"])]);
        assert_eq!(lines(&RULE, &case).len(), 1, "the case is no mistake");
    }

    #[test]
    fn other_services_may_have_the_missing_key() {
        let missing_on = |found: &Survey| lines(&RULE, found);
        let mut found = survey(&["PORT=1", "DB=redis://localhost"], &[("api", &[]), ("web", &["PORT=1"])]);
        out_of_scope(&mut found, "docs", &["DB"]);
        assert_eq!(missing_on(&found), [""; 0]);
        let mut shared = survey(&["PORT=1"], &[("api", &[])]);
        crate::drift::test_support::shared(&mut shared, "PORT");
        assert_eq!(
            missing_on(&shared),
            ["note PORT [api] .env:1: PORT is in .env and missing on every service, as expected"]
        );
    }

    #[test]
    fn one_key_in_several_files_is_one_finding() {
        let mut found = survey(&["PORT=1"], &[("web", &["PORT=3"]), ("api", &["PORT=3"])]);
        layer(&mut found, "api/.env", &["PORT=2"], &["api"]);
        let line = concat!(
            "note PORT [api, web] .env:1 api/.env:1: ",
            "PORT differs between .env, api/.env and Railway, as expected"
        );
        assert_eq!(lines(&RULE, &found), [line]);
    }

    #[test]
    fn rendered_reference_counts_as_a_difference() {
        let mut found =
            survey(&["DB=redis://localhost"], &[("api", &["DB=${{Redis.URL}} => redis://x.railway.internal"])]);
        out_of_scope(&mut found, "Redis", &["URL"]);
        assert_eq!(lines(&RULE, &found).len(), 1);
    }

    #[test]
    fn required_key_is_not_an_expected_difference() {
        let mut found = survey(&["PORT=1", "HOST=2"], &[("api", &["PORT=2"]), ("worker", &["PORT=2"])]);
        require(&mut found, "PORT", &[]);
        require(&mut found, "HOST", &["api"]);
        assert_eq!(
            lines(&RULE, &found),
            ["note HOST [worker] .env:2: HOST is in .env and missing on Railway, as expected"]
        );
    }

    #[test]
    fn each_reason_is_a_separate_finding() {
        let mut found = survey(&["K=sk_test_1"], &[("api", &["K=sk_live_2"]), ("web", &["K=sk_test_2"])]);
        layer(&mut found, "web/.env", &["K=sk_live_1"], &["web"]);
        let expected = [
            "note K [api] .env:1: K is a test key in .env and a live key on Railway",
            "note K [web] web/.env:1: K is a live key in web/.env and a test key on Railway",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
