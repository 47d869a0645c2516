//! The JSON form of a trace. It has no value and no fingerprint.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::trace::form::Form;
use crate::drift::trace::{EnvironmentTrace, RunningCopy, SealedVariable, Unread};
use crate::report::json::{NamedForm, named};
use crate::report::trace::rows::{RowUsage, TracePlace, TraceRow};
use crate::report::{TraceReport, TraceRole};

/// The places where a value is used.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Trace")]
pub(super) struct TraceForm<'r> {
    /// The key whose value was searched for.
    key: &'r str,
    /// Where the value was read: a line of a file, a service, or `shared variables`.
    origin: &'r str,
    /// `found`: the value is used there; `left`: a rotation left the old value there.
    #[schemars(extend("enum" = ["found", "left"]))]
    role: &'static str,
    /// Whether everything that can be read was searched.
    complete: bool,
    /// What was not searched.
    unsearched: Vec<UnsearchedForm<'r>>,
    /// The environments that were searched.
    environments: Vec<EnvironmentForm<'r>>,
    /// The places: those in files first.
    places: Vec<PlaceForm<'r>>,
    /// The other sealed variables, which can't be searched.
    sealed: Vec<SealedForm<'r>>,
    /// The command that changes the value in all places, as an argument list; null if there is no place on Railway.
    next: Option<&'r [String]>,
}

/// A part that was not searched.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Unsearched")]
struct UnsearchedForm<'r> {
    /// The project; null if the reason is about the whole search.
    project: Option<NamedForm<'r>>,
    /// The environment; null if the reason is about the whole search.
    environment: Option<NamedForm<'r>>,
    /// The name of the service; null if it is more than one service.
    service: Option<&'r str>,
    /// The reason.
    reason: &'r str,
}

/// An environment of a project.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TracedEnvironment")]
struct EnvironmentForm<'r> {
    /// The project.
    project: NamedForm<'r>,
    /// The environment.
    environment: NamedForm<'r>,
}

/// A place that has the value, or a sealed variable that may have it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TracePlace")]
struct PlaceForm<'r> {
    /// The project; null for a file.
    project: Option<NamedForm<'r>>,
    /// The environment; null for a file.
    environment: Option<NamedForm<'r>>,
    /// What has the variable: a file, a service, or the environment as a shared variable.
    #[schemars(extend("enum" = ["file", "service", "shared"]))]
    kind: &'static str,
    /// The name of the service.
    service: Option<&'r str>,
    /// Railway's id of the service.
    service_id: Option<&'r str>,
    /// The path of the file.
    file: Option<&'r str>,
    /// The line in the file, starting at 1.
    line: Option<usize>,
    /// The key.
    key: &'r str,
    /// The form of the copy, such as `literal`, `url` or `base64`; null for a reference and for a sealed variable.
    form: Option<String>,
    /// `stored`: the stored text has the value; `reference`: the variable follows others; `running`: only the running
    /// deployment has the value; `sealed`: unknown.
    #[schemars(extend("enum" = ["stored", "reference", "running", "sealed"]))]
    usage: &'static str,
    /// The variables that a reference follows, such as `shared.API_KEY`.
    references: &'r [String],
    /// Whether the running deployment has the value (`same`) or another one (`older`); null if no deployment has the
    /// variable.
    #[schemars(extend("enum" = ["same", "older", "unknown", null]))]
    running: Option<&'static str>,
}

/// A sealed variable that was not searched.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SealedVariable")]
struct SealedForm<'r> {
    /// The project.
    project: NamedForm<'r>,
    /// The environment.
    environment: NamedForm<'r>,
    /// The name of the service; null for a shared variable.
    service: Option<&'r str>,
    /// Railway's id of the service; null for a shared variable.
    service_id: Option<&'r str>,
    /// The key.
    key: &'r str,
}

pub(super) fn form(report: &TraceReport) -> TraceForm<'_> {
    let environments = || report.trace.environments.iter();
    let unread = environments().flat_map(|found| found.unread.iter().map(|part| unread(found, part)));
    let unsearched = report.unsearched.iter().map(|reason| UnsearchedForm {
        project: None,
        environment: None,
        service: None,
        reason,
    });
    TraceForm {
        key: &report.key,
        origin: &report.origin,
        role: match report.role {
            TraceRole::Found => "found",
            TraceRole::Left => "left",
        },
        complete: report.is_complete(),
        unsearched: unread.chain(unsearched).collect(),
        environments: environments()
            .map(|found| EnvironmentForm { project: named(&found.project), environment: named(&found.environment) })
            .collect(),
        places: report.rows().iter().map(place).collect(),
        sealed: environments().flat_map(|found| found.sealed.iter().map(|variable| sealed(found, variable))).collect(),
        next: report.rotate_command.as_deref(),
    }
}

fn unread<'r>(found: &'r EnvironmentTrace, part: &'r Unread) -> UnsearchedForm<'r> {
    UnsearchedForm {
        project: Some(named(&found.project)),
        environment: Some(named(&found.environment)),
        service: part.service.as_ref().map(|service| service.name.as_str()),
        reason: &part.reason,
    }
}

fn place<'r>(row: &TraceRow<'r>) -> PlaceForm<'r> {
    let (file, service) = (row.file(), row.service());
    let (usage, form, references): (_, Option<&Form>, &'r [String]) = match row.usage {
        RowUsage::Stored(form) => ("stored", Some(form), &[]),
        RowUsage::Reference(to) => ("reference", None, to),
        RowUsage::OnlyRunning(form) => ("running", Some(form), &[]),
        RowUsage::Sealed => ("sealed", None, &[]),
    };
    PlaceForm {
        project: row.environment.map(|found| named(&found.project)),
        environment: row.environment.map(|found| named(&found.environment)),
        kind: match row.place {
            TracePlace::File(_) => "file",
            TracePlace::Service(_) => "service",
            TracePlace::Shared => "shared",
        },
        service: service.map(|service| service.name.as_str()),
        service_id: service.map(|service| service.id.as_str()),
        file: file.map(|location| location.file.as_str()),
        line: file.map(|location| location.line),
        key: row.key,
        form: form.map(Form::name),
        usage,
        references,
        running: row.running.map(|running| match running {
            RunningCopy::Same => "same",
            RunningCopy::Older => "older",
            RunningCopy::Unknown => "unknown",
        }),
    }
}

fn sealed<'r>(found: &'r EnvironmentTrace, variable: &'r SealedVariable) -> SealedForm<'r> {
    SealedForm {
        project: named(&found.project),
        environment: named(&found.environment),
        service: variable.owner.id().map(|_| variable.owner.name()),
        service_id: variable.owner.id(),
        key: &variable.key,
    }
}
