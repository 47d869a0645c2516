//! Small surveys for tests: rows of the file, stored rows, and expected findings.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};

use crate::drift::declared_state::{DeclaredState, ExpectedLine, ExpectedResponse};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::engine::policy::{Across, Ignore, Must, Policy, Require};
use crate::drift::example_file::Example;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentSource, DeploymentStatus, StartCommand};
use crate::drift::model::finding::Location;
use crate::drift::model::observed::Observed;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::rules::check_one;
use crate::drift::runtime::{Code, EndpointOutcome, LogCoverage, LogMatch, LogRead, Relation, ServiceSettings};
use crate::drift::survey::{Counterpart, Coverage, EnvironmentTraits, Presence, Survey, Target};
use crate::drift::{Finding, Secret, Variable};
use crate::error::Error;

/// The day of every check in tests.
pub(crate) const TODAY: Date = date(2026, 10, 3);

/// A service: its name and its rows.
pub(crate) type ServiceRows<'r> = (&'r str, &'r [&'r str]);

/// One case of a table: rows of `.env`, services with their rows, expected lines.
pub(crate) type RuleCase<'r> = (&'r [&'r str], &'r [ServiceRows<'r>], &'r [&'r str]);

/// Returns a survey of services that all use `.env`.
///
/// A row of a file is `KEY=value`, and its number is its line. A row of a service is `KEY=value`, `KEY=<sealed>`,
/// `KEY=<unavailable>`, or `KEY=template => rendered`, where `<sealed>` after the arrow means that there is no rendered
/// value.
pub(crate) fn survey(file: &[&str], services: &[ServiceRows<'_>]) -> Survey {
    let targets: Vec<Target> =
        services.iter().map(|(name, rows)| Target::new(named(name), vec![0], Ok(stored(rows)))).collect();
    let mut survey = Survey {
        project: named("shop"),
        environment: named("staging"),
        files: vec![local(".env", file)],
        exposures: Vec::new(),
        examples: Vec::new(),
        // Rows have no source text for loaders.
        loader_conflicts: Disagreements::none(),
        targets,
        staged: Observed::NotRequested,
        times: Observed::NotRequested,
        catalogue: Catalogue::default(),
        policy: Policy::default(),
        only: BTreeSet::new(),
        coverage: Coverage::Whole,
        counterpart: None,
        proved: BTreeSet::new(),
        infrastructure: None,
        today: TODAY,
    };
    for (name, rows) in services {
        out_of_scope(&mut survey, name, &rows.iter().map(|row| split(row).0).collect::<Vec<_>>());
    }
    survey
}

/// Adds the names of a service out of scope.
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

/// Makes all services compared with no file.
pub(crate) fn without_file(survey: &mut Survey) {
    survey.files.clear();
    survey.targets.iter_mut().for_each(|target| target.layers.clear());
}

/// Adds a template that declares the needs of the services.
pub(crate) fn template(survey: &mut Survey, name: &str, text: &str, services: &[&str]) {
    let file = LocalFile::parse(name, Secret::new(text));
    survey.examples.push(Example { file, beside: Vec::new() });
    for target in survey.targets.iter_mut().filter(|target| services.contains(&target.service.name.as_str())) {
        target.templates.push(survey.examples.len() - 1);
    }
}

/// Requires the key on the services, or on all if none is named.
pub(crate) fn require(survey: &mut Survey, key: &str, services: &[&str]) {
    let services = services.iter().map(|name| named(name).id).collect();
    survey.policy.require.push(Require { keys: vec![key.to_owned()], services, line: 5 });
}

/// Returns an `[[ignore]]` for keys, without further conditions.
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

/// Makes a service unreadable.
pub(crate) fn unreadable(survey: &mut Survey, service: &str) {
    for target in survey.targets.iter_mut().filter(|target| target.service.name == service) {
        target.stored = Err(Error::TwoFactor { workspace: "shop".to_owned() });
    }
}

/// Returns the target with that name.
pub(crate) fn target<'s>(survey: &'s mut Survey, service: &str) -> &'s mut Target {
    survey.targets.iter_mut().find(|target| target.service.name == service).expect("the survey has the service")
}

/// Creates a deployment without details. It was created `number` minutes after nine o'clock.
pub(crate) fn deployment(number: &str, status: &str) -> Deployment {
    Deployment {
        id: format!("deployment-{number}"),
        status: DeploymentStatus::named(status),
        created_at: format!("2026-11-24T09:0{number}:00.000Z"),
        status_updated_at: None,
        stopped: false,
        can_redeploy: true,
        instances: None,
        origin: DeploymentSource::default(),
    }
}

/// Gives the service one active deployment with that status, created at nine o'clock.
pub(crate) fn running(survey: &mut Survey, service: &str, status: &str) {
    let one = deployment("0", status);
    let deployed = Deployed { latest: Some(one.clone()), active: vec![one], unavailable: None };
    target(survey, service).live.deployed = Observed::Known(deployed);
}

/// Adds a newer deployment with that status.
pub(crate) fn latest(survey: &mut Survey, service: &str, status: &str) {
    let live = &mut target(survey, service).live;
    let active = live.deployed.known().map(|deployed| deployed.active.clone()).unwrap_or_default();
    live.deployed = Observed::Known(Deployed { latest: Some(deployment("9", status)), active, unavailable: None });
}

/// Sets the variables that the running deployment was created with: rows of `KEY=value` and `KEY=<sealed>`.
pub(crate) fn got(survey: &mut Survey, service: &str, rows: &[&str]) {
    let value = |text: &str| (text != "<sealed>").then(|| Secret::new(text));
    let got = rows.iter().map(|row| (split(row).0.to_owned(), value(split(row).1))).collect();
    target(survey, service).live.got = Observed::Known(got);
}

/// Sets when a variable was last changed.
pub(crate) fn changed(survey: &mut Survey, service: &str, key: &str, time: &str) {
    let mut times = survey.times.known().cloned().unwrap_or_default();
    times.services.entry(service.to_owned()).or_default().insert(key.to_owned(), time.to_owned());
    survey.times = Observed::Known(times);
}

/// Creates a service or environment with that name and the id `id-of-NAME`.
pub(crate) fn named(name: &str) -> ResourceRef {
    ResourceRef { id: format!("id-of-{name}"), name: name.to_owned() }
}

/// Returns the findings of a rule, one line each: `error A [api, worker] .env:1: message`.
pub(crate) fn lines(rule: &Rule, survey: &Survey) -> Vec<String> {
    check_one(rule, survey).iter().map(line).collect()
}

/// Formats a finding in one line.
pub(crate) fn line(finding: &Finding) -> String {
    let services: Vec<&str> = finding.services.iter().map(|service| service.name.as_str()).collect();
    let places: Vec<String> = finding.places.iter().map(|Location { file, line }| format!(" {file}:{line}")).collect();
    format!(
        "{} {} [{}]{}: {}",
        finding.severity.name(),
        finding.key.as_deref().unwrap_or("-"),
        services.join(", "),
        places.concat(),
        finding.message
    )
}

/// Checks a rule against a table of cases.
pub(crate) fn table(rule: &Rule, cases: &[RuleCase<'_>]) {
    for (file, services, expected) in cases {
        assert_eq!(&lines(rule, &survey(file, services)), expected, "{file:?} against {services:?}");
    }
}

/// Returns a project without findings: plain values and references.
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
    survey.policy.ignore.push(Ignore { until: Some(TODAY), ..ignore(&["BLURB"]) });
    survey.staged = Observed::Known(None);
    for service in ["api", "worker"] {
        runs_well(&mut survey, service);
    }
    survey
}

/// Makes the service run with the stored values, as declared.
fn runs_well(survey: &mut Survey, service: &str) {
    running(survey, service, "SUCCESS");
    let target = target(survey, service);
    let value = |variable: &Variable| variable.effective().cloned();
    let got = target.stored.iter().flatten().map(|(key, variable)| (key.clone(), value(variable))).collect();
    let command = Secret::new("celery -A app worker --loglevel INFO");
    if let Observed::Known(deployed) = &mut target.live.deployed {
        let origin = DeploymentSource {
            commit: Some("371a158f00".to_owned()),
            start: StartCommand::Set(command.clone()),
            ..DeploymentSource::default()
        };
        deployed.active[0].origin = origin.clone();
        deployed.latest.iter_mut().for_each(|latest| latest.origin = origin.clone());
    }
    target.live.got = Observed::Known(got);
    target.live.settings =
        Observed::Known(ServiceSettings { start_command: Some(command), ..ServiceSettings::default() });
    let (wanted, running) = ("371a158".to_owned(), Relation::Same);
    target.live.code =
        Observed::Known(Code { expected: wanted.clone(), commit: None, running, coming: None, skipped: None });
    let sought = LogMatch::At("2026-11-24T09:00:01.000000000Z".to_owned());
    let read = LogRead { outcome: sought, lines: 1, span: None, coverage: LogCoverage::Whole, replicas: Some(1) };
    target.live.lines = vec![Observed::Known(read)];
    let answer = EndpointOutcome::Response {
        domain: "shop.up.railway.app".to_owned(),
        status: 200,
        faults: Vec::new(),
        body: None,
        may_be_edge: false,
    };
    target.live.responses = vec![Observed::Known(answer)];
    let request =
        ExpectedResponse { request: "GET /health".to_owned(), status: Some(200), keys: Vec::new(), place: None };
    target.declared = DeclaredState {
        start_command: vec!["worker".to_owned()],
        commit: Some(wanted),
        lines: vec![ExpectedLine { contains: "ready".to_owned(), within: None, place: None }],
        requests: vec![request],
    };
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
        _ if text == "<unavailable>" => Variable::Unavailable,
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

/// Returns a survey of the environments `staging` and `production` with these services. Neither is protected.
pub(crate) fn pair(staging: &[ServiceRows<'_>], production: &[ServiceRows<'_>]) -> Survey {
    let first = |name: &str| staging.iter().find(|(known, _)| *known == name);
    let both: BTreeMap<&str, &[&str]> = staging.iter().chain(production).rev().copied().collect();
    let rows: Vec<ServiceRows<'_>> = both.into_iter().collect();
    let mut survey = survey(&[], &rows);
    without_file(&mut survey);
    let presence = |(name, _): &ServiceRows<'_>| {
        let second = production.iter().find(|(known, _)| known == name);
        match (first(name), second) {
            (Some(_), Some((_, rows))) => {
                Presence::Both(Box::new(Target::new(named(name), Vec::new(), Ok(stored(rows)))))
            }
            (_, None) => Presence::Left,
            (None, _) => Presence::Right,
        }
    };
    survey.counterpart = Some(Counterpart {
        environment: named("production"),
        traits: [EnvironmentTraits::default(); 2],
        services: rows.iter().map(presence).collect(),
        databases: [Vec::new(), Vec::new()],
        originals: Vec::new(),
    });
    survey
}

/// Protects `production`.
pub(crate) fn protect(mut survey: Survey) -> Survey {
    counterpart(&mut survey).traits[1].is_protected = true;
    survey
}

/// Returns the second environment of the survey.
pub(crate) fn counterpart(survey: &mut Survey) -> &mut Counterpart {
    survey.counterpart.as_mut().expect("the survey has two environments")
}

/// Adds an `[[across]]` for the key.
pub(crate) fn across(survey: &mut Survey, key: &str, must: Must) {
    survey.policy.across.push(Across { keys: vec![key.to_owned()], must, line: 9 });
}
