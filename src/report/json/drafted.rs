//! What `init` wrote or would write, for programs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::ResourceRef;
use crate::drift::suggest::ConfigDraft;
use crate::report::json::{NamedForm, document, named};

/// What `init` came to.
#[derive(Debug)]
pub struct Drafted<'d> {
    /// The file.
    pub file: &'d str,
    /// Whether it was written.
    pub written: bool,
    /// Whether it is accepted, as by `doctor trust`.
    pub accepted: bool,
    /// What it says.
    pub draft: &'d ConfigDraft,
    /// The same as text.
    pub text: &'d str,
    /// Files with variables that git tracks.
    pub tracked: Vec<&'d str>,
    /// Files with variables that git neither tracks nor ignores.
    pub unignored: Vec<&'d str>,
    /// What else is to be known.
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

/// `init` as JSON.
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
