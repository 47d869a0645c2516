//! Decides whether local values may be sent to a target. A checkout is untrusted: values are sent only to a target that
//! a source outside the checkout names, or that `doctor.toml` names after the user has accepted it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::commands::project_selection::{LINK, RequestedName, SelectedEnvironment, TargetSource, TargetSources};
use crate::drift::ResourceRef;
use crate::drift::plan::bulk_selection::Consent;
use crate::error::{Error, Help};
use crate::io::config::{Config, TrustedParts};
use crate::io::credentials::{self, Credentials, KEYRING};
use crate::io::files::provenance::Checkout;
use crate::io::railway::transport::Scheme;
use crate::io::storage::trust_store::{self, Subject, TrustStatus};
use crate::io::world::{World, WorldLifetime};
use crate::report::shell_command;

/// Which parts of the target are trusted: named outside the checkout, or accepted by the user.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustState {
    /// Whether the user has accepted `doctor.toml`.
    pub(crate) acceptance: Acceptance,
    /// The display name of `doctor.toml`.
    file: String,
    /// A link of the Railway CLI that names the target and is not trusted: its path and the reason.
    untrusted_link: Option<(String, &'static str)>,
    /// The project, if it is not trusted.
    project: Option<ResourceRef>,
    /// The environment, if it is not trusted.
    environment: Option<ResourceRef>,
    /// Whether `doctor.toml` names the environment.
    is_environment_declared: bool,
    /// Env files that only `doctor.toml` names.
    files: BTreeSet<String>,
    /// Aliases of `doctor.toml` that `--service` uses, each with the name of the service.
    aliases: Vec<(String, String)>,
}

/// Whether the user has accepted a `doctor.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// There is no `doctor.toml`, or it does not affect where values are sent.
    #[default]
    NotNeeded,
    /// The user accepted it for this project.
    Accepted,
    /// The user never accepted it.
    Never,
    /// It changed since the user accepted it; the differences.
    Changed(Vec<String>),
}

/// The target of a run, and its sources.
#[derive(Clone, Copy)]
pub(crate) struct TrustSubject<'a> {
    /// The `doctor.toml` in use.
    pub(crate) config: Option<&'a Config>,
    /// Project and environment, and the sources that named them.
    pub(crate) selected: &'a SelectedEnvironment,
    /// All sources that may name them.
    pub(crate) sources: &'a TargetSources,
    /// The token.
    pub(crate) credentials: &'a Credentials,
    /// The host that the token is sent to.
    pub(crate) host: &'a str,
}

impl TrustState {
    /// Determines which parts of the target are trusted.
    pub(crate) fn of(subject: TrustSubject<'_>, world: &World<'_>) -> Self {
        // The demo's doctor.toml and its Railway are built into doctor.
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
            untrusted_link: link.doubt.filter(|_| is_of_link).map(|why| (link.path.display().to_string(), why)),
            project: (!is_project_known).then(|| project.clone()),
            environment: (!is_environment_known).then(|| environment.clone()),
            ..Self::default()
        }
    }

    /// Adds the files that only `doctor.toml` names, and the aliases in use.
    pub(crate) fn with_names(self, files: BTreeSet<String>, aliases: Vec<(String, String)>) -> Self {
        Self { files, aliases, ..self }
    }

    /// Returns whether `doctor.toml` needs to be accepted.
    pub(crate) fn needs_acceptance(&self) -> bool {
        matches!(self.acceptance, Acceptance::Never | Acceptance::Changed(_))
    }

    /// Records that the user has accepted `doctor.toml`.
    pub(crate) fn accept(&mut self) {
        self.acceptance = Acceptance::Accepted;
        self.project = None;
        if self.is_environment_declared {
            self.environment = None;
        }
    }

    /// Returns why values of these files must not be sent, or `None` if they may.
    pub(crate) fn objection(&self, consent: Consent, files: &BTreeSet<&str>) -> Option<TrustObjection> {
        self.objection_to_target().or_else(|| self.objection_to_files(consent, files))
    }

    /// Returns why nothing must be sent to the target, or `None` if it is trusted.
    pub(crate) fn objection_to_target(&self) -> Option<TrustObjection> {
        (self.project.is_some() || self.environment.is_some()).then(|| self.about_target())
    }

    /// Returns why values of these files must not be sent to a trusted target, or `None` if they may.
    pub(crate) fn objection_to_files(&self, consent: Consent, files: &BTreeSet<&str>) -> Option<TrustObjection> {
        if consent == Consent::Prompt || !self.needs_acceptance() {
            return None;
        }
        let declared = |file: &&&str| self.files.contains(**file);
        let file = files.iter().find(declared)?;
        Some(self.about(&format!("names the file {file}"), &[format!("--env-file={file}")]))
    }

    /// Returns why values must not be sent to the services that `--service` names, or `None` if they may.
    pub(crate) fn objection_to_services(&self, consent: Consent) -> Option<TrustObjection> {
        let (alias, name) = self.aliases.first().filter(|_| consent != Consent::Prompt && self.needs_acceptance())?;
        Some(self.about(&format!("resolves {alias} to the service {name}"), &[format!("--service={name}")]))
    }

    /// Returns a file, and the state of a `doctor.toml` that was never accepted and that alone names the target.
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

    /// Returns the state with a trusted target.
    #[cfg(test)]
    pub(crate) fn known(self) -> Self {
        Self { project: None, environment: None, ..self }
    }

    /// Returns flags that name the parts of the target that are not trusted.
    pub(crate) fn target_flags(&self) -> Vec<String> {
        let flag =
            |kind: &str, named: &Option<ResourceRef>| named.as_ref().map(|named| format!("--{kind}={}", named.name));
        [flag("project", &self.project), flag("environment", &self.environment)].into_iter().flatten().collect()
    }

    fn about_target(&self) -> TrustObjection {
        let part =
            |kind: &str, named: &Option<ResourceRef>| named.as_ref().map(|named| format!("the {kind} {}", named.name));
        let parts = [part("project", &self.project), part("environment", &self.environment)];
        let what = parts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let flags = self.target_flags();
        match &self.untrusted_link {
            Some((path, why)) => TrustObjection {
                what: format!("only {path} names {what}"),
                why: format!("that file {why}, so anyone may have written it"),
                help: Help::command("pass it explicitly:", shell_command::line(&flags)),
                is_changed: false,
            },
            None => self.about(&format!("names {what}"), &flags),
        }
    }

    fn about(&self, decision: &str, flags: &[String]) -> TrustObjection {
        let flags = shell_command::line(flags);
        let (file, is_changed) = (&self.file, matches!(self.acceptance, Acceptance::Changed(_)));
        match &self.acceptance {
            Acceptance::Changed(changes) => TrustObjection {
                what: format!("only {file} {decision}, and it differs from the doctor.toml that you accepted"),
                why: format!("changed settings: {}", changes.join("; ")),
                help: Help::command("review it and run `doctor trust`, or use:", flags),
                is_changed,
            },
            _ => TrustObjection {
                what: format!("only {file} {decision}, and you have not accepted it"),
                why: "a checkout can come from anyone, and a push would send local values to its target".to_owned(),
                help: Help::command("run `doctor trust`, or use:", flags),
                is_changed,
            },
        }
    }
}

