//! Findings: the results of rules.

use crate::drift::Secret;
use crate::drift::model::cause::{FindingCause, PossibleCause};
use crate::drift::model::fix::Commit;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as a user would type it, relative to the working directory.
    pub file: String,
    /// 1-based.
    pub line: usize,
}

/// How `doctor fix` can fix a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Local → Railway.
    Push,
    /// Railway → `.env`.
    Pull,
    /// A new deployment with the stored values.
    Redeploy,
    /// A new start command in the settings.
    StartCommand,
}

impl Remedy {
    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Redeploy => "redeploy",
            Self::StartCommand => "start-command",
        }
    }
}

/// The state of a value in a file.
pub const LOCAL: &str = "local";

/// The value on one side, for the lines below a finding. It is only shown as a fingerprint.
#[derive(Clone, Debug)]
pub struct Observation {
    /// A service name, or `.env:3`.
    pub place: String,
    /// `None` if the value is unknown.
    pub value: Option<Secret>,
    /// `stored`, `rendered`, `unrendered`, `sealed`, `unavailable`, `indirect`, `missing`, `local`.
    pub state: &'static str,
}

/// A finding in a few words, for tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// What is wrong: `lacks -B`.
    Wrong(String),
    /// Why the result is unknown: `the log could not be read`.
    Open(String),
}

/// A result of a rule. It never contains a value that could be printed.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that reported it.
    pub rule: &'static Rule,
    /// The severity: the rule's, unless `doctor.toml` or the rule itself changed it.
    pub severity: Severity,
    /// Whether `[[require]]` raised the severity; then `[severity]` does not lower it.
    pub required: bool,
    /// The variable's name, if it is about one.
    pub key: Option<String>,
    /// The services with this fault.
    pub services: Vec<ResourceRef>,
    /// The locations in files.
    pub places: Vec<Location>,
    /// One sentence without a full stop. It contains names, never values.
    pub message: String,
    /// Why the two sides differ, if that can be stated without a value.
    pub reason: Option<String>,
    /// Whether the two values differ only in form: a comment, white space, quotes or the case. Such findings come last.
    pub differs_in_form: bool,
    /// The fixes of `doctor fix`.
    pub remedies: Vec<Remedy>,
    /// Arguments of the `doctor` command that fixes it: `["fix", "--only", "KEY"]`.
    pub next: Option<Vec<String>>,
    /// How the user can fix it; one sentence.
    pub advice: Option<String>,
    /// Whether loaders read the local value differently, so it is not pushed; `advice` describes how to resolve that.
    pub has_loader_conflict: bool,
    /// Arguments of the `doctor` command that adds the key to a service. It is shown below the advice for the user to
    /// decide, and is never a `next`, which programs follow.
    pub to_add: Option<Vec<String>>,
    /// The id of the deployment that it is about, which reports link to.
    pub deployment: Option<String>,
    /// The commit to deploy, if it is known to be newer than the running one.
    pub commit: Option<Commit>,
    /// The values on both sides, for the lines below it.
    pub observations: Vec<Observation>,
    /// The service's response, which is shown only in a terminal.
    pub excerpt: Option<Excerpt>,
    /// The finding in a few words; only for rules about the running state.
    pub summary: Option<Summary>,
    /// The possible causes, the most likely first.
    pub possible_causes: Vec<PossibleCause>,
    /// The cause, set once all findings are known.
    pub cause: Option<FindingCause>,
}

impl Finding {
    /// Creates a finding with the rule's default severity and no details.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            required: false,
            key: None,
            services: Vec::new(),
            places: Vec::new(),
            message: message.into(),
            reason: None,
            differs_in_form: false,
            remedies: Vec::new(),
            next: None,
            advice: None,
            has_loader_conflict: false,
            to_add: None,
            deployment: None,
            commit: None,
            observations: Vec::new(),
            excerpt: None,
            summary: None,
            possible_causes: Vec::new(),
            cause: None,
        }
    }

    /// Returns the arguments of the `doctor fix` that redeploys.
    pub fn fix_redeploy() -> Vec<String> {
        vec!["fix".to_owned(), "--redeploy".to_owned()]
    }

    /// Returns the arguments of the `doctor fix` for this service.
    pub fn fix_service(name: &str) -> Vec<String> {
        vec!["fix".to_owned(), format!("--service={name}")]
    }

    /// Returns the arguments of the `doctor fix` that adds the key to the service.
    pub fn fix_add(key: &str, service: &ResourceRef) -> Vec<String> {
        let (only, service) = (format!("--only={key}"), format!("--service={}", service.name));
        ["fix", "--add", "--push", &only, &service].map(ToOwned::to_owned).to_vec()
    }

    /// Returns the arguments of the `doctor fix` for this key.
    pub fn fix_only(key: &str) -> Vec<String> {
        if key.starts_with('-') {
            vec!["fix".to_owned(), format!("--only={key}")]
        } else {
            vec!["fix".to_owned(), "--only".to_owned(), key.to_owned()]
        }
    }
}

/// A response body, prepared for display in a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its beginning, redacted.
    pub text: String,
    /// The size of the whole body.
    pub bytes: usize,
}
