//! D503 backend-shared: two environments lead to the same database, cache, message broker or bucket.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::compare::backend::{Backend, BackendKind, backends};
use crate::drift::compare::shared_value::are_live_keys;
use crate::drift::compare::{self, EnvironmentSide, KeyPair, UsedValue, pair_observations, services_of, values_of};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, reference_and_literal, secret_shared};
use crate::drift::system_variables::{PUBLIC_DOMAIN, TCP_PROXY_DOMAIN, TCP_PROXY_PORT};
use crate::drift::{Secret, Survey, Target, Variable};

pub static RULE: Rule = Rule {
    code: "D503",
    name: "backend-shared",
    severity: Severity::Warning,
    summary: "Two environments lead to the same database, cache, message broker or bucket",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[Marker::new(
        Mark::SharedBackend,
        "&",
        "same backend",
        "backend-shared",
        "leads to a database, cache, message broker or bucket of the other environment",
    )],
    in_place_of: &[&reference_and_literal::RULE, &secret_shared::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A staging environment that was copied from production and still has its database address writes into the production
database. Two queues with the same address deliver the jobs of one environment to the workers of the other.

## Example

    staging      api        DATABASE_URL=postgresql://…@monorail.proxy.rlwy.net:25432/shop
    production   Postgres   DATABASE_PUBLIC_URL=postgresql://…@${{RAILWAY_TCP_PROXY_DOMAIN}}:25432/shop

`doctor compare` reads host, port and database from URLs, also from rendered references, and reports an address that
both environments have, under the same key or another one. It is an error if one of the environments is protected.
Two databases on one host are separate. A private host such as `postgres.railway.internal` is another host in each
environment.

It also reports a provider's live key in an environment that is not protected, next to another live key in a
protected one: both lead to live data.

## Fix

Create a separate backend for each environment, and refer to it: `${{Postgres.DATABASE_URL}}`.

## Suppress

If both environments are intended to have the same backend, declare it:

    [[across]]
    keys = [\"ANALYTICS_DATABASE_URL\"]
    must = \"agree\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some(environments) = compare::environments(survey) else { return Vec::new() };
    let mut findings = copied_addresses(survey, environments);
    if !compare::expects_copies(survey) {
        findings.extend(shared_backends(survey, environments));
    }
    findings.extend(live_keys(survey, environments));
    compare::without_unreadable(survey, findings)
}

/// Backends, each with the values that lead to it.
type Uses<'s> = BTreeMap<Backend, Vec<UsedValue<'s>>>;

/// Returns the backends of an environment. Where the value of a sealed variable is a part of an address, `unknown` takes
/// its place, which is different in each environment: an unknown database is not the same as another one.
fn uses_of<'s>(survey: &Survey, values: impl IntoIterator<Item = UsedValue<'s>>, unknown: &str) -> Uses<'s> {
    let unknown = Secret::new(unknown);
    let mut uses = Uses::new();
    for used in values.into_iter().filter(|used| !survey.policy.across.is_about_value(used.key)) {
        let lookup = |name: &str| used.target.variable(name).map(|variable| variable.effective().unwrap_or(&unknown));
        for backend in backends(used.key, used.value, &lookup) {
            uses.entry(backend).or_default().push(used);
        }
    }
    uses
}

/// Returns the backends of each environment, including those of databases that are out of scope.
fn both_uses(survey: &Survey) -> [Uses<'_>; 2] {
    let databases = survey.counterpart.as_ref().map(|counterpart| &counterpart.databases);
    let of_side = |side: usize| {
        compare::targets(survey, side)
            .chain(databases.into_iter().flat_map(move |databases| &databases[side]))
            .collect::<Vec<&Target>>()
    };
    let [first, second] = [of_side(0), of_side(1)];
    let mut left = uses_of(survey, first.iter().copied().flat_map(values_of), "left");
    let mut right = uses_of(survey, second.iter().copied().flat_map(values_of), "right");
    let (to_left, to_right) = (public_addresses(&first, &right), public_addresses(&second, &left));
    for (uses, found) in [(&mut left, to_left), (&mut right, to_right)] {
        for (backend, used) in found {
            let known: &mut Vec<UsedValue<'_>> = uses.entry(backend).or_default();
            if known.iter().all(|other| other.target.service.id != used.target.service.id) {
                known.push(used);
            }
        }
    }
    [left, right]
}

