//! The JSON format of `pull`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::pull::{LeftKey, LeftReason, PullPlan, PullSource, PulledKey};
use crate::report::json::{NamedForm, TargetForm, document, named};
use crate::report::pull::PullHeader;

/// The result of `pull`.
#[derive(Debug)]
pub struct PulledFile<'p> {
    pub header: PullHeader<'p>,
    /// Whether the file was created.
    pub created: bool,
    /// Its contents.
    pub plan: &'p PullPlan,
    /// Remarks.
    pub remarks: &'p [String],
    /// The command to run next.
    pub next: Vec<String>,
    /// The number of HTTP requests that were sent.
    pub requests: usize,
    /// The exit code of the run.
    pub exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Pull")]
pub(crate) struct PulledJson<'p> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "pull"))]
    command: &'static str,
    target: TargetForm<'p>,
    /// The services in scope, by name.
    services: Vec<NamedForm<'p>>,
    /// The path of the file.
    file: &'p str,
    /// The path of the template, if there is one.
    template: Option<&'p str>,
    /// Whether the file was created.
    created: bool,
    /// The keys that get their value from Railway, in the order of the file.
    keys: Vec<PulledForm<'p>>,
    /// The keys that are left to the user.
    left: Vec<LeftForm<'p>>,
    /// The keys on Railway that the template lacks.
    unlisted: &'p [String],
    /// Remarks.
    remarks: &'p [String],
    /// The command to run next, as an argument list.
    next: Vec<String>,
    /// The number of HTTP requests that were sent.
    requests: usize,
    /// The exit code of the run.
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PulledKey")]
struct PulledForm<'p> {
    /// The name.
    key: &'p str,
    /// The names of the services that have it.
    services: &'p [String],
    /// Where these keep the value.
    #[schemars(extend("enum" = ["own", "shared", "services"]))]
    source: &'static str,
    /// The names of the services that keep it, if `source` is `services`.
    referenced: Vec<&'p str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "LeftKey")]
struct LeftForm<'p> {
    /// The name.
    key: &'p str,
    /// The names of the services that the reason is about.
    services: &'p [String],
    /// The kind of reason.
    #[schemars(extend("enum" = LeftReason::NAMES))]
    reason: &'static str,
    /// The reason as a phrase.
    message: String,
}

/// Returns the result of `pull` as JSON.
pub fn pulled(file: PulledFile<'_>) -> String {
    let PullHeader { project, environment, project_origin, services, .. } = file.header;
    document(&PulledJson {
        schema_version: 1,
        command: "pull",
        target: TargetForm {
            project: named(project),
            environment: named(environment),
            other_environment: None,
            origin: project_origin,
        },
        services: services.iter().map(|service| named(service)).collect(),
        file: file.header.file,
        template: file.header.template,
        created: file.created,
        keys: file.plan.pulled.iter().map(pulled_key).collect(),
        left: file.plan.left.iter().map(left_key).collect(),
        unlisted: &file.plan.unlisted,
        remarks: file.remarks,
        next: file.next,
        requests: file.requests,
        exit_code: file.exit_code,
    })
}

fn pulled_key(pulled: &PulledKey) -> PulledForm<'_> {
    let PulledKey { key, origin } = pulled;
    let (source, referenced) = match &origin.source {
        PullSource::Own => ("own", Vec::new()),
        PullSource::Shared => ("shared", Vec::new()),
        PullSource::Services(services) => ("services", services.iter().map(String::as_str).collect()),
    };
    PulledForm { key, services: &origin.services, source, referenced }
}

fn left_key(left: &LeftKey) -> LeftForm<'_> {
    let LeftKey { key, services, reason } = left;
    LeftForm { key, services, reason: reason.name(), message: reason.phrase(services) }
}
