//! Looking at both sides: link, credentials, environment, files, services, values.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::Offset;

use crate::cli::{GlobalArgs, TargetArgs};
use crate::commands::connection::{self, Connection};
use crate::commands::declarations::Declarations;
use crate::commands::env_files::{self, EnvFileSources, EnvFiles, MissingFile};
use crate::commands::expectations::{self, ExpectationChecker, Expectations};
use crate::commands::key_flags::KeyFlag;
use crate::commands::policy::policy;
use crate::commands::project_selection::Sourced;
use crate::commands::project_sources::locate;
use crate::commands::runtime_state;
use crate::commands::service_selection::{self, PartialMatch, ServiceNaming as Scoped, ServiceSelection, Services};
use crate::commands::trust::{TargetOrigin, TrustState};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disputes;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::drift::phrases;
use crate::drift::redact::Redactor;
use crate::drift::rules::RULES;
use crate::drift::service_scope::{Exclusion, providers};
use crate::drift::survey::Coverage;
use crate::drift::{ResourceRef, Severity, Survey, Target};
use crate::error::Error;
use crate::io::config::{self, Config, ConfigChoice};
use crate::io::endpoint::{Domain, DomainStatus};
use crate::io::files::exposure::{self, ExposureTask};
use crate::io::files::{self, ReadOutcome, ResolvedFile};
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway_config_files;
use crate::io::storage::id_cache::IdCacheSlot;
use crate::io::world::World;
use crate::report::shell_command;

/// What a visit is to look at.
#[derive(Debug)]
pub(crate) struct GatherOptions<'o> {
    /// The flags that every verb has.
    pub(crate) global: &'o GlobalArgs,
    /// `--project`, `--environment`, `--service`.
    pub(crate) targeting: &'o TargetArgs,
    /// What its `--service` does.
    pub(crate) service_flags: service_selection::Flags,
    /// `--env-file`.
    pub(crate) env_file: &'o [PathBuf],
    /// `--only`.
    pub(crate) only: &'o [String],
    /// `--timeout`.
    pub(crate) limit: Duration,
    /// What a default `.env` that is not there is taken for.
    pub(crate) absent: MissingFile,
    /// Whether what the last run asked for may be asked for ahead.
    pub(crate) haste: Prefetch,
}

/// Whether a run asks ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefetch {
    /// It does, and remembers for the next one.
    Ahead,
    /// One question after the other, for what is written from it.
    Disabled,
}

/// Both sides, and how they were found.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// What the rules look at.
    pub(crate) survey: Survey,
    /// Who named the project.
    pub(crate) project_origin: String,
    /// Who named the environment.
    pub(crate) environment_origin: String,
    /// Why these services.
    pub(crate) services_origin: String,
    /// Whether the services were named by somebody.
    pub(crate) services_named: Scoped,
    /// The files and who asked for them.
    pub(crate) files: Vec<(String, String)>,
    /// Services that were left out, and why.
    pub(crate) left_out: Vec<(String, Exclusion)>,
    /// What a person should know about the run.
    pub(crate) remarks: Vec<String>,
    /// Requests sent.
    pub(crate) requests: usize,
    /// `fail-on` of `doctor.toml`, or its default.
    pub(crate) fail_on: Option<Severity>,
    /// Whether there is a `doctor.toml`.
    pub(crate) configured: bool,
    /// The services that flags named, each with its flag.
    pub(crate) service_flags: Vec<(String, String)>,
    /// The other targeting flags of this run, for printed commands.
    pub(crate) flags: Vec<String>,
    /// The environment without its values.
    pub(crate) shape: Shape,
    /// Where the files are, in the order of the survey's.
    pub(crate) paths: Vec<PathBuf>,
    /// Where they really are, in the same order.
    pub(crate) places: Vec<ResolvedFile>,
    /// The services that were named by a part of their names.
    pub(crate) parts: Vec<PartialMatch>,
    /// What is declared and must be seen.
    pub(crate) sights: Expectations,
}

