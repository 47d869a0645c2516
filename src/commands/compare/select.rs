//! Selects the two environments, and reads their services without values.

use crate::commands::compare::tokens::second_token_missing;
use crate::commands::compare::{CompareRequest, same_environment};
use crate::commands::project_selection::{NameOrId, RequestedName, at_project_source};
use crate::commands::protected_environments::{is_marked_protected, is_protected};
use crate::drift::ResourceRef;
use crate::error::{Error, Help, listed};
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::EnvironmentShape;
use crate::io::railway::environment::Shape;
use crate::io::railway::lookup::{EnvironmentAccess, LocatedProject};
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// The two environments, without values.
pub(super) struct SelectedPair {
    pub(super) sides: [EnvironmentShape; 2],
    /// Protected environments whose values must not be in a pull request environment. Read only if one is compared
    /// with an environment that is not protected.
    pub(super) originals: Vec<Shape>,
    /// Where the project was named.
    pub(super) project_origin: String,
    pub(super) remarks: Vec<String>,
}

/// Selects the environments with one client for both, or with one for each.
pub(super) fn select(
    request: &CompareRequest<'_>,
    clients: &[Client<'_>],
    world: &World<'_>,
) -> Result<SelectedPair, Error> {
    let pair = match clients {
        [left, right] => by_each_token(request, [left, right])?,
        [client] if client.credentials.scheme == Scheme::Project => {
            let own = client.token_shape()?.environment;
            return Err(second_token_missing(request, client, &own, world));
        }
        clients => by_one_token(request, &clients[0])?,
    };
    let [left, right] = &pair.sides;
    if left.shape.environment.id == right.shape.environment.id {
        return Err(same_environment(&left.shape.environment.name));
    }
    Ok(pair)
}

/// Reads the environments of the project with one request. Environments that the response lacks are looked up by name,
/// and read alone.
fn by_one_token(request: &CompareRequest<'_>, client: &Client<'_>) -> Result<SelectedPair, Error> {
    let project = request.sources.project().map_err(without_environment_flag)?;
    let at_source = |error| at_project_source(error, &project, &request.sources, request.config);
    let mut reading = ProjectReading::of(client, &project);
    reading.begin().map_err(at_source)?;
    let [left, right] = request.environments;
    let mut take = |wanted| reading.take(wanted).map_err(|error| explained(at_source(error)));
    let sides = [take(left)?, take(right)?];
    let (originals, remarks) = reading.originals(request, &sides)?;
    Ok(SelectedPair { sides, originals, project_origin: project.origin.clone(), remarks })
}

/// The environments of a project, as far as they are read.
struct ProjectReading<'r> {
    client: &'r Client<'r>,
    project: &'r RequestedName,
    /// The project and the names of its environments, once they were looked up.
    located: Option<LocatedProject>,
    /// The environments that were read and not taken.
    known: Vec<EnvironmentShape>,
    /// Whether all environments were read.
    is_whole: bool,
}

impl<'r> ProjectReading<'r> {
    fn of(client: &'r Client<'r>, project: &'r RequestedName) -> Self {
        Self { client, project, located: None, known: Vec::new(), is_whole: false }
    }

    /// Reads as many environments as one response has.
    fn begin(&mut self) -> Result<(), Error> {
        let id = match self.project.form {
            NameOrId::Id => self.project.text.clone(),
            NameOrId::Name => self.located()?.project.id.clone(),
        };
        self.known = self.client.project_environments(&id)?.map(|read| read.environments).unwrap_or_default();
        let all = self.known.iter().find_map(|one| one.shape.environments.as_ref());
        self.is_whole = all.is_some_and(|all| all.len() == self.known.len());
        Ok(())
    }

    /// Looks up the project and the names of its environments, once.
    fn located(&mut self) -> Result<&LocatedProject, Error> {
        if self.located.is_none() {
            self.located = Some(self.project.locate(self.client)?);
        }
        Ok(self.located.as_ref().expect("it was looked up"))
    }

