//! Selects project and environment: reads the sources that may name them, in order, then queries Railway.

use std::path::PathBuf;

use crate::cli::ProjectArgs;
use crate::commands::config_file::correction;
use crate::drift::ResourceRef;
use crate::error::{Error, NO_ACCESS, NOT_FOUND, RailwayErrors};
use crate::io::config::{At, Config};
use crate::io::credentials::{self, Link, LoginTarget};
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::lookup::LocatedProject;
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// A project or an environment as a source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedName {
    pub(crate) text: String,
    pub(crate) form: NameOrId,
    /// The source: `--project`, `doctor.toml`, `railway link`.
    pub(crate) origin: String,
}

/// Whether a text is an id or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameOrId {
    /// An id, which needs no lookup.
    Id,
    /// A name, or a text that may be one.
    Name,
}

impl RequestedName {
    /// Parses what a person wrote: a UUID is an id, any other text a name.
    pub(crate) fn written(text: &str, origin: &str) -> Self {
        let form = if is_uuid(text) { NameOrId::Id } else { NameOrId::Name };
        Self { text: text.to_owned(), form, origin: origin.to_owned() }
    }

    /// Returns an id that a program wrote; programs do not write names.
    pub(crate) fn id(text: &str, origin: &str) -> Self {
        Self { text: text.to_owned(), form: NameOrId::Id, origin: origin.to_owned() }
    }

    /// Queries the project with that id or name.
    pub(crate) fn locate(&self, client: &Client<'_>) -> Result<LocatedProject, Error> {
        match self.form {
            NameOrId::Id => client.project(&self.text),
            NameOrId::Name => client.project_named(&self.text),
        }
    }
}

/// A source that may name a project, an environment, or both.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetSource {
    pub(crate) project: Option<RequestedName>,
    pub(crate) environment: Option<RequestedName>,
}

/// The variables with the ids of the project and the environment.
const VARIABLES: [&str; 2] = ["RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"];

/// How reports name the Railway CLI's link.
pub(crate) const LINK: &str = "railway link";

/// The sources that may name project and environment. Their order is defined only in this module.
///
/// A project token takes precedence over all of them, because it has access to one environment only: flags and
/// `doctor.toml` may repeat that environment, and the other sources are ignored.
#[derive(Clone, Debug)]
pub(crate) struct TargetSources {
    flags: TargetSource,
    config: TargetSource,
    /// `RAILWAY_PROJECT_ID` and `RAILWAY_ENVIRONMENT_ID`.
    pub(crate) variables: TargetSource,
    /// The link written by `railway link`. It is used only if no other source names both.
    pub(crate) link: Result<TargetSource, Error>,
    folder: PathBuf,
}

impl TargetSources {
    /// Reads all sources.
    pub(crate) fn read(flags: &ProjectArgs, config: Option<&Config>, world: &World<'_>) -> Self {
        let typed = |text: &Option<String>, flag| text.as_deref().map(|text| RequestedName::written(text, flag));
        let in_config = |at: Option<&At<String>>| Some(RequestedName::written(&at?.value, &config?.name));
        let variable = |name: &str| world.variable(name).map(|id| RequestedName::id(id.trim(), name));
        let link = credentials::link(&world.variables, world.home.as_deref(), &world.directory);
        Self {
            flags: TargetSource {
                project: typed(&flags.project, "--project"),
                environment: typed(&flags.environment, "--environment"),
            },
            config: TargetSource {
                project: in_config(config.and_then(|config| config.project.as_ref())),
                environment: in_config(config.and_then(|config| config.environment.as_ref())),
            },
            variables: TargetSource { project: variable(VARIABLES[0]), environment: variable(VARIABLES[1]) },
            link: link.map(|link| link.map(TargetSource::from).unwrap_or_default()),
            folder: world.directory.clone(),
        }
    }

    /// Returns the sources without `doctor.toml`.
    pub(crate) fn without_config(&self) -> Self {
        Self { config: TargetSource::default(), ..self.clone() }
    }