impl Gathered {
    /// These arguments as a whole command that is about the same as this run.
    pub(crate) fn repeated(&self, arguments: &[String], world: &World<'_>) -> Vec<String> {
        shell_command::whole(&world.program, arguments, &self.flags, self.service_flags.iter().map(|(_, flag)| flag))
    }
}

/// What there is before Railway is asked: `doctor.toml`, and the way to Railway.
pub(crate) fn prepare(
    options: &GatherOptions<'_>,
    global: &GlobalArgs,
    world: &World<'_>,
) -> Result<(Option<Config>, Connection), Error> {
    KeyFlag { flag: "--only", keys: options.only }.refuse_values()?;
    let config = read_config(global, world)?;
    if options.absent == MissingFile::Refused {
        env_files::refuse_empty_folder(options.env_file, config.as_ref(), &world.folder)?;
    }
    let aim = connection::aim(Some(options.targeting), config.as_ref(), world);
    Ok((config, Connection::open(global, &aim, world)?))
}

/// The `doctor.toml` that the flags ask for, if there is one.
pub(crate) fn read_config(global: &GlobalArgs, world: &World<'_>) -> Result<Option<Config>, Error> {
    load(&choice(global), &world.folder)
}

/// The same for a file that is chosen already.
pub(crate) fn load(choice: &ConfigChoice, folder: &Path) -> Result<Option<Config>, Error> {
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    config::load(choice, folder, &rules)
}

/// Looks at both sides. It asks Railway twice for up to twenty services, once more where a name is all there is.
pub(crate) fn visit(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    config: Option<&Config>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    world.talk.waiting("asking Railway");
    client.wire.begin(remembered(client, options, config, world));
    let found = locate(client, options.targeting, config, world);
    let found = found.map_err(|error| redacted(error, options, config, world));
    let looked = found.and_then(|found| gather(client, found, options, config, world));
    world.talk.done();
    client.wire.finish();
    let mut visit = looked?;
    KeyFlag { flag: "--only", keys: options.only }.refuse_unknown(&visit.survey)?;
    // Findings about no key are not told where keys are asked about.
    if visit.survey.only.is_empty() {
        expectations::check_expectations(
            ExpectationChecker { client, probe: world.probe, sights: &visit.sights },
            &mut visit.survey,
        );
    }
    visit.requests = client.requests();
    visit.remarks.extend(client.credentials.remarks.iter().cloned());
    visit.remarks.extend(client.take_remarks());
    Ok(visit)
}

/// Where the ids of this target are kept, as this folder asks for it. What the files hold is not in the place's name: a guess
/// that is wrong costs a request, and the next is right.
fn remembered(
    client: &Client<'_>,
    options: &GatherOptions<'_>,
    config: Option<&Config>,
    world: &World<'_>,
) -> Option<IdCacheSlot> {
    if options.haste == Prefetch::Disabled {
        return None;
    }
    let aim = connection::aim(Some(options.targeting), config, world);
    let target = format!(
        "{} {} {:?} {:?} {:?} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        client.host(),
        client.credentials.scheme,
        (aim.project, aim.environment),
        options.targeting.service,
        options.env_file,
        config.map(|config| &config.path),
    );
    IdCacheSlot::of(world.cache.as_deref(), &[target.as_bytes(), world.folder.as_os_str().as_encoded_bytes()])
}

pub(crate) fn choice(global: &GlobalArgs) -> ConfigChoice {
    match &global.config {
        Some(path) => ConfigChoice::Path(path.clone()),
        None if global.no_config => ConfigChoice::None,
        None => ConfigChoice::Nearest,
    }
}

