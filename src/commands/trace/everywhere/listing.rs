//! Lists the environments that the token reaches, and their services.

use crate::commands::trace::everywhere::unsearched::Gaps;
use crate::commands::trace::everywhere::values;
use crate::drift::ResourceRef;
use crate::drift::phrases::count;
use crate::error::Error;
use crate::io::railway::aliased_query::concerns_one_item;
use crate::io::railway::batch::ENVIRONMENTS_PER_REQUEST;
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::environment_batch::ProjectEnvironment;
use crate::io::railway::lookup::{EnvironmentAccess, LocatedProject};
use crate::io::world::World;

/// The accessible environments.
pub(super) struct ListedEnvironments {
    places: Vec<ProjectEnvironment>,
    /// The error that concerns all further requests.
    error: Option<Error>,
}

/// Returns all accessible environments except the one that was searched. Those of its project come first, so that they
/// are searched even if not all environments can be.
pub(super) fn environments(
    client: &Client<'_>,
    searched: &ResourceRef,
    gaps: &mut Gaps,
    world: &World<'_>,
) -> ListedEnvironments {
    world.status.waiting("listing the projects of the token");
    let found = client.accessible_projects();
    for list in &found.unlisted {
        gaps.add_listing(list.what.clone(), &list.error);
    }
    let mut errors = found.unlisted.into_iter().map(|list| list.error);
    let error = errors.find(|error| !concerns_one_item(error));
    let has_searched =
        |located: &LocatedProject| located.environments.iter().any(|place| place.named.id == searched.id);
    let (own, others): (Vec<_>, Vec<_>) = found.projects.into_iter().partition(has_searched);
    let mut places = Vec::new();
    for located in own.into_iter().chain(others) {
        for place in located.environments {
            if place.named.id == searched.id {
                continue;
            }
            match place.access {
                EnvironmentAccess::Restricted => gaps.add_restricted(&located.project, &place.named),
                EnvironmentAccess::Open => {
                    places.push(ProjectEnvironment { project: located.project.clone(), environment: place.named });
                }
            }
        }
    }
    ListedEnvironments { places, error }
}

/// Reads the services of the environments, as long as enough requests are left for the values of those that are read.
/// Returns no environment after an error that concerns all further requests.
pub(super) fn services(
    client: &Client<'_>,
    listed: ListedEnvironments,
    gaps: &mut Gaps,
    world: &World<'_>,
) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    let ListedEnvironments { places: wanted, error: mut last } = listed;
    for chunk in wanted.chunks(ENVIRONMENTS_PER_REQUEST) {
        if last.is_none() && !leaves_room(client, &shapes) {
            last = Some(client.allowance_used_up());
        }
        if let Some(error) = &last {
            for place in chunk {
                gaps.add_environment(&place.project, &place.environment, error);
            }
            continue;
        }
        world.status.waiting(&format!("reading the services of {}", count(wanted.len(), "environment")));
        let read = client.environments(chunk);
        for (place, shape) in chunk.iter().zip(read.results) {
            match (shape, &read.error) {
                (Some(Ok(shape)), _) => shapes.push(shape),
                (Some(Err(error)), _) => gaps.add_environment(&place.project, &place.environment, &error),
                (None, Some(error)) => gaps.add_environment(&place.project, &place.environment, error),
                (None, None) => {}
            }
        }
        last = read.error;
    }
    match &last {
        None | Some(Error::AllowanceUsedUp { .. }) => shapes,
        Some(error) => {
            for shape in &shapes {
                gaps.add_environment(&shape.project, &shape.environment, error);
            }
            Vec::new()
        }
    }
}

/// Returns whether one more request for services leaves enough requests for the values of the environments that are
/// already known, or for those of the first ones.
fn leaves_room(client: &Client<'_>, shapes: &[Shape]) -> bool {
    client.remaining_requests().is_none_or(|remaining| remaining > values::requests(shapes).max(1))
}