/// Returns the backends of the other environment whose address is the public one of a service in this environment.
fn public_addresses<'s>(targets: &[&'s Target], others: &Uses<'_>) -> Vec<(Backend, UsedValue<'s>)> {
    let mut found = Vec::new();
    for target in targets {
        for (host, port) in [(TCP_PROXY_DOMAIN, Some(TCP_PROXY_PORT)), (PUBLIC_DOMAIN, None)] {
            let text = |key: &str| target.variable(key).and_then(Variable::effective).map(Secret::expose);
            let port = port.map_or(Some("443"), text);
            let Some((key, variable)) = target.stored.iter().flatten().find(|(key, _)| *key == host) else { continue };
            let (Some(value), Some(port)) = (variable.effective(), port) else { continue };
            let at = others.keys().filter(|backend| backend.is_at(value.expose(), port));
            found.extend(at.map(|backend| (backend.clone(), UsedValue { target, key, variable, value })));
        }
    }
    found
}

/// The uses of one backend in both environments.
struct SharedBackend<'u, 's> {
    backend: &'u Backend,
    /// The environment of the finding, and its uses.
    side: EnvironmentSide<'s>,
    uses: &'u [&'u UsedValue<'s>],
    /// The other environment, and its uses.
    other: EnvironmentSide<'s>,
    others: &'u [&'u UsedValue<'s>],
}