/// Files, services and values of the environment that was found.
fn gather(
    client: &Client<'_>,
    found: Sourced,
    options: &GatherOptions<'_>,
    config: Option<&Config>,
    world: &World<'_>,
) -> Result<Gathered, Error> {
    let Sourced { shape, project_origin, environment_origin } = found;
    let services = Services::of(&shape, config);
    let mut layers = EnvFiles::default();
    let git = runtime_state::asker(client, world);
    let sources = EnvFileSources {
        flags: options.env_file,
        config,
        folder: &world.folder,
        environment: &shape.environment,
        absent: options.absent,
        git: &git,
        patience: client.remaining(),
    };
    let mut scope = service_selection::choose(
        (&options.targeting.service, options.service_flags),
        &services,
        sources,
        &mut layers,
    )?;
    for entry in layers.files.iter().flat_map(|file| &file.entries) {
        client.scrubber.add(&entry.key, &entry.value);
    }
    let policy = config.map(|config| policy(config, &services)).transpose()?.unwrap_or_default();
    let declarations = config.map(|config| Declarations::of(config, &services)).transpose()?.unwrap_or_default();
    let looking = ExposureTask::start(&layers.paths, &world.folder, git);
    let (mut targets, staged) = read_targets(client, &shape, &scope, world)?;
    leave_out_providers(&mut scope, &mut targets, &shape);
    for target in &mut targets {
        target.declared = declarations.declared(&target.service.id);
    }
    if options.targeting.service.is_empty() {
        scope.remarks.extend(declarations.unlooked(&targets, &services));
    }
    let aimed = TargetOrigin {
        project: &shape.project,
        project_origin: &project_origin,
        environment: &shape.environment,
        environment_origin: &environment_origin,
        targeting: options.targeting,
        credentials: client.credentials,
        host: &client.host(),
    };
    let trust = TrustState::of(config, aimed, world).naming(layers.only_declared.clone(), scope.aliases.clone());
    let times = runtime_state::read_details(client, &shape, &mut targets);
    runtime_state::relate_commits(client, &shape, &mut targets, world);
    let exposures = looking.finish();
    layers.mark_checkout_files(&exposures, &trust);
    let examples = layers.examples(&world.folder);
    let today = Offset::UTC.to_datetime(world.clock.now()).date();
    Ok(Gathered {
        flags: flags(options),
        remarks: [scope.remarks, layers.remarks, exposure::remarks(&exposures)].concat(),
        survey: Survey {
            catalogue: catalogue(&shape),
            project: shape.project.clone(),
            environment: shape.environment.clone(),
            examples,
            files: layers.files,
            exposures,
            disputes: Disputes::default(),
            targets,
            staged,
            times,
            policy,
            only: options.only.iter().cloned().collect::<BTreeSet<_>>(),
            coverage: coverage(options, config, &shape.environment),
            proved: BTreeSet::new(),
            infrastructure: railway_config_files::infrastructure_file(&world.folder),
            today,
        },
        sights: Expectations { declarations, domains: domains(&shape), trust, fronts: RefCell::default() },
        project_origin,
        environment_origin,
        services_origin: scope.origin,
        services_named: scope.named,
        service_flags: scope.flags,
        left_out: scope.left_out,
        files: layers.origins,
        paths: layers.paths,
        places: layers.places,
        parts: scope.parts,
        shape,
        requests: 0,
        fail_on: config
            .and_then(|config| config.fail_on)
            .map_or(Some(Severity::Error), config::FailOnSetting::severity),
        configured: config.is_some(),
    })
}

/// Whether flags leave out something that `doctor.toml` is about.
fn coverage(options: &GatherOptions<'_>, config: Option<&Config>, environment: &ResourceRef) -> Coverage {
    let usual = config.and_then(|config| config.environment.as_ref());
    let is_elsewhere = usual.is_some_and(|usual| ![&environment.id, &environment.name].contains(&&usual.value));
    let is_part = [options.targeting.service.len(), options.env_file.len(), options.only.len()] != [0; 3];
    if is_part || is_elsewhere { Coverage::Part } else { Coverage::Whole }
}

/// The domains that Railway reports, by the id of the service.
fn domains(shape: &Shape) -> BTreeMap<String, Observed<Vec<Domain>>> {
    let own = |names: &Vec<String>| {
        names.iter().map(|name| Domain { name: name.clone(), standing: DomainStatus::Railways }).collect::<Vec<_>>()
    };
    let told = |domains: &Observed<Vec<String>>| match domains {
        Observed::Known(names) => Observed::Known(own(names)),
        Observed::Unavailable(why) => Observed::Unavailable(why.clone()),
        Observed::NotRequested => Observed::NotRequested,
    };
    shape.services.iter().map(|one| (one.service.id.clone(), told(&one.domains))).collect()
}