    /// Takes the environment with that name or id.
    fn take(&mut self, wanted: &str) -> Result<EnvironmentShape, Error> {
        let with_id = self.known.iter().position(|one| one.shape.environment.id == wanted);
        let with_name = || self.known.iter().position(|one| one.shape.environment.name == wanted);
        match with_id.or_else(with_name) {
            Some(index) => Ok(self.known.swap_remove(index)),
            None => self.alone(wanted),
        }
    }

    /// Reads an environment alone.
    fn alone(&mut self, wanted: &str) -> Result<EnvironmentShape, Error> {
        let client = self.client;
        let located = self.located()?;
        let named = located.environment(wanted, &client.credentials.from)?;
        let mut places = located.environments.iter();
        let is_ephemeral = places.any(|place| place.named == named && place.is_ephemeral);
        Ok(EnvironmentShape { shape: client.shape_of(&located.project, &named)?, is_ephemeral })
    }

    /// Returns the protected environments, if a pull request environment is compared with one that is not protected; and
    /// a remark on each that can't be read.
    fn originals(
        mut self,
        request: &CompareRequest<'_>,
        sides: &[EnvironmentShape; 2],
    ) -> Result<(Vec<Shape>, Vec<String>), Error> {
        if !request.expects_copies(sides) {
            return Ok((Vec::new(), Vec::new()));
        }
        let known = std::mem::take(&mut self.known).into_iter();
        let protected = known.filter(|other| request.protects(&other.shape.environment, other.is_ephemeral));
        let mut originals: Vec<Shape> = protected.map(|other| other.shape).collect();
        let mut remarks = Vec::new();
        if self.is_whole {
            return Ok((originals, remarks));
        }
        let is_read = |named: &ResourceRef| originals.iter().any(|shape| shape.environment == *named);
        let places = self.located()?.environments.iter();
        let unread =
            places.filter(|place| request.protects(&place.named, place.is_ephemeral) && !is_read(&place.named));
        for place in unread.cloned().collect::<Vec<_>>() {
            let name = &place.named.name;
            match place.access {
                EnvironmentAccess::Restricted => remarks.push(copies_unknown(name, "the environment is restricted")),
                EnvironmentAccess::Open => match self.alone(&place.named.id) {
                    Ok(original) => originals.push(original.shape),
                    // It is not compared, so the comparison does not depend on it.
                    Err(error) => remarks.push(copies_unknown(name, &error.with_cause(": "))),
                },
            }
        }
        Ok((originals, remarks))
    }
}

/// Returns the remark that copies of a protected environment can't be found.
fn copies_unknown(environment: &str, cause: &str) -> String {
    format!("values copied from {environment} can't be found: {cause}")
}

fn is_named(environment: &ResourceRef, wanted: &str) -> bool {
    [&environment.id, &environment.name].iter().any(|name| *name == wanted)
}

impl CompareRequest<'_> {
    /// Returns whether a pull request environment is compared with one that is not protected.
    fn expects_copies(&self, sides: &[EnvironmentShape; 2]) -> bool {
        let has_ephemeral = sides.iter().any(|side| side.is_ephemeral);
        has_ephemeral && !sides.iter().any(|side| self.protects(&side.shape.environment, side.is_ephemeral))
    }

    /// Returns whether the environment is protected. The name of a pull request environment begins with that of its
    /// repository, so only `doctor.toml` protects it.
    pub(super) fn protects(&self, environment: &ResourceRef, is_ephemeral: bool) -> bool {
        let names = [environment.name.as_str(), &environment.id];
        if is_ephemeral { is_marked_protected(self.config, &names) } else { is_protected(self.config, &names) }
    }
}

/// Returns the error for a missing project with the flag of this command.
fn without_environment_flag(error: Error) -> Error {
    match error {
        Error::NoProject { .. } => Error::Usage {
            what: error.to_string(),
            cause: error.cause(),
            help: Help::command("pass `--project=ID`, or link the project:", "railway link"),
        },
        error => error,
    }
}

