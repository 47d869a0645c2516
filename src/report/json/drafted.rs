//! The JSON format of `init`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::ResourceRef;
use crate::drift::suggest::ConfigDraft;
use crate::report::json::{NamedForm, document, named};

/// The results of `init`.
#[derive(Debug)]
pub struct Drafted<'d> {
    /// The path of the file.
    pub file: &'d str,
    /// Whether it was written.
    pub written: bool,
    /// Whether it is trusted, as after `doctor trust`.
    pub accepted: bool,
    /// Its contents.
    pub draft: &'d ConfigDraft,
    /// Its contents as text.
    pub text: &'d str,
    /// Env files that git tracks.
    pub tracked: Vec<&'d str>,
    /// Env files that git neither tracks nor ignores.
    pub unignored: Vec<&'d str>,
    /// Remarks.
    pub remarks: &'d [String],
    /// The command to run next.
    pub next: Vec<String>,
    /// The exit code of the run.
    pub exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Init")]
pub(crate) struct DraftedJson<'d> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "init"))]
    command: &'static str,
    /// The path of the file.
    file: &'d str,
    /// Whether it was written.
    written: bool,
    /// Whether it is trusted, as after `doctor trust`.
    accepted: bool,
    /// The project.
    project: NamedForm<'d>,
    /// The environment.
    environment: NamedForm<'d>,
    /// The services in the file, each with its alias.
    services: Vec<DraftedServiceForm<'d>>,
    /// The keys of its `[[require]]` entries.
    required: Vec<&'d str>,
    /// The keys of its `[[ignore]]` entries.
    ignored: Vec<&'d str>,
    /// The contents of the file.
    text: &'d str,
    /// The env files that git tracks or does not ignore.
    exposed: ExposedForm<'d>,
    /// Remarks.
    remarks: &'d [String],
    /// The command to run next, as an argument list.
    next: Vec<String>,
    /// The exit code of the run.
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ServiceAndAlias")]
struct DraftedServiceForm<'d> {
    /// Railway's id.
    id: &'d str,
    /// The name.
    name: &'d str,
    /// The alias in the file.
    alias: &'d str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Exposed")]
struct ExposedForm<'d> {
    /// The files that git tracks.
    tracked: Vec<&'d str>,
    /// The files that git neither tracks nor ignores.
    not_ignored: Vec<&'d str>,
}

/// Returns the results of `init` as JSON.
pub fn drafted(drafted: Drafted<'_>) -> String {
    let draft = drafted.draft;
    let services = draft.services.iter().map(|section| {
        let ResourceRef { id, name } = &section.service;
        DraftedServiceForm { id, name, alias: &section.alias }
    });
    document(&DraftedJson {
        schema_version: 1,
        command: "init",
        file: drafted.file,
        written: drafted.written,
        accepted: drafted.accepted,
        project: named(&draft.project),
        environment: named(&draft.environment),
        services: services.collect(),
        required: draft.require.iter().flat_map(|one| &one.keys).map(String::as_str).collect(),
        ignored: draft.ignore.iter().flat_map(|one| &one.keys).map(String::as_str).collect(),
        text: drafted.text,
        exposed: ExposedForm { tracked: drafted.tracked, not_ignored: drafted.unignored },
        remarks: drafted.remarks,
        next: drafted.next,
        exit_code: drafted.exit_code,
    })
}