fn read_targets(
    client: &Client<'_>,
    shape: &Shape,
    scope: &ServiceSelection,
    world: &World<'_>,
) -> Result<(Vec<Target>, Observed<Option<StagedChanges>>), Error> {
    if scope.chosen.is_empty() {
        return Ok((Vec::new(), Observed::NotRequested));
    }
    world.talk.waiting(&format!("reading the variables of {}", phrases::count(scope.chosen.len(), "service")));
    let services: Vec<&ServiceShape> = scope.chosen.iter().map(|chosen| &shape.services[chosen.index]).collect();
    let read = client.values_and_running(shape, &services)?;
    let targets = scope.chosen.iter().zip(read.stored.into_iter().zip(read.got)).map(|(chosen, (stored, got))| {
        let service = &shape.services[chosen.index];
        Target {
            alias: chosen.alias.clone(),
            live: runtime_state::live(service, got, client.scrubber, &world.folder),
            ..Target::new(service.service.clone(), chosen.layers.clone(), stored)
        }
    });
    Ok((targets.collect(), read.staged))
}

/// A service that others take values from is a provider; that shows only in the values. Named ones stay.
fn leave_out_providers(scope: &mut ServiceSelection, targets: &mut Vec<Target>, shape: &Shape) {
    if scope.named == Scoped::Yes {
        return;
    }
    let templates = targets.iter().flat_map(|target| {
        let stored = target.stored.iter().flat_map(BTreeMap::values);
        stored.filter_map(|variable| Some((target.service.name.as_str(), variable.template()?.expose())))
    });
    let providers = providers(templates, &catalogue(shape));
    targets.retain(|target| {
        let takers = providers.get(&target.service.name);
        if let Some(takers) = takers {
            let why = Exclusion::Provider { takers: takers.iter().cloned().collect() };
            scope.left_out.push((target.service.name.clone(), why));
        }
        takers.is_none()
    });
    scope.left_out.sort();
}

fn catalogue(shape: &Shape) -> Catalogue {
    Catalogue {
        services: shape
            .services
            .iter()
            .map(|service| (service.service.name.clone(), service.variables.keys().cloned().collect()))
            .collect(),
        shared: shape.shared.clone(),
    }
}

/// The flags that a printed command needs to be about the same thing.
fn flags(options: &GatherOptions<'_>) -> Vec<String> {
    let (targeting, global) = (options.targeting, options.global);
    let mut flags = Vec::new();
    flags.extend(targeting.project.iter().map(|project| format!("--project={project}")));
    flags.extend(targeting.environment.iter().map(|environment| format!("--environment={environment}")));
    flags.extend(options.env_file.iter().map(|path| format!("--env-file={}", path.display())));
    flags.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    flags.extend(global.no_config.then(|| "--no-config".to_owned()));
    flags.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
    flags
}

/// An error that quotes Railway may come before any file was read, and be about a value of one all the same.
fn redacted(mut error: Error, options: &GatherOptions<'_>, config: Option<&Config>, world: &World<'_>) -> Error {
    let Some(said) = error.railway_errors_mut() else { return error };
    let named = options.env_file.iter().map(|path| world.folder.join(path));
    let configured = config
        .into_iter()
        .flat_map(|config| config.env_file.iter().flatten().filter_map(|path| config.file(path).ok()));
    let scrubber = Redactor::default();
    for path in named.chain(configured).chain([world.folder.join(".env")]) {
        if let ReadOutcome::Text(text) = files::read_text(&path, files::ENV_FILE_LIMIT) {
            for entry in &LocalFile::parse("", text).entries {
                scrubber.add(&entry.key, &entry.value);
            }
        }
    }
    for message in said.messages.iter_mut().chain(&mut said.traces) {
        *message = scrubber.redact(message);
    }
    error
}
