//! Project and environment, as flags, files, tokens and the official CLI's link name them.

use crate::cli::TargetArgs;
use crate::commands::project_selection::{self, RequestedName, SelectionSource, Sourced};
use crate::error::{Error, NO_ACCESS, NOT_FOUND};
use crate::io::config::{At, Config};
use crate::io::credentials;
use crate::io::railway::client::Client;
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// Project and environment, from the first source that names them.
pub(crate) fn locate(
    client: &Client<'_>,
    targeting: &TargetArgs,
    config: Option<&Config>,
    world: &World<'_>,
) -> Result<Sourced, Error> {
    let written = |text: &Option<String>, origin| text.as_deref().map(|text| RequestedName::written(text, origin));
    let flags = SelectionSource {
        project: written(&targeting.project, "--project"),
        environment: written(&targeting.environment, "--environment"),
    };
    let in_config = |at: Option<&At<String>>| Some(RequestedName::written(&at?.value, &config?.name));
    let file = SelectionSource {
        project: in_config(config.and_then(|config| config.project.as_ref())),
        environment: in_config(config.and_then(|config| config.environment.as_ref())),
    };
    let token = client.credentials.from.as_str();
    if client.credentials.scheme == Scheme::Project {
        return project_selection::find_by_token(client, &[flags, file], token);
    }
    let variable = |name: &str| world.variable(name).map(|id| RequestedName::id(id.trim(), name));
    let variables =
        SelectionSource { project: variable("RAILWAY_PROJECT_ID"), environment: variable("RAILWAY_ENVIRONMENT_ID") };
    let mut sources = vec![flags, file, variables];
    let complete = project_selection::choose(&sources).is_some_and(|wanted| wanted.is_complete());
    if !complete {
        sources.push(linked(world)?);
    }
    match project_selection::choose(&sources) {
        Some(wanted) => {
            project_selection::find(client, wanted, token).map_err(|error| at_its_place(error, targeting, config))
        }
        None => Err(Error::NoProject { folder: world.folder.clone() }),
    }
}

/// An unknown name of `doctor.toml` is an error at its place there, and not one about a flag.
fn at_its_place(error: Error, targeting: &TargetArgs, config: Option<&Config>) -> Error {
    let (Error::Unknown { kind, wanted, within, suggestions, choices }, Some(config)) = (&error, config) else {
        return error;
    };
    let (flag, at) = match *kind {
        "project" => (&targeting.project, &config.project),
        _ => (&targeting.environment, &config.environment),
    };
    let Some(at) = at.as_ref().filter(|at| flag.is_none() && at.value == *wanted) else { return error };
    let next = match suggestions.first() {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None if choices.is_empty() && *kind == "project" => NO_ACCESS.to_owned(),
        None if choices.is_empty() => format!("there is no {kind} to name"),
        None => format!("name one of {}", choices.join(", ")),
    };
    let what = match *kind {
        "project" => format!("project `{wanted}`: {NOT_FOUND}"),
        _ => format!("{within} has no {kind} `{wanted}`"),
    };
    config.fault(at, what, next)
}

fn linked(world: &World<'_>) -> Result<SelectionSource, Error> {
    let Some(link) = credentials::link(&world.variables, world.home.as_deref(), &world.folder)? else {
        return Ok(SelectionSource::default());
    };
    Ok(SelectionSource {
        project: Some(RequestedName::id(&link.project_id, "railway link")),
        environment: link.environment_id.map(|id| RequestedName::id(&id, "railway link")),
    })
}
