//! Gathers both sides of a comparison: project and environment, local files, stored variables, and running state.
//!
//! [`gather`] is the list of steps; each has a file.

mod assemble;
mod options;
mod read_files;
mod read_railway;
mod read_runtime;
mod redact_error;
mod refresh;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::commands::expectations::{self, ExpectationChecker, Expectations};
pub(crate) use crate::commands::gather::options::{GatherOptions, Prefetch};
pub(crate) use crate::commands::gather::read_railway::catalogue;
pub(crate) use crate::commands::gather::refresh::{refresh, reread_files};
use crate::commands::id_cache_slot;
use crate::commands::project_selection::{self, SelectedEnvironment};
use crate::commands::service_selection::ServiceSelection;
use crate::commands::session::Session;
use crate::drift::model::observed::Observed;
use crate::drift::{Severity, Survey, Variable};
use crate::error::Error;
use crate::io::credentials::LoginTarget;
use crate::io::files::ResolvedFile;
use crate::io::railway::client::Client;
use crate::io::storage::id_cache::IdCacheSlot;
use crate::io::world::World;
use crate::report::shell_command;

/// Both sides of a comparison, and the sources that named them.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The input of the rules.
    pub(crate) survey: Survey,
    /// Project and environment, and the sources that named them.
    pub(crate) selected: SelectedEnvironment,
    /// The services in scope, and why they are in scope.
    pub(crate) selection: ServiceSelection,
    /// The shared variables, if they were read together with the values.
    pub(crate) shared: Observed<BTreeMap<String, Variable>>,
    /// The display name and the origin of each file.
    pub(crate) files: Vec<(String, String)>,
    /// The files that declare needs, if a service is compared with no file: `doctor.toml`, `.env.example`.
    pub(crate) declarations: Vec<String>,
    /// Conventional layers next to a default file that are not read.
    pub(crate) unread_layers: Vec<String>,
    /// Remarks for the user.
    pub(crate) remarks: Vec<String>,
    /// The number of requests.
    pub(crate) requests: usize,
    /// `fail-on` of `doctor.toml`, or its default.
    pub(crate) fail_on: Option<Severity>,
    /// Whether there is a `doctor.toml`.
    pub(crate) configured: bool,
    /// The targeting flags of this run, for printed commands.
    pub(crate) flags: Vec<String>,
    /// The paths of the files, in the order of the survey.
    pub(crate) paths: Vec<PathBuf>,
    /// The files with links resolved, in the same order.
    pub(crate) places: Vec<ResolvedFile>,
    /// The expectations about logs and endpoints.
    pub(crate) expectations: Expectations,
}

impl Gathered {
    /// Returns a complete command with these arguments and the target of this run.
    pub(crate) fn repeated(&self, arguments: &[String], world: &World<'_>) -> Vec<String> {
        shell_command::complete(
            &world.program,
            arguments,
            &self.flags,
            self.selection.flags.iter().map(|(_, flag)| flag),
        )
    }

    /// Returns the command that lists the keys of this run.
    pub(crate) fn matrix_command(&self, world: &World<'_>) -> String {
        shell_command::line(&self.repeated(&["matrix".to_owned()], world))
    }
}

/// Gathers both sides. Sends two requests for up to twenty services, and one more to look up a name.
pub(crate) fn gather(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    world.status.waiting("querying Railway");
    client.transport.begin(cache_slot(client, options, session, world), options.along);
    let gathered = read_both_sides(client, options, session, world);
    world.status.done();
    client.transport.finish();
    let mut gathered = gathered?;
    options.only_flag().refuse_unknown(&gathered.survey, &gathered.matrix_command(world))?;
    if options.checks_expectations() {
        expectations::check_expectations(
            ExpectationChecker { client, probe: world.probe, expectations: &gathered.expectations },
            &mut gathered.survey,
        );
    }
    gathered.requests = client.requests();
    gathered.remarks.extend(client.credentials.remarks.iter().cloned());
    gathered.remarks.extend(client.take_remarks());
    Ok(gathered)
}

/// Runs the steps. Each depends on the results of the previous ones.
fn read_both_sides(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    let selected = project_selection::select(client, &session.sources, session.config)
        .map_err(|error| redact_error::redact(error, options, session.config, world))?;
    let local = read_files::read_local(client, &selected, options, session, world)?;
    let stored = read_railway::read_stored(client, &selected.shape, local, options.along, world)?;
    let running = read_runtime::read_running(client, &selected.shape, stored, world);
    Ok(assemble::assemble(client, selected, running, options, session, world))
}

/// Returns the cache slot for the ids of this target, unless the run does not prefetch.
fn cache_slot(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Option<IdCacheSlot> {
    if options.prefetch == Prefetch::Disabled {
        return None;
    }
    let LoginTarget { project, environment } = session.sources.login_target();
    let selection = (options.along, project, environment, &options.targeting.service, options.env_file);
    id_cache_slot::of(client, session.config, &selection, world)
}