    /// Returns whether the link is the only source besides the flags, and names this project.
    pub(crate) fn link_names(&self, project: &str) -> bool {
        let is_unset = |source: &&TargetSource| source.project.is_none() && source.environment.is_none();
        let linked = self.link.as_ref().ok().and_then(|link| link.project.as_ref());
        [&self.config, &self.variables].iter().all(is_unset) && linked.is_some_and(|linked| linked.text == project)
    }

    /// Returns the sources that take precedence over the link, in order. Reading them can't fail.
    fn before_link(&self) -> [TargetSource; 3] {
        [self.flags.clone(), self.config.clone(), self.variables.clone()]
    }

    /// Returns the target as far as it is named, to find the matching login. An unreadable link is ignored.
    pub(crate) fn login_target(&self) -> LoginTarget {
        let mut sources = self.before_link().to_vec();
        sources.extend(self.link.clone().ok());
        let text = |name: Option<RequestedName>| name.map(|name| name.text);
        match choose(&sources) {
            Some(wanted) => LoginTarget { project: Some(wanted.project.text), environment: text(wanted.environment) },
            None => LoginTarget { project: None, environment: text(first_environment(&sources)) },
        }
    }

    /// Returns the project, for a command that names environments itself.
    pub(crate) fn project(&self) -> Result<RequestedName, Error> {
        let before_link = self.before_link().into_iter().find_map(|source| source.project);
        let project = match before_link {
            Some(project) => Some(project),
            None => self.link.clone()?.project,
        };
        project.ok_or_else(|| Error::NoProject { folder: self.folder.clone() })
    }

    /// Returns an error if a flag or `doctor.toml` names another project than that of a token.
    pub(crate) fn refuse_other_project(&self, own: &ResourceRef) -> Result<(), Error> {
        refuse_other(self.flags.project.as_ref().or(self.config.project.as_ref()), own, "project")
    }

    /// Returns the requested project. Fails if the link is needed but unreadable, or if no source names a project.
    fn requested(&self) -> Result<RequestedTarget, Error> {
        let mut sources = self.before_link().to_vec();
        if let Some(complete) = choose(&sources).filter(|wanted| wanted.environment.is_some()) {
            return Ok(complete);
        }
        sources.push(self.link.clone()?);
        choose(&sources).ok_or_else(|| Error::NoProject { folder: self.folder.clone() })
    }
}

impl From<Link> for TargetSource {
    fn from(link: Link) -> Self {
        Self {
            project: Some(RequestedName::id(&link.project_id, LINK)),
            environment: link.environment_id.map(|id| RequestedName::id(&id, LINK)),
        }
    }
}

/// The requested project, and the environments that may belong to it.
#[derive(Debug, PartialEq, Eq)]
struct RequestedTarget {
    project: RequestedName,
    environment: Option<RequestedName>,
    /// Environments of sources with lower precedence.
    further: Vec<FurtherEnvironment>,
}

impl RequestedTarget {
    /// Returns the variable that must have an id and has another text.
    fn variable_without_id(&self) -> Option<&'static str> {
        let requested = [Some(&self.project), self.environment.as_ref()].into_iter().flatten();
        let mut names = requested.filter(|one| !is_uuid(&one.text));
        names.find_map(|one| VARIABLES.into_iter().find(|variable| one.origin == *variable))
    }
}

/// An environment and the project that its source names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FurtherEnvironment {
    project: RequestedName,
    environment: RequestedName,
}

/// The environment of a run, and the sources that named it.
#[derive(Debug)]
pub(crate) struct SelectedEnvironment {
    /// The environment, without values.
    pub(crate) shape: Shape,
    /// The source that named the project.
    pub(crate) project_origin: String,
    /// The source that named the environment.
    pub(crate) environment_origin: String,
}

/// Selects the environment. Sends one request if the ids are known or the token is for one environment, and one more to
/// look up a name.
pub(crate) fn select(
    client: &Client<'_>,
    sources: &TargetSources,
    config: Option<&Config>,
) -> Result<SelectedEnvironment, Error> {
    if client.credentials.scheme == Scheme::Project {
        return find_by_token(client, sources);
    }
    let wanted = sources.requested()?;
    let variable = wanted.variable_without_id();
    find(client, wanted).map_err(|error| at_source(error, variable, sources, config))
}

