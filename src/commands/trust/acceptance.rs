//! A checkout may come from anyone: local values go only where something outside the checkout says, or where its `doctor.toml`
//! says once the user has accepted that.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::commands::project_selection::{LINK, RequestedName, SelectedEnvironment, TargetSource, TargetSources};
use crate::drift::ResourceRef;
use crate::drift::plan::bulk_selection::Consent;
use crate::error::Error;
use crate::io::config::{Config, TrustedParts};
use crate::io::credentials::{self, Credentials, KEYRING};
use crate::io::files::provenance::Checkout;
use crate::io::railway::transport::Scheme;
use crate::io::storage::trust_store::{self, Subject, TrustStatus};
use crate::io::world::{World, WorldLifetime};
use crate::report::shell_command;

/// What is known from outside the checkout, and what the user has accepted of its `doctor.toml`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustState {
    /// Whether `doctor.toml` was accepted.
    pub(crate) acceptance: Acceptance,
    /// `doctor.toml` as a person would type it.
    file: String,
    /// What else the target comes from that does not count, and why: `the link in …` and `lies inside the checkout`.
    doubtful: Option<(String, &'static str)>,
    /// The project, if only the checkout names it.
    project: Option<ResourceRef>,
    /// The environment, if only the checkout names it.
    environment: Option<ResourceRef>,
    /// Whether `doctor.toml` is what names the environment.
    is_environment_declared: bool,
    /// Files of variables that only `doctor.toml` names.
    files: BTreeSet<String>,
    /// Words of `--service` that only `doctor.toml` gives a meaning, each with the service's name.
    aliases: Vec<(String, String)>,
}

/// Whether the user has accepted a `doctor.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// There is none, or it decides nothing about where values go.
    #[default]
    NotNeeded,
    /// It was accepted for this project.
    Accepted,
    /// It was never accepted.
    Never,
    /// What it decides was changed since: the differences.
    Changed(Vec<String>),
}

/// The target of a run, and how the run came to it.
#[derive(Clone, Copy)]
pub(crate) struct TrustSubject<'a> {
    /// The `doctor.toml` in use.
    pub(crate) config: Option<&'a Config>,
    /// Project and environment, and what names them.
    pub(crate) selected: &'a SelectedEnvironment,
    /// Everything that may name them.
    pub(crate) sources: &'a TargetSources,
    /// The token.
    pub(crate) credentials: &'a Credentials,
    /// The host that it is sent to.
    pub(crate) host: &'a str,
}

impl TrustState {
    /// What is known of that target from outside the checkout.
    pub(crate) fn of(subject: TrustSubject<'_>, world: &World<'_>) -> Self {
        // The demo's doctor.toml and its Railway are parts of doctor.
        if world.memory == WorldLifetime::OfThisRun {
            return Self::default();
        }
        let TrustSubject { config, selected, sources, .. } = subject;
        let (project, environment) = (&selected.shape.project, &selected.shape.environment);
        let checkout = checkout(config, world);
        let acceptance = acceptance(config, project, &checkout, world);
        let link = CliLink::of(sources, &checkout, world);
        let is_accepted = acceptance == Acceptance::Accepted;
        let from_config = |origin: &str| {
            let is_name = config.is_some_and(|config| origin == config.name);
            is_name || origin == KEYRING && is_chosen_by_config(subject, world)
        };
        let is_outside = |origin: &str| !(from_config(origin) || origin == LINK && link.doubt.is_some());
        let is_project_known = is_accepted
            || is_outside(&selected.project_origin)
            || link.names(&project.id, None)
            || is_id(sources.variables.project.as_ref(), &project.id);
        let is_environment_declared = from_config(&selected.environment_origin);
        let is_environment_known = is_accepted && is_environment_declared
            || is_outside(&selected.environment_origin)
            || link.names(&project.id, Some(&environment.id))
            || is_id(sources.variables.environment.as_ref(), &environment.id);
        let is_of_link =
            [&selected.project_origin, &selected.environment_origin].into_iter().any(|origin| origin == LINK);
        Self {
            acceptance,
            is_environment_declared,
            file: config.map(|config| config.name.clone()).unwrap_or_default(),
            doubtful: link.doubt.filter(|_| is_of_link).map(|why| (link.path.display().to_string(), why)),
            project: (!is_project_known).then(|| project.clone()),
            environment: (!is_environment_known).then(|| environment.clone()),
            ..Self::default()
        }
    }

