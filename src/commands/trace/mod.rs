//! `doctor trace`: finds where the value of a key is used.
//!
//! It never changes anything on Railway, because it has no access to the code that sends changes.

mod everywhere;

use crate::cli::{GlobalArgs, TraceOptions};
use crate::commands::gather::Prefetch;
use crate::commands::key_value::{KeyRequest, KeySides, unread_running};
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::session::Session;
use crate::commands::trace::everywhere::RequestConsent;
use crate::commands::{config_file, timeout};
use crate::drift::trace::search::{self, SearchedEnvironment, SearchedValue};
use crate::drift::trace::source::ValueOrigin;
use crate::drift::trace::{Trace, Usage};
use crate::error::{Error, Exit};
use crate::io::railway::client::Client;
use crate::io::world::World;
use crate::report::{Report, TraceReport, TraceRole, shell_command};

/// Searches for the value of the key, and reports its places.
pub(crate) fn run(
    key: &str,
    options: &TraceOptions,
    global: &GlobalArgs,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let request = KeyRequest { command: "trace", key, from: options.from.as_deref(), flags: &[] };
    request.refuse_value()?;
    let limit = timeout::parse(options.time_limit())?;
    let output = OutputOptions::of(
        OutputRequest {
            format: options.report.format,
            file: options.report.file.as_deref(),
            reveal: RevealFlags::default(),
            inputs: &options.files.env_file,
            global,
        },
        world,
    )?;
    let config = config_file::read(global, world)?;
    let gather = KeyRequest::options(&options.targeting, &options.files.env_file, limit, global, Prefetch::Ahead);
    let session = Session::open(config.as_ref(), &gather, world)?;
    let client = session.client(limit, world);
    let sides = request.read(&client, &gather, &session, world)?;
    request.refuse_untraceable(&sides, world)?;
    let wanted = SearchedValue { key, value: &sides.found.value };
    let mut trace = sides.trace(wanted);
    let mut others = Elsewhere::default();
    if options.everywhere {
        others = search_elsewhere(&client, &sides, wanted, options, world)?;
        trace.environments.append(&mut others.trace.environments);
    }
    let error = sides.first_error().or(others.error.as_ref());
    let exit = error.map_or(Exit::Clean, Error::exit);
    let output = output.about(&sides.gathered.survey.files, world);
    let unsearched = [sides.unsearched(), others.unsearched].concat();
    let found = Found { trace, unsearched, remarks: others.remarks };
    let report = report(&request, sides, found, world);
    let report = Report { requests: client.requests(), exit_code: exit.code(), ..report };
    output.write_report(&report, world)?;
    Ok(exit)
}

/// The places in other environments.
#[derive(Default)]
struct Elsewhere {
    trace: Trace,
    unsearched: Vec<String>,
    remarks: Vec<String>,
    error: Option<Error>,
}

fn search_elsewhere(
    client: &Client<'_>,
    sides: &KeySides,
    wanted: SearchedValue<'_>,
    options: &TraceOptions,
    world: &mut World<'_>,
) -> Result<Elsewhere, Error> {
    let from = options.from.iter().map(|from| format!("--from={from}"));
    let words = ["trace", wanted.key, "--everywhere", "--yes"].map(str::to_owned).into_iter().chain(from);
    let command = shell_command::line(&sides.gathered.repeated(&words.collect::<Vec<_>>(), world));
    let consent = RequestConsent { yes: options.yes, command };
    let (mut trace, mut unread) = (Trace::default(), Vec::new());
    let searched = &sides.gathered.survey.environment;
    let read = everywhere::read(client, searched, &consent, world, &mut |one| {
        let searched = SearchedEnvironment {
            project: &one.project,
            environment: &one.environment,
            targets: &one.targets,
            shared: &one.shared,
            catalogue: &one.catalogue,
        };
        trace.environments.push(search::environment(searched, wanted));
        let place = format!("{} · {}", one.project.name, one.environment.name);
        unread.extend(unread_running(&one.targets).iter().map(|what| format!("{place}: {what}")));
    })?;
    let unsearched = [unread, read.unsearched].concat();
    Ok(Elsewhere { trace, unsearched, remarks: read.remarks, error: read.error })
}

/// What was found.
struct Found {
    trace: Trace,
    unsearched: Vec<String>,
    remarks: Vec<String>,
}

fn report(request: &KeyRequest<'_>, sides: KeySides, found: Found, world: &World<'_>) -> Report {
    let rotate_command = rotate_command(request, &sides, &found.trace, world);
    let gathered = sides.gathered;
    let trace = TraceReport {
        key: request.key.to_owned(),
        value: sides.found.value,
        origin: sides.found.origin.name(),
        role: TraceRole::Found,
        trace: found.trace,
        unsearched: found.unsearched,
        rotate_command,
    };
    Report {
        command: "trace",
        program: world.program.clone(),
        flags: gathered.flags,
        service_flags: gathered.selection.flags,
        project: gathered.survey.project,
        project_origin: gathered.selected.project_origin,
        environment: gathered.survey.environment,
        environment_origin: gathered.selected.environment_origin,
        services_origin: gathered.selection.origin,
        files: gathered.files,
        remarks: [gathered.remarks, found.remarks].concat(),
        time: Some(world.clock.now()),
        configured: gathered.configured,
        trace: Some(trace),
        ..Report::default()
    }
}

/// Returns the command that changes the value in all places of the environment, if it has any.
fn rotate_command(request: &KeyRequest<'_>, sides: &KeySides, trace: &Trace, world: &World<'_>) -> Option<Vec<String>> {
    let is_other = |key: &str, usage: &Usage| key != request.key && matches!(usage, Usage::Stored(_));
    let places = &trace.environments.first()?.places;
    // References follow, and a value that only runs is replaced by a deployment.
    if !places.iter().any(|place| matches!(place.usage, Usage::Stored(_))) {
        return None;
    }
    let has_others = places.iter().any(|place| is_other(&place.key, &place.usage))
        || trace.files.iter().any(|place| place.key != request.key);
    let mut words = vec!["rotate".to_owned(), request.key.to_owned()];
    let from = match &sides.found.origin {
        ValueOrigin::File(_) => None,
        ValueOrigin::Railway(_) => request.from.map(|from| format!("--from={from}")),
    };
    words.extend(from);
    words.extend(has_others.then(|| "--all-copies".to_owned()));
    Some(sides.gathered.repeated(&words, world))
}