/// Returns the error for an unknown environment as one about an argument: the command has no `--environment`.
fn explained(error: Error) -> Error {
    let Error::Unknown { kind: "environment", wanted, within, suggestions, choices } = error else { return error };
    let begins = || choices.iter().find(|choice| choice.starts_with(&wanted));
    let meant = suggestions.first().or_else(begins);
    Error::Usage {
        what: format!("unknown environment `{wanted}`"),
        cause: Some(format!("{within} has {}", listed(&choices, "no environment"))),
        help: meant.map_or_else(|| "name one of them".into(), |name| format!("did you mean `{name}`?").into()),
    }
}

/// Reads each environment with its own token. A token that reaches several environments is used for the project of the
/// other token.
fn by_each_token(request: &CompareRequest<'_>, clients: [&Client<'_>; 2]) -> Result<SelectedPair, Error> {
    let mut shapes: [Option<EnvironmentShape>; 2] = [None, None];
    let mut project: Option<RequestedName> = None;
    let is_general = |side: &usize| clients[*side].credentials.scheme == Scheme::Bearer;
    let mut order = [0, 1];
    order.sort_by_key(is_general);
    for side in order {
        let (client, wanted) = (clients[side], request.environments[side]);
        let read = match &project {
            Some(project) if is_general(&side) => {
                ProjectReading::of(client, project).alone(wanted).map_err(explained)?
            }
            _ => of_token(request, client, wanted)?,
        };
        project.get_or_insert_with(|| RequestedName::id(&read.shape.project.id, &client.credentials.from));
        shapes[side] = Some(read);
    }
    let [Some(left), Some(right)] = shapes else { unreachable!("both environments were read") };
    if left.shape.project.id != right.shape.project.id {
        return Err(other_project(&left, &right, clients));
    }
    let project_origin = project.map_or_else(String::new, |project| project.origin);
    let sides = [left, right];
    let cause = "a project token reaches one environment";
    let remark = request.expects_copies(&sides).then(|| copies_unknown("protected environments", cause));
    Ok(SelectedPair { sides, originals: Vec::new(), project_origin, remarks: remark.into_iter().collect() })
}

/// Reads the environment of a project token.
fn of_token(request: &CompareRequest<'_>, client: &Client<'_>, wanted: &str) -> Result<EnvironmentShape, Error> {
    let shape = client.token_shape().map_err(|error| project_token_expected(error, client))?;
    let own = &shape.environment;
    if !is_named(own, wanted) {
        let from = &client.credentials.from;
        return Err(Error::EnvironmentToken {
            what: format!("the token from {from} is not for environment {wanted}"),
            cause: format!("it is a project token for environment {}", own.name),
            help: format!("set {from} to a project token of environment {wanted}").into(),
        });
    }
    request.sources.refuse_other_project(&shape.project)?;
    // A response for a project token does not state it.
    let is_ephemeral = is_named_for_pull_request(&own.name);
    Ok(EnvironmentShape { shape, is_ephemeral })
}

/// Returns the error for a token of another kind in a variable that `--token` names.
fn project_token_expected(error: Error, client: &Client<'_>) -> Error {
    let from = &client.credentials.from;
    match &error {
        Error::WrongKind { found, belongs_in, .. } if from != "RAILWAY_TOKEN" => Error::EnvironmentToken {
            what: error.to_string(),
            cause: format!("--token takes project tokens, and {found} reaches both environments"),
            help: format!("set {belongs_in} to this token, and remove --token").into(),
        },
        _ => error,
    }
}

fn other_project(left: &EnvironmentShape, right: &EnvironmentShape, clients: [&Client<'_>; 2]) -> Error {
    let [first, second] = clients.map(|client| &client.credentials.from);
    let [one, other] = [left, right].map(|side| &side.shape.project.name);
    Error::EnvironmentToken {
        what: "the two tokens are for different projects".to_owned(),
        cause: format!("the one from {first} is for project {one}, and the one from {second} for project {other}"),
        help: "use two tokens of the same project".into(),
    }
}

/// Returns whether the name is one that Railway gives a pull request environment: `pr-123`, `shop-pr-123`.
fn is_named_for_pull_request(name: &str) -> bool {
    let number = name.rsplit_once("pr-").filter(|(before, _)| before.is_empty() || before.ends_with('-'));
    number.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