    /// The same where `doctor.toml` names these files and gives these words a meaning.
    pub(crate) fn naming(self, files: BTreeSet<String>, aliases: Vec<(String, String)>) -> Self {
        Self { files, aliases, ..self }
    }

    /// Whether the user is to be asked to accept `doctor.toml`.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self.acceptance, Acceptance::Never | Acceptance::Changed(_))
    }

    /// Takes note that the user has accepted it.
    pub(crate) fn accept(&mut self) {
        self.acceptance = Acceptance::Accepted;
        self.project = None;
        if self.is_environment_declared {
            self.environment = None;
        }
    }

    /// Why values of these files may not be sent; `None` if they may.
    pub(crate) fn objection(&self, consent: Consent, files: &BTreeSet<&str>) -> Option<TrustObjection> {
        if self.project.is_some() || self.environment.is_some() {
            return Some(self.about_target());
        }
        if consent == Consent::Asked || !self.is_wanted() {
            return None;
        }
        let declared = |file: &&&str| self.files.contains(**file);
        let file = files.iter().find(declared)?;
        Some(self.about(&format!("names the file {file}"), &[format!("--env-file={file}")]))
    }

    /// Why values may not be sent to the services that `--service` names; `None` if they may.
    pub(crate) fn objection_to_services(&self, consent: Consent) -> Option<TrustObjection> {
        let (word, name) = self.aliases.first().filter(|_| consent != Consent::Asked && self.is_wanted())?;
        Some(self.about(&format!("says that {word} is the service {name}"), &[format!("--service={name}")]))
    }

    /// The file and the word of a `doctor.toml` that was never accepted, and that alone names its target.
    #[cfg(test)]
    pub(crate) fn unaccepted() -> (&'static str, Self) {
        let named = |name: &str| Some(ResourceRef { id: format!("{name}-id"), name: name.to_owned() });
        let trust = Self {
            acceptance: Acceptance::Never,
            file: "doctor.toml".to_owned(),
            project: named("shop"),
            environment: named("staging"),
            is_environment_declared: true,
            ..Self::default()
        };
        (".env", trust)
    }

    /// The same where the target is known from outside.
    #[cfg(test)]
    pub(crate) fn known(self) -> Self {
        Self { project: None, environment: None, ..self }
    }

    fn about_target(&self) -> TrustObjection {
        let part =
            |kind: &str, named: &Option<ResourceRef>| named.as_ref().map(|named| format!("the {kind} {}", named.name));
        let parts = [part("project", &self.project), part("environment", &self.environment)];
        let what = parts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let flag =
            |kind: &str, named: &Option<ResourceRef>| named.as_ref().map(|named| format!("--{kind}={}", named.name));
        let flags = [flag("project", &self.project), flag("environment", &self.environment)];
        let flags: Vec<String> = flags.into_iter().flatten().collect();
        match &self.doubtful {
            Some((path, why)) => TrustObjection {
                what: format!("only {path} names {what}"),
                why: format!("that file {why}, so anyone may have written it"),
                next: format!("name it yourself: `{}`", shell_command::line(&flags)),
                is_changed: false,
            },
            None => self.about(&format!("names {what}"), &flags),
        }
    }

    fn about(&self, says: &str, flags: &[String]) -> TrustObjection {
        let named = format!("name it yourself: `{}`", shell_command::line(flags));
        let (file, is_changed) = (&self.file, matches!(self.acceptance, Acceptance::Changed(_)));
        match &self.acceptance {
            Acceptance::Changed(changes) => TrustObjection {
                what: format!("only {file} {says}, and it changed since you accepted it"),
                why: format!("this changed: {}", changes.join("; ")),
                next: format!("review it and run `doctor trust`, or {named}"),
                is_changed,
            },
            _ => TrustObjection {
                what: format!("only {file} {says}, and you have not accepted it"),
                why: "a checkout can come from anyone, and a push sends local values where it says".to_owned(),
                next: format!("run `doctor trust`, or {named}"),
                is_changed,
            },
        }
    }
}