fn shared_backends(survey: &Survey, sides: [EnvironmentSide<'_>; 2]) -> Vec<Finding> {
    let [left, _] = sides;
    let [first, second] = both_uses(survey);
    let severity = compare::severity_of_sharing(survey, &RULE);
    let mut findings: BTreeMap<(String, Vec<String>), Finding> = BTreeMap::new();
    for (backend, lefts) in &first {
        let Some(rights) = second.get(backend) else { continue };
        let found = match compare::copied_side(sides) {
            Some((side, original)) if side.environment == left.environment => {
                copies(side, original.name(), backend, lefts)
            }
            Some((side, original)) => copies(side, original.name(), backend, rights),
            None => shared(survey, sides, backend, [lefts, rights]),
        };
        for finding in found {
            let services = finding.services.iter().map(|service| service.name.clone()).collect();
            let place = (finding.key.clone().unwrap_or_default(), services);
            findings.entry(place).or_insert(Finding { severity, ..finding });
        }
    }
    findings.into_values().collect()
}

/// Returns the findings about a backend that both environments lead to.
fn shared(
    survey: &Survey,
    [left, right]: [EnvironmentSide<'_>; 2],
    backend: &Backend,
    uses: [&[UsedValue<'_>]; 2],
) -> Vec<Finding> {
    let [lefts, rights]: [Vec<&UsedValue<'_>>; 2] = uses.map(|uses| uses.iter().collect());
    let has_owner = |uses: &[&UsedValue<'_>]| uses.iter().any(|used| is_database(survey, used));
    // The environment to change is the one whose database it is not, and rather not a protected one.
    let changes_left = match (has_owner(&lefts), has_owner(&rights)) {
        (true, false) => false,
        (false, true) => true,
        _ => right.traits.is_protected || !left.traits.is_protected,
    };
    let of_left = SharedBackend { backend, side: left, uses: &lefts, other: right, others: &rights };
    let of_right = SharedBackend { backend, side: right, uses: &rights, other: left, others: &lefts };
    let both = if changes_left { [of_left, of_right] } else { [of_right, of_left] };
    // A key of the other environment is named in these findings, unless `--only` leaves them out.
    let mut found = both.iter().map(|shared| shared.findings(survey));
    found.find(|findings| !findings.is_empty()).unwrap_or_default()
}

fn is_database(survey: &Survey, used: &UsedValue<'_>) -> bool {
    survey.catalogue.databases.contains(&used.target.service.name)
}

impl SharedBackend<'_, '_> {
    /// Returns one finding for each selected key that leads to the backend.
    fn findings(&self, survey: &Survey) -> Vec<Finding> {
        let has_consumer = self.uses.iter().any(|used| !is_database(survey, used));
        let is_own = |used: &UsedValue<'_>| has_consumer && is_database(survey, used);
        let keys: BTreeSet<&str> = self.uses.iter().filter(|used| !is_own(used)).map(|used| used.key).collect();
        let keys = keys.into_iter().filter(|key| survey.includes_key(key));
        keys.map(|key| self.finding(survey, key)).collect()
    }

    fn finding(&self, survey: &Survey, key: &str) -> Finding {
        let noun = self.backend.kind.noun();
        let (one, other) = (self.side.name(), self.other.name());
        let same_key: Vec<&UsedValue<'_>> = self.others.iter().copied().filter(|used| used.key == key).collect();
        let owner = self.others.iter().find(|used| is_database(survey, used));
        let message = match (owner, same_key.is_empty(), self.others.first()) {
            (Some(owner), ..) => format!("{key} in {one} leads to {} in {other}", owner.target.service.name),
            (None, true, Some(used)) => format!("{key} in {one} leads to the same {noun} as {} in {other}", used.key),
            _ => format!("{key} leads to the same {noun} in {one} and {other}"),
        };
        let own = self.uses.iter().copied().filter(|used| used.key == key);
        let uses: Vec<UsedValue<'_>> = own.clone().copied().collect();
        let others: Vec<UsedValue<'_>> = self.others.iter().map(|used| **used).collect();
        let sides = [compare::observations(self.side, &uses), compare::observations(self.other, &others)];
        Finding {
            key: Some(key.to_owned()),
            services: services_of(own.chain(same_key)),
            advice: Some(match self.backend.kind {
                BackendKind::Bucket => format!("create a separate {noun} for {one}"),
                _ => format!("create a separate {noun} for {one}, and refer to it with ${{{{SERVICE.KEY}}}}"),
            }),
            observations: sides.concat(),
            ..Finding::new(&RULE, message)
        }
    }
}

/// Returns the backends of a protected environment, which is not compared, in pull request environments.
fn copied_addresses(survey: &Survey, environments: [EnvironmentSide<'_>; 2]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for original in compare::originals(survey) {
        let originals = uses_of(survey, original.values, "original");
        for (side, uses) in environments.into_iter().zip(both_uses(survey)) {
            let copied = uses.iter().filter(|(backend, _)| side.traits.is_ephemeral && originals.contains_key(backend));
            findings.extend(copied.flat_map(|(backend, uses)| copies(side, &original.environment.name, backend, uses)));
        }
    }
    findings
}

/// Returns one finding for each key that leads to the backend.
fn copies(side: EnvironmentSide<'_>, original: &str, backend: &Backend, uses: &[UsedValue<'_>]) -> Vec<Finding> {
    let noun = backend.kind.noun();
    let keys: BTreeSet<&str> = uses.iter().map(|used| used.key).collect();
    let finding = |key: &str| {
        let uses: Vec<UsedValue<'_>> = uses.iter().filter(|used| used.key == key).copied().collect();
        let message = format!("{key} in {} was copied from {original}: it leads to the same {noun}", side.name());
        Finding {
            severity: Severity::Error,
            key: Some(key.to_owned()),
            services: services_of(&uses),
            advice: Some(format!("create a separate {noun} for {}", side.name())),
            observations: compare::observations(side, &uses),
            ..Finding::new(&RULE, message)
        }
    };
    keys.into_iter().map(finding).collect()
}

/// Returns a finding for each key with different live keys of a provider, if only one environment is protected.
fn live_keys(survey: &Survey, sides: [EnvironmentSide<'_>; 2]) -> Vec<Finding> {
    let [left, right] = sides;
    if left.traits.is_protected == right.traits.is_protected {
        return Vec::new();
    }
    let (open, protected) = if left.traits.is_protected { (right, left) } else { (left, right) };
    let is_live = |pair: &KeyPair<'_>| {
        if survey.policy.across.is_about_value(pair.key) {
            return false;
        }
        let [left, right] = pair.sides.map(|side| side.and_then(Variable::effective));
        left.zip(right).is_some_and(|(left, right)| are_live_keys(pair.key, left, right))
    };
    let finding = |pair: KeyPair<'_>| Finding {
        severity: Severity::Error,
        key: Some(pair.key.to_owned()),
        services: vec![pair.targets[0].service.clone()],
        advice: Some(format!("store the provider's test key in {}", open.name())),
        observations: pair_observations(&[pair], sides),
        ..Finding::new(&RULE, format!("{} in {} is a live key, as in {}", pair.key, open.name(), protected.name()))
    };
    compare::keys(survey).filter(is_live).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::Survey;
    use crate::drift::engine::policy::Must;
    use crate::drift::survey::Original;
    use crate::drift::test_support::{ServiceRows, across, counterpart, lines, named, pair, protect};

    const ROW: &str = "DATABASE_URL=postgres://u:p@db.shop.dev:5432/shop";

    fn api(left: &[&str], right: &[&str]) -> Survey {
        pair(&[("api", left)], &[("api", right)])
    }

    #[test]
    fn same_backend_is_reported_however_it_is_written() {
        let expected = "warning DATABASE_URL [api]: DATABASE_URL leads to the same database in staging and production";
        for other in [
            ROW,
            "DATABASE_URL=postgresql://other:q@DB.shop.dev/shop?sslmode=require",
            "DATABASE_URL=${{shared.DATABASE_URL}} => postgres://u:p@db.shop.dev:5432/shop",
        ] {
            assert_eq!(lines(&RULE, &api(&[ROW], &[other])), [expected], "{other}");
        }
    }

    #[test]
    fn another_database_host_or_port_is_another_backend() {
        for other in [
            "DATABASE_URL=postgres://u:p@db.shop.dev:5432/shop_staging",
            "DATABASE_URL=postgres://u:p@db.shop.dev:5433/shop",
            "DATABASE_URL=postgres://u:p@db2.shop.dev:5432/shop",
            "DATABASE_URL=<sealed>",
        ] {
            assert_eq!(lines(&RULE, &api(&[ROW], &[other])), [""; 0], "{other}");
        }
        let private = "DATABASE_URL=postgres://u:p@postgres.railway.internal:5432/shop";
        assert_eq!(lines(&RULE, &api(&[private], &[private])), [""; 0]);
    }

    #[test]
    fn database_of_the_other_environment_is_named() {
        let public = "DATABASE_PUBLIC_URL=postgres://u:p@db.shop.dev:5432/shop";
        let own: &[ServiceRows<'_>] = &[("api", &[]), ("Postgres", &[public])];
        for (left, right, expected) in [
            (
                &[("api", &[ROW] as &[&str])] as &[ServiceRows<'_>],
                own,
                "DATABASE_URL in staging leads to Postgres in production",
            ),
            (own, &[("api", &[ROW])], "DATABASE_URL in production leads to Postgres in staging"),
            (
                &[
                    ("api", &["REPORTS_URL=${{Postgres.X}} => postgres://u:p@db.shop.dev:5432/shop"]),
                    ("Postgres", &[public]),
                ],
                &[("api", &[ROW])],
                "DATABASE_URL in production leads to Postgres in staging",
            ),
        ] {
            let mut found = protect(pair(left, right));
            found.catalogue.databases.insert("Postgres".to_owned());
            assert_eq!(lines(&RULE, &found), [format!("error DATABASE_URL [api]: {expected}")]);
        }
    }

    #[test]
    fn owner_keeps_its_database_even_if_the_other_environment_is_protected() {
        let public = "DATABASE_PUBLIC_URL=postgres://u:p@db.shop.dev:5432/shop";
        let mut found = pair(&[("api", &[ROW])], &[("api", &[]), ("Postgres", &[public])]);
        found.catalogue.databases.insert("Postgres".to_owned());
        counterpart(&mut found).traits[0].is_protected = true;
        let expected = "error DATABASE_URL [api]: DATABASE_URL in staging leads to Postgres in production";
        assert_eq!(lines(&RULE, &found), [expected]);
    }

    #[test]
    fn public_address_of_a_service_in_the_other_environment_is_recognised() {
        let proxy = ["RAILWAY_TCP_PROXY_DOMAIN=db.shop.dev", "RAILWAY_TCP_PROXY_PORT=5432"];
        let other = ["RAILWAY_TCP_PROXY_DOMAIN=db.shop.dev", "RAILWAY_TCP_PROXY_PORT=6543"];
        for (address, expected) in [(proxy, 1), (other, 0)] {
            let mut found = pair(&[("api", &[ROW]), ("Postgres", &other)], &[("api", &[]), ("Postgres", &address)]);
            found.catalogue.databases.insert("Postgres".to_owned());
            let found = lines(&RULE, &found);
            assert_eq!(found.len(), expected, "{found:?}");
            let message = "warning DATABASE_URL [api]: DATABASE_URL in staging leads to Postgres in production";
            assert!(found.iter().all(|line| line == message), "{found:?}");
        }
    }

    #[test]
    fn unknown_database_name_is_not_the_same() {
        let rows = &["DB_HOST=db.shop.dev", "DB_PORT=5432", "DB_NAME=<sealed>"];
        assert_eq!(lines(&RULE, &api(rows, rows)), [""; 0]);
        let rows = &["DB_HOST=db.shop.dev", "DB_PORT=<sealed>", "DB_NAME=shop"];
        assert_eq!(lines(&RULE, &api(rows, rows)), [""; 0]);
        let rows = &["DB_HOST=db.shop.dev", "DB_PORT=5432", "DB_NAME=shop"];
        assert_eq!(lines(&RULE, &api(rows, rows)).len(), 1);
    }

    #[test]
    fn declared_key_is_not_reported() {
        for must in [Must::Agree, Must::Differ] {
            let mut found = api(&[ROW], &[ROW]);
            across(&mut found, "DATABASE_URL", must);
            assert_eq!(lines(&RULE, &found), [""; 0], "{must:?}");
        }
    }

    #[test]
    fn pull_request_environment_may_lead_to_its_base_only() {
        let mut found = api(&[ROW], &[ROW]);
        counterpart(&mut found).traits[0].is_ephemeral = true;
        assert_eq!(lines(&RULE, &found), [""; 0]);
        for (protected, expected) in [
            (
                1,
                "error DATABASE_URL [api]: DATABASE_URL in staging was copied from production: it leads to the same database",
            ),
            (
                0,
                "error DATABASE_URL [api]: DATABASE_URL in production was copied from staging: it leads to the same database",
            ),
        ] {
            let mut copied = api(&[ROW], &[ROW]);
            counterpart(&mut copied).traits[1 - protected].is_ephemeral = true;
            counterpart(&mut copied).traits[protected].is_protected = true;
            assert_eq!(lines(&RULE, &copied), [expected]);
            let other: &[&str] = &["REPORTS_URL=postgres://u:p@db.shop.dev:5432/shop"];
            let rows = if protected == 1 { [other, &[ROW]] } else { [&[ROW], other] };
            let traits = counterpart(&mut copied).traits;
            let mut named = api(rows[0], rows[1]);
            counterpart(&mut named).traits = traits;
            let expected = expected.replace("DATABASE_URL", "REPORTS_URL");
            assert_eq!(lines(&RULE, &named), [expected], "the key of the copy is named");
        }
        counterpart(&mut found).originals =
            vec![Original { environment: named("live"), targets: pair(&[("api", &[ROW])], &[]).targets }];
        let copied =
            "error DATABASE_URL [api]: DATABASE_URL in staging was copied from live: it leads to the same database";
        assert_eq!(lines(&RULE, &found), [copied]);
    }

    #[test]
    fn live_keys_are_reported_outside_of_a_protected_environment() {
        let live = ["STRIPE_SECRET_KEY=sk_live_51Habcdefghijk", "STRIPE_SECRET_KEY=sk_live_51Hlmnopqrstuv"];
        let test = "STRIPE_SECRET_KEY=sk_test_51Habcdefghijk";
        let expected = "error STRIPE_SECRET_KEY [api]: STRIPE_SECRET_KEY in staging is a live key, as in production";
        assert_eq!(lines(&RULE, &protect(api(&[live[0]], &[live[1]]))), [expected]);
        let mut first = api(&[live[0]], &[live[1]]);
        counterpart(&mut first).traits[0].is_protected = true;
        let expected = "error STRIPE_SECRET_KEY [api]: STRIPE_SECRET_KEY in production is a live key, as in staging";
        assert_eq!(lines(&RULE, &first), [expected]);
        counterpart(&mut first).traits[1].is_protected = true;
        assert_eq!(lines(&RULE, &first), [""; 0], "both are protected");
        assert_eq!(lines(&RULE, &api(&[live[0]], &[live[1]])), [""; 0]);
        assert_eq!(lines(&RULE, &protect(api(&[test], &[live[1]]))), [""; 0]);
        let mut declared = protect(api(&[live[0]], &[live[1]]));
        across(&mut declared, "STRIPE_SECRET_KEY", Must::Differ);
        assert_eq!(lines(&RULE, &declared), [""; 0]);
    }
}
