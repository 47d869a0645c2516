//! Combines the results of the steps for the rules and the report.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::tz::Offset;

use crate::cli::ProjectArgs;
use crate::commands::expectations::Expectations;
use crate::commands::gather::read_files::LocalSide;
use crate::commands::gather::read_railway::{StoredSides, catalogue};
use crate::commands::gather::read_runtime::RunningSides;
use crate::commands::gather::{GatherOptions, Gathered};
use crate::commands::missing_file::MissingFile;
use crate::commands::project_selection::{SelectedEnvironment, TargetSources, is_uuid};
use crate::commands::service_selection::ServiceSelection;
use crate::commands::session::Session;
use crate::commands::trust::{TrustState, TrustSubject};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::example_file::Example;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::observed::Observed;
use crate::drift::service_scope::Exclusion;
use crate::drift::survey::Coverage;
use crate::drift::{ResourceRef, Severity, Survey, Target};
use crate::io::config::{self, Config};
use crate::io::endpoint::{Domain, DomainStatus};
use crate::io::files::{self, exposure};
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway_config_files;
use crate::io::world::World;

/// Waits for git, and combines both sides.
pub(super) fn assemble(
    client: &Client<'_>,
    selected: SelectedEnvironment,
    running: RunningSides,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Gathered {
    let RunningSides { stored: StoredSides { local, targets, staged, shared }, times } = running;
    let LocalSide { services, mut selection, mut files, examples, exposures, policy, declarations } = local;
    let (config, shape) = (session.config, &selected.shape);
    let aliases = std::mem::take(&mut selection.aliases);
    let trust = trust(client, &selected, session, world).with_names(files.only_declared.clone(), aliases);
    let exposures = exposures.finish();
    files.mark_checkout_files(&exposures, &trust);
    let mut remarks = std::mem::take(&mut selection.remarks);
    if options.targeting.service.is_empty() {
        remarks.extend(declarations.out_of_scope_remarks(&targets, &services));
    }
    remarks.extend(files.remarks);
    remarks.extend(exposure::remarks(&exposures));
    let fail_on = config.and_then(|config| config.fail_on);
    let declared_by = declared_by(config, &examples, &targets, &files.files);
    Gathered {
        survey: Survey {
            catalogue: Catalogue { elsewhere: elsewhere(&selection), ..catalogue(shape) },
            project: shape.project.clone(),
            environment: shape.environment.clone(),
            examples,
            files: files.files,
            exposures,
            loader_conflicts: Disagreements::default(),
            targets,
            staged,
            times,
            policy,
            only: options.only.iter().cloned().collect(),
            coverage: coverage(options, config, &shape.environment),
            counterpart: None,
            proved: BTreeSet::new(),
            infrastructure: railway_config_files::infrastructure_file(&world.directory),
            today: Offset::UTC.to_datetime(world.clock.now()).date(),
        },
        expectations: Expectations { declarations, domains: domains(shape), trust, fronts: RefCell::default() },
        flags: flags(options, &selected, session, &world.directory),
        remarks,
        selected,
        selection,
        shared,
        files: files.origins,
        declarations: declared_by,
        unread_layers: files.unread_layers.into_iter().collect(),
        paths: files.paths,
        places: files.places,
        requests: 0,
        fail_on: fail_on.map_or(Some(Severity::Error), config::FailOnSetting::severity),
        configured: config.is_some(),
    }
}

fn trust(client: &Client<'_>, selected: &SelectedEnvironment, session: &Session<'_>, world: &World<'_>) -> TrustState {
    let (config, sources, host) = (session.config, &session.sources, client.host());
    TrustState::of(TrustSubject { config, selected, sources, credentials: client.credentials, host: &host }, world)
}

/// Returns the names of the files that declare needs, if a service is compared with no file.
fn declared_by(config: Option<&Config>, examples: &[Example], targets: &[Target], files: &[LocalFile]) -> Vec<String> {
    let is_template = |example: &&Example| example.declares_needs();
    let has_files = if targets.is_empty() { !files.is_empty() } else { targets.iter().all(Target::has_file) };
    if examples.iter().filter(is_template).count() == 0 && has_files {
        return Vec::new();
    }
    let config = config.filter(|config| !config.require.is_empty()).map(|config| config.name.clone());
    let templates = examples.iter().filter(is_template).map(|example| example.file.name.clone());
    config.into_iter().chain(templates).collect()
}

/// Returns the services that were left out because they are built from other directories.
fn elsewhere(selection: &ServiceSelection) -> BTreeSet<String> {
    let left_out = selection.left_out.iter();
    let built_elsewhere = left_out.filter(|(_, why)| matches!(why, Exclusion::Elsewhere { .. }));
    built_elsewhere.map(|(name, _)| name.clone()).collect()
}

/// Returns whether flags exclude a part of what `doctor.toml` covers.
fn coverage(options: &GatherOptions<'_>, config: Option<&Config>, environment: &ResourceRef) -> Coverage {
    let usual = config.and_then(|config| config.environment.as_ref());
    let is_elsewhere = usual.is_some_and(|usual| ![&environment.id, &environment.name].contains(&&usual.value));
    let is_part = [options.targeting.service.len(), options.env_file.len(), options.only.len()] != [0; 3];
    if is_part || is_elsewhere { Coverage::Part } else { Coverage::Whole }
}

/// Returns the domains that Railway reports, by service id.
fn domains(shape: &Shape) -> BTreeMap<String, Observed<Vec<Domain>>> {
    let own = |names: &Vec<String>| {
        names.iter().map(|name| Domain { name: name.clone(), status: DomainStatus::Railways }).collect::<Vec<_>>()
    };
    let observed = |domains: &Observed<Vec<String>>| match domains {
        Observed::Known(names) => Observed::Known(own(names)),
        Observed::Unavailable(why) => Observed::Unavailable(why.clone()),
        Observed::NotRequested => Observed::NotRequested,
    };
    shape.services.iter().map(|one| (one.service.id.clone(), observed(&one.domains))).collect()
}

/// Returns `--project` and `--environment` if they were typed. The id of a project stays, because several projects may
/// have its name, unless the link gives the same project.
fn target_flags(typed: &ProjectArgs, selected: &SelectedEnvironment, sources: &TargetSources) -> Vec<String> {
    let Shape { project, environment, .. } = &selected.shape;
    let needs_project = |typed: &&String| **typed != project.id || !sources.link_names(&project.id);
    let short = |typed: &String| {
        if *typed == environment.id && !is_uuid(&environment.name) { environment.name.clone() } else { typed.clone() }
    };
    let project = typed.project.iter().filter(needs_project).map(|project| format!("--project={project}"));
    let environment = typed.environment.iter().map(|typed| format!("--environment={}", short(typed)));
    project.chain(environment).collect()
}

/// Returns the flags that a printed command needs for the same target.
fn flags(
    options: &GatherOptions<'_>,
    selected: &SelectedEnvironment,
    session: &Session<'_>,
    directory: &Path,
) -> Vec<String> {
    let global = options.global;
    let mut flags = target_flags(&options.targeting.place, selected, &session.sources);
    let mut files: Vec<_> = options.env_file.iter().map(|path| files::repeatable_path(path, directory)).collect();
    // Several descriptors become one standard input.
    files.dedup();
    flags.extend(files.iter().map(|path| format!("--env-file={}", path.display())));
    flags.extend((options.missing_file == MissingFile::Excluded).then(|| "--no-env-file".to_owned()));
    flags.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    flags.extend(global.no_config.then(|| "--no-config".to_owned()));
    flags.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
    flags
}