/// Why local values may not be sent.
#[derive(Clone, Debug)]
pub(crate) struct TrustObjection {
    /// `only doctor.toml names the environment live, and you have not accepted it`.
    pub(crate) what: String,
    why: String,
    next: String,
    is_changed: bool,
}

impl TrustObjection {
    /// As a part of a sentence.
    pub(crate) fn in_a_sentence(&self) -> String {
        format!("{} ({})", self.next, self.what)
    }

    /// As the error of a run.
    pub(crate) fn into_error(self) -> Error {
        let Self { what, why, next, is_changed } = self;
        if is_changed {
            Error::TrustOutdated { what, cause: why, help: next }
        } else {
            Error::Untrusted { what, cause: why, help: next }
        }
    }
}

/// The official CLI's link, and why it does not count.
struct CliLink<'s> {
    /// What it names. One that can't be read names nothing; where it is needed, reading it has failed before.
    named: Option<&'s TargetSource>,
    path: PathBuf,
    doubt: Option<&'static str>,
}

impl<'s> CliLink<'s> {
    fn of(sources: &'s TargetSources, checkout: &Checkout, world: &World<'_>) -> Self {
        let named = sources.link.as_ref().ok().filter(|link| link.project.is_some());
        let path = world.home.as_deref().map(|home| credentials::link_file(home, &world.variables)).unwrap_or_default();
        let doubt = named.and_then(|_| checkout.objection(&path));
        Self { named, path, doubt }
    }

    /// Whether it is known from outside and names the project, and that environment of it. By ids: anyone can give a
    /// project another project's id as its name.
    fn names(&self, project: &str, environment: Option<&str>) -> bool {
        self.doubt.is_none()
            && self.named.is_some_and(|link| {
                is_id(link.project.as_ref(), project)
                    && environment.is_none_or(|environment| is_id(link.environment.as_ref(), environment))
            })
    }
}

fn is_id(named: Option<&RequestedName>, id: &str) -> bool {
    named.is_some_and(|named| named.text == id)
}

/// Whether `doctor.toml` has chosen the login: of several project tokens in the keyring, the target decides which one is used.
fn is_chosen_by_config(subject: TrustSubject<'_>, world: &World<'_>) -> bool {
    let Credentials { token, scheme, .. } = subject.credentials;
    let without = subject.sources.without_config().login_target();
    subject.config.is_some()
        && *scheme == Scheme::Project
        && !credentials::is_login_for(world.keyring, subject.host, &without, token)
}

/// The checkout that a run is about.
pub(crate) fn checkout(config: Option<&Config>, world: &World<'_>) -> Checkout {
    let folders = [world.folder.as_path()].into_iter().chain(config.map(Config::folder));
    Checkout::around(folders, world.home.as_deref())
}

fn acceptance(config: Option<&Config>, project: &ResourceRef, checkout: &Checkout, world: &World<'_>) -> Acceptance {
    let Some(config) = config else { return Acceptance::NotNeeded };
    let trusted_parts = config.trusted_parts();
    if trusted_parts.is_empty() {
        return Acceptance::NotNeeded;
    }
    // What can't be read accepts nothing; `doctor trust` says why.
    trust_status(config, &trusted_parts, project, checkout, world).unwrap_or(Acceptance::Never)
}

/// What the user has said of that file, for that project.
pub(crate) fn trust_status(
    config: &Config,
    trusted_parts: &TrustedParts,
    project: &ResourceRef,
    checkout: &Checkout,
    world: &World<'_>,
) -> Result<Acceptance, Error> {
    let subject = Subject { project, trusted_parts, path: &config.path, checkout };
    Ok(match trust_store::status(world.state.as_deref(), &subject)? {
        TrustStatus::Accepted => Acceptance::Accepted,
        TrustStatus::Changed(before) => Acceptance::Changed(trusted_parts.changes(&before)),
        TrustStatus::OfAnother(name) => {
            Acceptance::Changed(vec![format!("~ the project: you accepted it for another, {name}")])
        }
        TrustStatus::Never => Acceptance::Never,
    })
}