/// Adds to an error about a project or an environment where its name or id comes from.
fn at_source(error: Error, variable: Option<&'static str>, sources: &TargetSources, config: Option<&Config>) -> Error {
    match error {
        Error::NotFound { what, errors, .. } => match unknown_id(&errors, sources, config) {
            Some(error) => error,
            None => Error::NotFound { what, errors, variable },
        },
        // Railway's response for an unknown id, too.
        Error::NoPermission { what, errors, .. } if variable.is_some() => Error::NotFound { what, errors, variable },
        error => at_config_line(error, sources, config),
    }
}

/// Adds to an error about the project where its name or id comes from.
pub(crate) fn at_project_source(
    error: Error,
    project: &RequestedName,
    sources: &TargetSources,
    config: Option<&Config>,
) -> Error {
    let has_no_id = project.origin == VARIABLES[0] && !is_uuid(&project.text);
    at_source(error, has_no_id.then_some(VARIABLES[0]), sources, config)
}

/// Returns the project of the first source that names one, and the first environment up to that source. Environments of
/// later sources are used only if those sources name the same project.
fn choose(sources: &[TargetSource]) -> Option<RequestedTarget> {
    let position = sources.iter().position(|source| source.project.is_some())?;
    let further = |source: &TargetSource| {
        Some(FurtherEnvironment { project: source.project.clone()?, environment: source.environment.clone()? })
    };
    Some(RequestedTarget {
        project: sources[position].project.clone()?,
        environment: first_environment(&sources[..=position]),
        further: sources[position + 1..].iter().filter_map(further).collect(),
    })
}

fn first_environment(sources: &[TargetSource]) -> Option<RequestedName> {
    sources.iter().find_map(|source| source.environment.clone())
}

/// Queries the requested environment.
fn find(client: &Client<'_>, wanted: RequestedTarget) -> Result<SelectedEnvironment, Error> {
    let RequestedTarget { project, environment, further } = wanted;
    let same_id = || {
        let mut named = further.iter().filter(|one| project.form == NameOrId::Id && one.project.text == project.text);
        named.next().map(|one| one.environment.clone())
    };
    let environment = environment.or_else(same_id);
    if let (NameOrId::Id, Some(environment @ RequestedName { form: NameOrId::Id, .. })) = (project.form, &environment) {
        let shape = client.shape(&project.text, &environment.text)?;
        return Ok(found(shape, project, environment.clone()));
    }
    let located = project.locate(client)?;
    let Some(environment) = environment.or_else(|| named_for(&located, &further)) else {
        let choices = located.names();
        return Err(Error::NoEnvironment { project: located.project.name, origin: project.origin, choices });
    };
    let named = located.environment(&environment.text, &client.credentials.from)?;
    let shape = client.shape_of(&located.project, &named)?;
    Ok(found(shape, project, environment))
}

fn found(shape: Shape, project: RequestedName, environment: RequestedName) -> SelectedEnvironment {
    SelectedEnvironment { shape, project_origin: project.origin, environment_origin: environment.origin }
}

fn named_for(located: &LocatedProject, further: &[FurtherEnvironment]) -> Option<RequestedName> {
    let same = |of: &RequestedName| {
        of.text == located.project.id || (of.form == NameOrId::Name && of.text == located.project.name)
    };
    further.iter().find(|one| same(&one.project)).map(|one| one.environment.clone())
}

/// Queries the environment of a project token. Flags and `doctor.toml` may name it, too, but not another one.
fn find_by_token(client: &Client<'_>, sources: &TargetSources) -> Result<SelectedEnvironment, Error> {
    let shape = client.token_shape()?;
    let TargetSources { flags, config, .. } = sources;
    refuse_other(flags.project.as_ref().or(config.project.as_ref()), &shape.project, "project")?;
    refuse_other(flags.environment.as_ref().or(config.environment.as_ref()), &shape.environment, "environment")?;
    let token = &client.credentials.from;
    Ok(SelectedEnvironment { shape, project_origin: token.clone(), environment_origin: token.clone() })
}

fn refuse_other(asked: Option<&RequestedName>, own: &ResourceRef, kind: &str) -> Result<(), Error> {
    match asked {
        Some(asked) if asked.text != own.id && asked.text != own.name => Err(Error::TokenContradicts {
            token: format!("{kind} {}", own.name),
            origin: asked.origin.clone(),
            wanted: asked.text.clone(),
        }),
        _ => Ok(()),
    }
}

