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
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "init"))]
    command: &'static str,
    file: &'d str,
    written: bool,
    accepted: bool,
    project: NamedForm<'d>,
    environment: NamedForm<'d>,
    services: Vec<DraftedServiceForm<'d>>,
    required: Vec<&'d str>,
    ignored: Vec<&'d str>,
    text: &'d str,
    exposed: ExposedForm<'d>,
    remarks: &'d [String],
    next: Vec<String>,
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ServiceAndAlias")]
struct DraftedServiceForm<'d> {
    id: &'d str,
    name: &'d str,
    alias: &'d str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Exposed")]
struct ExposedForm<'d> {
    tracked: Vec<&'d str>,
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
