//! Small surveys for the tests of rules: what stands in the file, what Railway stores, and what is to be said.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};

use crate::drift::dispute::Disputes;
use crate::drift::finding::Place;
use crate::drift::local::LocalFile;
use crate::drift::policy::{Ignore, Policy, Require};
use crate::drift::rule::Rule;
use crate::drift::survey::{Catalogue, Named, Survey, Target};
use crate::drift::{Finding, Secret, Variable};
use crate::error::Error;

/// The day on which every scene plays.
pub(crate) const TODAY: Date = date(2026, 10, 3);

/// A service: its name and its rows.
pub(crate) type Service<'r> = (&'r str, &'r [&'r str]);

/// One case of a table: rows of `.env`, services with their rows, expected lines.
pub(crate) type Case<'r> = (&'r [&'r str], &'r [Service<'r>], &'r [&'r str]);

/// A survey of services that all use `.env`.
///
/// A row of a file is `KEY=value`, and its number is its line. A row of a service is `KEY=value`, `KEY=<sealed>`, or
/// `KEY=template => rendered`, where `<sealed>` after the arrow means that Railway does not tell.
pub(crate) fn survey(file: &[&str], services: &[Service<'_>]) -> Survey {
    let targets: Vec<Target> = services
        .iter()
        .map(|(name, rows)| Target { service: named(name), alias: None, layers: vec![0], stored: Ok(stored(rows)) })
        .collect();
    let mut survey = Survey {
        project: named("shop"),
        environment: named("staging"),
        files: vec![local(".env", file)],
        exposures: Vec::new(),
        examples: Vec::new(),
        // Rows have no text behind them that loaders could read.
        disputes: Disputes::none(),
        targets,
        catalogue: Catalogue::default(),
        policy: Policy::default(),
        only: BTreeSet::new(),
        today: TODAY,
    };
    for (name, rows) in services {
        out_of_scope(&mut survey, name, &rows.iter().map(|row| split(row).0).collect::<Vec<_>>());
    }
    survey
}

/// Adds names of a service that is not looked at.
pub(crate) fn out_of_scope(survey: &mut Survey, service: &str, keys: &[&str]) {
    let keys: BTreeSet<String> = keys.iter().map(|&key| key.to_owned()).collect();
    survey.catalogue.services.insert(service.to_owned(), keys);
}

/// Adds the name of a shared variable.
pub(crate) fn shared(survey: &mut Survey, key: &str) {
    survey.catalogue.shared.insert(key.to_owned());
}

/// Adds a file and makes it a layer of the services, above those they have.
pub(crate) fn layer(survey: &mut Survey, name: &str, rows: &[&str], services: &[&str]) {
    survey.files.push(local(name, rows));
    for target in survey.targets.iter_mut().filter(|target| services.contains(&target.service.name.as_str())) {
        target.layers.push(survey.files.len() - 1);
    }
}

/// Requires the key of the services; of all, if none is named.
pub(crate) fn require(survey: &mut Survey, key: &str, services: &[&str]) {
    let services = services.iter().map(|name| named(name).id).collect();
    survey.policy.require.push(Require { keys: vec![key.to_owned()], services });
}

/// An `[[ignore]]` for keys, without further conditions.
pub(crate) fn ignore(keys: &[&str]) -> Ignore {
    Ignore {
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        services: Vec::new(),
        environments: Vec::new(),
        rules: Vec::new(),
        reason: "only for local runs".to_owned(),
        until: None,
        line: 7,
    }
}

/// Makes a service one that could not be read.
pub(crate) fn unreadable(survey: &mut Survey, service: &str) {
    for target in survey.targets.iter_mut().filter(|target| target.service.name == service) {
        target.stored = Err(Error::TwoFactor { workspace: "shop".to_owned() });
    }
}

/// A service or environment of that name; its id is `id-of-` and the name.
pub(crate) fn named(name: &str) -> Named {
    Named { id: format!("id-of-{name}"), name: name.to_owned() }
}

/// What the rule says, one line per finding: `error A [api, worker] .env:1: message`.
pub(crate) fn lines(rule: &Rule, survey: &Survey) -> Vec<String> {
    (rule.check)(survey).iter().map(line).collect()
}

/// One finding in one line.
pub(crate) fn line(finding: &Finding) -> String {
    let services: Vec<&str> = finding.services.iter().map(|service| service.name.as_str()).collect();
    let places: Vec<String> = finding.places.iter().map(|Place { file, line }| format!(" {file}:{line}")).collect();
    format!(
        "{} {} [{}]{}: {}",
        finding.severity.word(),
        finding.key.as_deref().unwrap_or("-"),
        services.join(", "),
        places.concat(),
        finding.message
    )
}

/// Holds a rule to a table of cases.
pub(crate) fn table(rule: &Rule, cases: &[Case<'_>]) {
    for (file, services, expected) in cases {
        assert_eq!(&lines(rule, &survey(file, services)), expected, "{file:?} against {services:?}");
    }
}

/// A project without a fault: plain values, references, sealed ones out of the file's way.
pub(crate) fn healthy() -> Survey {
    let file = [
        "NAME=shop",
        "DATABASE_URL=postgres://u:p@postgres.railway.internal:5432/x",
        "STRIPE_KEY=sk_live_51Habcdefghijk",
        "BLURB=<p>hello</p>",
        "BASE=https://shop.example.com",
    ];
    let api = [
        "NAME=shop",
        "DATABASE_URL=${{Postgres.DATABASE_URL}} => postgres://u:p@postgres.railway.internal:5432/x",
        "STRIPE_KEY=${{shared.STRIPE_KEY}} => sk_live_51Habcdefghijk",
        "BLURB=<p>hello</p>",
        "BASE=https://shop.example.com",
    ];
    let mut survey = survey(&file, &[("api", &api), ("worker", &api)]);
    out_of_scope(&mut survey, "Postgres", &["DATABASE_URL"]);
    shared(&mut survey, "STRIPE_KEY");
    require(&mut survey, "NAME", &[]);
    survey.policy.ignore.push(Ignore { until: Some(TODAY), ..ignore(&["DEBUG"]) });
    survey
}

fn local(name: &str, rows: &[&str]) -> LocalFile {
    let rows: Vec<(&str, &str, usize)> =
        rows.iter().enumerate().map(|(index, row)| (split(row).0, split(row).1, index + 1)).collect();
    LocalFile::of(name, &rows)
}

fn stored(rows: &[&str]) -> BTreeMap<String, Variable> {
    rows.iter().map(|row| (split(row).0.to_owned(), variable(split(row).1))).collect()
}

fn variable(text: &str) -> Variable {
    match text.split_once(" => ") {
        _ if text == "<sealed>" => Variable::Sealed,
        Some((template, rendered)) => Variable::Reference {
            template: Secret::new(template),
            rendered: (rendered != "<sealed>").then(|| Secret::new(rendered)),
        },
        None => Variable::Plain(Secret::new(text)),
    }
}

fn split(row: &str) -> (&str, &str) {
    row.split_once('=').expect("a row has an equals sign")
}