/// Turns an error about a flag into one about the line of `doctor.toml`, if the unknown name comes from there.
fn at_config_line(error: Error, sources: &TargetSources, config: Option<&Config>) -> Error {
    let (Error::Unknown { kind, wanted, within, suggestions, choices }, Some(config)) = (&error, config) else {
        return error;
    };
    let is_project = *kind == "project";
    let (flag, at) = if is_project {
        (&sources.flags.project, &config.project)
    } else {
        (&sources.flags.environment, &config.environment)
    };
    let Some(at) = at.as_ref().filter(|at| flag.is_none() && at.value == *wanted) else { return error };
    let help = match (suggestions.as_slice(), choices.as_slice()) {
        ([], []) if is_project => NO_ACCESS.to_owned(),
        ([], []) => format!("create the {kind} on Railway first"),
        (suggestions, choices) => correction(suggestions, choices),
    };
    let what = if is_project {
        format!("project `{wanted}`: {NOT_FOUND}")
    } else {
        format!("{within} has no {kind} `{wanted}`")
    };
    config.fault(at, what, help)
}

/// Returns an error at the line of `doctor.toml` with an id that does not exist, if it comes from there.
fn unknown_id(errors: &RailwayErrors, sources: &TargetSources, config: Option<&Config>) -> Option<Error> {
    let is_environment = errors.messages.iter().any(|message| message.starts_with("Environment"));
    let (kind, flag, at) = if is_environment {
        ("environment", &sources.flags.environment, &config?.environment)
    } else {
        ("project", &sources.flags.project, &config?.project)
    };
    let at = at.as_ref().filter(|_| flag.is_none())?;
    let what = format!("{kind} `{}`: {NOT_FOUND}", at.value);
    Some(config?.fault(at, what, format!("correct it, {NO_ACCESS}")))
}

pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, character)| match index {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use crate::commands::project_selection::{NameOrId, RequestedName, RequestedTarget, TargetSource, choose, is_uuid};

    const ID: &str = "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2";

    fn source(origin: &str, project: Option<&str>, environment: Option<&str>) -> TargetSource {
        let asked = |text: &str| RequestedName::written(text, origin);
        TargetSource { project: project.map(asked), environment: environment.map(asked) }
    }

    /// Returns the project, the environment, and the number of environments of lower precedence.
    fn chosen(sources: &[TargetSource]) -> Option<(String, Option<String>, usize)> {
        let RequestedTarget { project, environment, further } = choose(sources)?;
        let described = |asked: RequestedName| format!("{} from {}", asked.text, asked.origin);
        Some((described(project), environment.map(described), further.len()))
    }

    #[test]
    fn first_source_wins() {
        let sources =
            [source("flags", None, None), source("file", Some("p"), Some("e")), source("link", Some("q"), Some("f"))];
        assert_eq!(chosen(&sources), Some(("p from file".into(), Some("e from file".into()), 1)));
    }

    #[test]
    fn environment_may_come_from_higher_source_than_project() {
        let sources = [source("flags", None, Some("prod")), source("link", Some("p"), Some("e"))];
        assert_eq!(chosen(&sources), Some(("p from link".into(), Some("prod from flags".into()), 0)));
    }

    #[test]
    fn lower_source_environment_requires_same_project() {
        let sources =
            [source("flags", Some("p"), None), source("link", Some("q"), Some("e")), source("x", None, Some("z"))];
        assert_eq!(chosen(&sources), Some(("p from flags".into(), None, 1)));
    }

    #[test]
    fn no_project_selects_nothing() {
        assert_eq!(chosen(&[source("flags", None, Some("e"))]), None);
    }

    #[test]
    fn distinguishes_ids_from_names() {
        assert!(is_uuid(ID));
        for name in ["agentverse", "", "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f", "30cf5498x5aeb-4cf6-b35c-5ba0b9ed81f2"] {
            assert!(!is_uuid(name), "{name}");
        }
        assert_eq!(RequestedName::written(ID, "x").form, NameOrId::Id);
        assert_eq!(RequestedName::id("plain", "x").form, NameOrId::Id);
    }
}
