//! Entries in `doctor.toml`.

use jiff::ToSpan;

use crate::drift::Survey;
use crate::drift::engine::policy::{Ignore, Require};
use crate::drift::rules;
use crate::drift::test_support::{TODAY, ignore, named, survey};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    [expired_ignore(), unused_entry()].into_iter().flatten().collect()
}

fn expired_ignore() -> Vec<Circumstance> {
    let case = |name, keys: &[&str], reason: &str| {
        let mut found = survey(&["DEBUG=1"], &[]);
        let until = Some(TODAY - 1.day());
        found.policy.ignore.push(Ignore { until, reason: reason.to_owned(), ..ignore(keys) });
        Circumstance::new(&rules::expired_ignore::RULE, name, &found)
    };
    vec![
        case("with a reason", &["DEBUG", "LOG_LEVEL"], "only for local runs"),
        case("without a reason", &["DEBUG"], ""),
    ]
}

fn unused_entry() -> Vec<Circumstance> {
    let case = |name, change: fn(&mut Survey)| {
        let mut found = survey(&["CACHE_URL=x"], &[("api", &["CACHE_URL=x"])]);
        change(&mut found);
        Circumstance::new(&rules::unused_entry::RULE, name, &found)
    };
    vec![
        case("ignored key with a similar name", |found| found.policy.ignore.push(ignore(&["CACHE_ULR"]))),
        case("unknown ignored keys", |found| found.policy.ignore.push(ignore(&["LEGACY_*", "SENTRY_DSN"]))),
        case("required system variable", |found| require_on(found, &["RAILWAY_PROJECT_ID"], &[])),
        case("required system variables", |found| {
            require_on(found, &["RAILWAY_PROJECT_ID", "RAILWAY_SERVICE_ID"], &[]);
        }),
        case("required on a service that is not compared", |found| require_on(found, &["CACHE_URL"], &["docs"])),
        case("severity of a rule without a declaration", |found| {
            found.policy.severity_lines.insert("log-line-missing".to_owned(), 4);
        }),
    ]
}

fn require_on(found: &mut Survey, keys: &[&str], services: &[&str]) {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    let services = services.iter().map(|name| named(name).id).collect();
    found.policy.require.push(Require { keys, services, line: 9 });
}
