//! Sample traces for the tests of every format.

use crate::drift::Secret;
use crate::drift::model::finding::Location;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::model::resource::ResourceRef;
use crate::drift::plan::VariableOwner;
use crate::drift::trace::form::{Form, Layer, UrlPart};
use crate::drift::trace::{EnvironmentTrace, FilePlace, Place, RunningCopy, SealedVariable, Trace, Unread, Usage};
use crate::report::test_support::{MARKER, calm, line, service};
use crate::report::{Report, TraceReport, TraceRole};

const KEY: &str = "PAYMENTS_API_KEY";

fn resource(id: &str, name: &str) -> ResourceRef {
    ResourceRef { id: id.to_owned(), name: name.to_owned() }
}

fn stored(layers: &[Layer]) -> Usage {
    Usage::Stored(Form { layers: layers.to_vec() })
}

fn place(owner: &str, key: &str, usage: Usage, running: RunningCopy) -> Place {
    let owner = if owner == "shared" { VariableOwner::Shared } else { VariableOwner::Service(service(owner)) };
    Place { owner, key: key.to_owned(), usage, running }
}

fn file(key: &str, line: usize) -> FilePlace {
    FilePlace {
        file: 0,
        location: Location { file: ".env".to_owned(), line },
        key: key.to_owned(),
        form: Form::default(),
    }
}

fn sealed(owner: VariableOwner, key: &str) -> SealedVariable {
    SealedVariable { owner, key: key.to_owned() }
}

/// Returns an environment with every kind of place.
fn staging() -> EnvironmentTrace {
    let reference = Usage::Reference { to: vec!["shared.PAYMENTS_SHARED_KEY".to_owned()] };
    EnvironmentTrace {
        project: resource("p-1", "relay"),
        environment: resource("e-1", "staging"),
        places: vec![
            place("shared", "PAYMENTS_SHARED_KEY", stored(&[]), RunningCopy::Unknown),
            place("api", "CALLBACK_URL", stored(&[Layer::Url(UrlPart::Query)]), RunningCopy::Same),
            place("api", KEY, stored(&[]), RunningCopy::Same),
            place("billing", "AMQP_URL", stored(&[Layer::Url(UrlPart::Password), Layer::Percent]), RunningCopy::Same),
            place("billing", "PROVIDERS_JSON", stored(&[Layer::Json, Layer::Base64]), RunningCopy::Unknown),
            place("old", KEY, Usage::OnlyRunning(Form::default()), RunningCopy::Same),
            place("reports", "PAY_KEY", reference, RunningCopy::Same),
            place("worker", KEY, stored(&[]), RunningCopy::Older),
        ],
        sealed_holders: vec![VariableOwner::Service(service("vaulted"))],
        sealed: vec![
            sealed(VariableOwner::Service(service("vaulted")), "JWT_SIGNING_KEY"),
            sealed(VariableOwner::Service(service("vaulted")), "SMTP_PASSWORD"),
            sealed(VariableOwner::Shared, "ROOT_KEY"),
        ],
        unread: Vec::new(),
    }
}

/// Returns an environment without a place.
fn empty(environment: &str) -> EnvironmentTrace {
    EnvironmentTrace {
        project: resource("p-2", "storefront"),
        environment: resource(&format!("e-{environment}"), environment),
        ..EnvironmentTrace::default()
    }
}

fn report(trace: Trace) -> TraceReport {
    let rotate = ["doctor", "rotate", KEY, "--environment=staging", "--all-copies"];
    TraceReport {
        key: KEY.to_owned(),
        value: Secret::new(MARKER),
        origin: ".env:3".to_owned(),
        role: TraceRole::Found,
        trace,
        unsearched: Vec::new(),
        rotate_command: Some(rotate.map(str::to_owned).into()),
    }
}

/// Returns a trace with every kind of place.
pub(crate) fn traced() -> Report {
    let names = ["Postgres", "api", "billing", "old", "reports", "vaulted", "worker"];
    Report {
        command: "trace",
        project: resource("p-1", "relay"),
        environment: resource("e-1", "staging"),
        services_origin: String::new(),
        services: names.map(|name| line(name, 0, 0)).into(),
        requests: 4,
        trace: Some(report(Trace { files: vec![file(KEY, 3)], environments: vec![staging()] })),
        ..calm()
    }
}

/// Returns the trace of a report, to change it.
pub(crate) fn trace_of(report: &mut Report) -> &mut TraceReport {
    report.trace.as_mut().expect("the sample has a trace")
}