/// Why local values must not be sent.
#[derive(Clone, Debug)]
pub(crate) struct TrustObjection {
    /// `only doctor.toml names the environment live, and you have not accepted it`.
    pub(crate) what: String,
    why: String,
    help: Help,
    is_changed: bool,
}

impl TrustObjection {
    /// Returns the objection as a part of a sentence.
    pub(crate) fn summary(&self) -> String {
        format!("{} ({})", self.help, self.what)
    }

    pub(crate) fn into_error(self) -> Error {
        let Self { what, why, help, is_changed } = self;
        if is_changed {
            Error::TrustOutdated { what, cause: why, help }
        } else {
            Error::Untrusted { what, cause: why, help }
        }
    }
}

/// The Railway CLI's link, and why it is not trusted.
struct CliLink<'s> {
    /// Its project and environment; `None` if it is unreadable. If it is needed, the run has failed before.
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

    /// Returns whether the link is trusted and names the project, and the environment if given. Compares ids only,
    /// because the name of a project may be the id of another one.
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

/// Returns whether `doctor.toml` selected the login: the target decides which project token of the keyring is used.
fn is_chosen_by_config(subject: TrustSubject<'_>, world: &World<'_>) -> bool {
    let Credentials { token, scheme, .. } = subject.credentials;
    let without = subject.sources.without_config().login_target();
    subject.config.is_some()
        && *scheme == Scheme::Project
        && !credentials::is_login_for(world.keyring, subject.host, &without, token)
}

/// Returns the checkout of a run.
pub(crate) fn checkout(config: Option<&Config>, world: &World<'_>) -> Checkout {
    let folders = [world.directory.as_path()].into_iter().chain(config.map(Config::folder));
    Checkout::around(folders, world.home.as_deref())
}

fn acceptance(config: Option<&Config>, project: &ResourceRef, checkout: &Checkout, world: &World<'_>) -> Acceptance {
    let Some(config) = config else { return Acceptance::NotNeeded };
    let trusted_parts = config.trusted_parts();
    if trusted_parts.is_empty() {
        return Acceptance::NotNeeded;
    }
    // An unreadable trust store counts as not accepted; `doctor trust` reports the error.
    trust_status(config, &trusted_parts, project, checkout, world).unwrap_or(Acceptance::Never)
}

/// Returns whether the user has accepted that file for that project.
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
        TrustStatus::OtherProject(name) => {
            Acceptance::Changed(vec![format!("~ the project: you accepted it for project {name}")])
        }
        TrustStatus::Never => Acceptance::Never,
    })
}
