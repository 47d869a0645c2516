//! Gathers both sides of a comparison: project and environment, local files, what Railway stores, and what runs.
//!
//! [`gather`] is the list of steps; each has a file.

mod assemble;
mod options;
mod read_files;
mod read_railway;
mod read_runtime;
mod redact_error;
mod refresh;

use std::path::PathBuf;

use crate::commands::expectations::{self, ExpectationChecker, Expectations};
pub(crate) use crate::commands::gather::options::{GatherOptions, Prefetch};
pub(crate) use crate::commands::gather::refresh::refresh;
use crate::commands::project_selection::{self, SelectedEnvironment};
use crate::commands::service_selection::ServiceSelection;
use crate::commands::session::Session;
use crate::drift::{Severity, Survey};
use crate::error::Error;
use crate::io::files::ResolvedFile;
use crate::io::railway::client::Client;
use crate::io::storage::id_cache::IdCacheSlot;
use crate::io::world::World;
use crate::report::shell_command;

/// Both sides, and what named them.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// What the rules compare.
    pub(crate) survey: Survey,
    /// Project and environment, and what named them.
    pub(crate) selected: SelectedEnvironment,
    /// Why these services, and not the others.
    pub(crate) selection: ServiceSelection,
    /// The files and who asked for them.
    pub(crate) files: Vec<(String, String)>,
    /// What a person should know about the run.
    pub(crate) remarks: Vec<String>,
    /// Requests sent.
    pub(crate) requests: usize,
    /// `fail-on` of `doctor.toml`, or its default.
    pub(crate) fail_on: Option<Severity>,
    /// Whether there is a `doctor.toml`.
    pub(crate) configured: bool,
    /// The targeting flags of this run, for printed commands.
    pub(crate) flags: Vec<String>,
    /// Where the files are, in the order of the survey's.
    pub(crate) paths: Vec<PathBuf>,
    /// Where they really are, in the same order.
    pub(crate) places: Vec<ResolvedFile>,
    /// What is declared of logs and endpoints.
    pub(crate) expectations: Expectations,
}

impl Gathered {
    /// These arguments as a whole command that is about the same as this run.
    pub(crate) fn repeated(&self, arguments: &[String], world: &World<'_>) -> Vec<String> {
        shell_command::whole(&world.program, arguments, &self.flags, self.selection.flags.iter().map(|(_, flag)| flag))
    }
}

/// Gathers both sides. It sends two requests for up to twenty services, and one more where a name is all there is.
pub(crate) fn gather(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    world.talk.waiting("asking Railway");
    client.wire.begin(remembered(client, options, session, world));
    let gathered = read_both_sides(client, options, session, world);
    world.talk.done();
    client.wire.finish();
    let mut gathered = gathered?;
    options.only_flag().refuse_unknown(&gathered.survey)?;
    // Findings about no key are not reported where keys are asked about.
    if gathered.survey.only.is_empty() {
        expectations::check_expectations(
            ExpectationChecker { client, probe: world.probe, sights: &gathered.expectations },
            &mut gathered.survey,
        );
    }
    gathered.requests = client.requests();
    gathered.remarks.extend(client.credentials.remarks.iter().cloned());
    gathered.remarks.extend(client.take_remarks());
    Ok(gathered)
}

/// The steps, each of which needs the results of those before it.
fn read_both_sides(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    let selected = project_selection::select(client, &session.sources, session.config)
        .map_err(|error| redact_error::redact(error, options, session.config, world))?;
    let local = read_files::read_local(client, &selected, options, session, world)?;
    let stored = read_railway::read_stored(client, &selected.shape, local, world)?;
    let running = read_runtime::read_running(client, &selected.shape, stored, world);
    Ok(assemble::assemble(client, selected, running, options, session, world))
}

/// Where the ids of this target are kept, as this folder asks for it. What the files hold is not in the place's name: a guess
/// that is wrong costs a request, and the next is right.
fn remembered(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Option<IdCacheSlot> {
    if options.haste == Prefetch::Disabled {
        return None;
    }
    let aim = session.sources.login_target();
    let target = format!(
        "{} {} {:?} {:?} {:?} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        client.host(),
        client.credentials.scheme,
        (aim.project, aim.environment),
        options.targeting.service,
        options.env_file,
        session.config.map(|config| &config.path),
    );
    IdCacheSlot::of(world.cache.as_deref(), &[target.as_bytes(), world.folder.as_os_str().as_encoded_bytes()])
}