/// Returns a trace that found no place but the origin of the value.
pub(crate) fn nowhere() -> Report {
    let mut report = traced();
    let trace = trace_of(&mut report);
    trace.rotate_command = None;
    let environment = &mut trace.trace.environments[0];
    (environment.places, environment.sealed_holders, environment.sealed) = (Vec::new(), Vec::new(), Vec::new());
    report
}

/// Returns a trace that could not read everything.
pub(crate) fn incomplete() -> Report {
    let mut report = Report { exit_code: 5, ..traced() };
    let trace = trace_of(&mut report);
    trace.unsearched = vec!["what runs on worker: Railway could not answer the query".to_owned()];
    let unread = |name: &str, reason: &str| Unread { service: Some(service(name)), reason: reason.to_owned() };
    trace.trace.environments[0].unread = vec![unread("api", "timed out"), unread("web", "timed out")];
    report
}

/// Returns a search of five environments, two of which have places, and one of which could not be read.
pub(crate) fn everywhere() -> Report {
    let mut report = Report { services: Vec::new(), exit_code: 5, ..traced() };
    let unread = Unread { service: None, reason: "the token has no access".to_owned() };
    let production = EnvironmentTrace {
        environment: resource("e-9", "production"),
        places: vec![place("api", KEY, stored(&[]), RunningCopy::Same)],
        sealed_holders: Vec::new(),
        sealed: vec![sealed(VariableOwner::Shared, "ROOT_KEY")],
        ..staging()
    };
    let closed = EnvironmentTrace { unread: vec![unread], ..empty("closed") };
    trace_of(&mut report).trace.environments =
        vec![staging(), production, empty("staging"), empty("production"), closed];
    report
}

/// Returns a rotation that left the old value in places.
pub(crate) fn left() -> Report {
    let step =
        |change, key: Option<&str>, place: &str| Receipt { outcome: Outcome::Done, ..Receipt::of(change, key, place) };
    let mut report = Report {
        command: "rotate",
        receipts: vec![step("rotate", Some(KEY), "api"), step("redeploy", None, "api")],
        endings: vec!["Other copies of the old value were not changed".to_owned()],
        undo_command: Some("doctor undo 1".to_owned()),
        requests: 9,
        exit_code: 6,
        ..traced()
    };
    let trace = trace_of(&mut report);
    trace.role = TraceRole::Left;
    trace.trace.files.clear();
    trace.trace.environments[0].places.retain(|place| place.key != KEY);
    trace.trace.environments[0].sealed.clear();
    report
}

/// Returns a rotation that left the old value nowhere.
pub(crate) fn rotated() -> Report {
    let mut report = Report { exit_code: 0, endings: Vec::new(), ..left() };
    let trace = trace_of(&mut report);
    trace.rotate_command = None;
    let environment = &mut trace.trace.environments[0];
    (environment.places, environment.sealed_holders) = (Vec::new(), Vec::new());
    report
}

/// Returns a trace with that number of places on 100 services.
pub(crate) fn large(places: usize) -> Report {
    let mut report = traced();
    let environment = &mut trace_of(&mut report).trace.environments[0];
    environment.places = (0..places)
        .map(|at| {
            let usage = stored(&[Layer::Url(UrlPart::Query)]);
            place(&format!("service-{}", at % 100), &format!("KEY_{at}"), usage, RunningCopy::Same)
        })
        .collect();
    report
}

/// Returns the report with one text as the name of everything in its trace.
pub(crate) fn named(report: Report, name: &str) -> Report {
    let own = || name.to_owned();
    let resource = || ResourceRef { id: own(), name: own() };
    let mut report = Report { project: resource(), environment: resource(), files: vec![(own(), own())], ..report };
    report.services.iter_mut().for_each(|line| line.service = resource());
    let trace = trace_of(&mut report);
    (trace.key, trace.origin) = (own(), own());
    trace.unsearched.iter_mut().for_each(|phrase| *phrase = own());
    trace.rotate_command = Some(vec!["doctor".to_owned(), "rotate".to_owned(), own()]);
    for place in &mut trace.trace.files {
        (place.key, place.location.file) = (own(), own());
    }
    for environment in &mut trace.trace.environments {
        (environment.project, environment.environment) = (resource(), resource());
        environment.sealed_holders.fill(VariableOwner::Service(resource()));
        for place in &mut environment.places {
            place.key = own();
            if let VariableOwner::Service(service) = &mut place.owner {
                *service = resource();
            }
            if let Usage::Reference { to } = &mut place.usage {
                to.fill(own());
            }
        }
        for variable in &mut environment.sealed {
            variable.key = own();
            if let VariableOwner::Service(service) = &mut variable.owner {
                *service = resource();
            }
        }
        for part in &mut environment.unread {
            part.reason = own();
            part.service = part.service.as_ref().map(|_| resource());
        }
    }
    report
}
