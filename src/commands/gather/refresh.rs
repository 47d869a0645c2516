//! Reads the state of Railway again after a change.

use crate::commands::gather::{Gathered, read_railway, read_runtime};
use crate::drift::Target;
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::runtime::Runtime;
use crate::error::Error;
use crate::io::files;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// Reads the local files again.
pub(crate) fn reread_files(gathered: &mut Gathered) {
    let Gathered { survey, paths, .. } = gathered;
    for (file, path) in survey.files.iter_mut().zip(&*paths) {
        let Some(text) = files::current(path) else { continue };
        let read = LocalFile::parse(file.name.clone(), text);
        *file = match survey.policy.loader {
            Some(loader) => read.read_as(loader),
            None => read,
        };
    }
    survey.loader_conflicts = Disagreements::default();
}

/// Reads values and running state of the services in scope again. Sends one request for the shape, and one for every
/// twenty services. Keeps the results for log lines and endpoints.
pub(crate) fn refresh(client: &Client<'_>, gathered: &mut Gathered, world: &World<'_>) -> Result<(), Error> {
    gathered.selected.shape = match client.credentials.scheme {
        Scheme::Project => client.token_shape()?,
        Scheme::Bearer => client.shape(&gathered.selected.shape.project.id, &gathered.selected.shape.environment.id)?,
    };
    let (shape, survey) = (&gathered.selected.shape, &mut gathered.survey);
    let in_scope = |target: &Target| shape.services.iter().find(|service| service.service.id == target.service.id);
    // A service may have been deleted in the meantime.
    survey.targets.retain(|target| in_scope(target).is_some());
    let services: Vec<&ServiceShape> = survey.targets.iter().filter_map(in_scope).collect();
    let read = client.values_and(shape, &services, ReadOptions::Running)?;
    survey.staged = read.staged;
    for (index, (stored, got)) in read.stored.into_iter().zip(read.got).enumerate() {
        let target = &mut survey.targets[index];
        let (lines, answers) = (std::mem::take(&mut target.live.lines), std::mem::take(&mut target.live.responses));
        target.stored = stored;
        target.live = Runtime {
            lines,
            responses: answers,
            ..read_railway::runtime(services[index], got, client.redactor, &world.directory)
        };
    }
    survey.times = read_runtime::complete(client, shape, &mut survey.targets, world);
    Ok(())
}
