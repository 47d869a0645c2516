//! One thing that is wrong.

use crate::drift::Secret;
use crate::drift::model::cause::{FindingCause, PossibleCause};
use crate::drift::model::fix::Commit;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as a person would type it from the working folder.
    pub file: String,
    /// 1-based.
    pub line: usize,
}

/// What `doctor fix` could do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Local → Railway.
    Push,
    /// Railway → `.env`.
    Pull,
    /// A new deployment, with what is stored now.
    Redeploy,
    /// Another start command in the settings.
    StartCommand,
}

impl Remedy {
    /// The word that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Redeploy => "redeploy",
            Self::StartCommand => "start-command",
        }
    }
}

/// What one side held, for the lines below a finding. A value in here is shown as a fingerprint only.
#[derive(Clone, Debug)]
pub struct Observation {
    /// A service name, or `.env:3`.
    pub place: String,
    /// `None` where the value can't be known.
    pub value: Option<Secret>,
    /// `stored`, `rendered`, `unrendered`, `sealed`, `unavailable`, `indirect`, `missing`, `local`.
    pub state: &'static str,
}

/// A finding in the few words that a table has room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// What is wrong: `lacks -B`.
    Wrong(String),
    /// Why it can't be told whether anything is: `the log could not be read`.
    Open(String),
}

/// One thing that is wrong. It never holds a value that could be printed.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// The rule's severity, or what `doctor.toml` or the circumstances made of it.
    pub severity: Severity,
    /// Whether `[[require]]` raised it: `[severity]` does not lower it then.
    pub required: bool,
    /// The variable's name, if it is about one.
    pub key: Option<String>,
    /// The services it is about; the ones that share the fault share the finding.
    pub services: Vec<ResourceRef>,
    /// Where in files.
    pub places: Vec<Location>,
    /// One sentence without full stop; names, never values.
    pub message: String,
    /// Why the two sides differ, where that can be told without a value.
    pub reason: Option<String>,
    /// What `doctor fix` offers.
    pub remedies: Vec<Remedy>,
    /// Arguments of `doctor` that would settle it: `["fix", "--only", "KEY"]`.
    pub next: Option<Vec<String>>,
    /// What a person can do where `doctor` can't; one sentence.
    pub advice: Option<String>,
    /// Arguments of `doctor` that add the key to a service which does not hold it: below the advice, for a person to
    /// decide. It is never a `next`, which programs follow.
    pub to_add: Option<Vec<String>>,
    /// The id of the deployment that it is about, if it is about one: reports link to it.
    pub deployment: Option<String>,
    /// The commit that a deployment is to run, where that is known to be newer than the one that runs.
    pub commit: Option<Commit>,
    /// Both sides, for the lines below it.
    pub sightings: Vec<Observation>,
    /// What the service itself said; for the eyes of a person at a terminal.
    pub excerpt: Option<Excerpt>,
    /// The same in a few words; rules of the running state have it.
    pub gist: Option<Summary>,
    /// What it could be a consequence of, the likeliest first.
    pub suspects: Vec<PossibleCause>,
    /// What it is a consequence of, once everything that was found is known.
    pub follows: Option<FindingCause>,
}

impl Finding {
    /// A finding of that rule with its default severity and nothing else known.
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
            remedies: Vec::new(),
            next: None,
            advice: None,
            to_add: None,
            deployment: None,
            commit: None,
            sightings: Vec::new(),
            excerpt: None,
            gist: None,
            suspects: Vec::new(),
            follows: None,
        }
    }

    /// The message, and why where that is known: still one sentence without full stop.
    pub fn sentence(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}; {reason}", self.message),
            None => self.message.clone(),
        }
    }

    /// The arguments of the `doctor fix` that deploys again.
    pub fn fix_redeploy() -> Vec<String> {
        vec!["fix".to_owned(), "--redeploy".to_owned()]
    }

    /// The arguments of the `doctor fix` that is about this service.
    pub fn fix_service(name: &str) -> Vec<String> {
        vec!["fix".to_owned(), format!("--service={name}")]
    }

    /// The arguments of the `doctor fix` that adds the key to that service.
    pub fn fix_add(key: &str, service: &ResourceRef) -> Vec<String> {
        let (only, service) = (format!("--only={key}"), format!("--service={}", service.name));
        ["fix", "--add", "--push", &only, &service].map(ToOwned::to_owned).to_vec()
    }

    /// The arguments of the `doctor fix` that is about this key alone.
    pub fn fix_only(key: &str) -> Vec<String> {
        if key.starts_with('-') {
            vec!["fix".to_owned(), format!("--only={key}")]
        } else {
            vec!["fix".to_owned(), "--only".to_owned(), key.to_owned()]
        }
    }
}

/// A body as it may be shown to a person at a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its beginning, scrubbed.
    pub text: String,
    /// The bytes of the whole.
    pub bytes: usize,
}
