//! `doctor rotate`: replaces the value of a key in the local file, on every service that has it, and optionally in all
//! other places that contain it. It plans, asks for confirmation and applies the plan as `fix` does, and then searches
//! for the old value again.

mod confirm;
mod copies;
mod new_value;
mod outcome;
mod planner;
mod refusals;
mod unfinished;

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::{GlobalArgs, RotateOptions};
use crate::commands::apply::{self, Applied, ApplyContext, ExpectedOfDeployments, StepNames};
use crate::commands::expectations::ExpectationChecker;
use crate::commands::fix;
use crate::commands::gather::{Gathered, Prefetch};
use crate::commands::key_flags::KeyFlag;
use crate::commands::key_value::{KeyRequest, KeySides};
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::planned_changes::PlanContext;
use crate::commands::rotate::new_value::{NewValueRequest, ValueSource};
use crate::commands::rotate::outcome::AppliedRotation;
use crate::commands::rotate::planner::{PlannedRotation, RotationPlanner};
use crate::commands::session::Session;
use crate::commands::write_guards::Committed;
use crate::commands::{config_file, protected_environments, timeout};
use crate::drift::rotation::{
    self, CopySelection, OtherService, Rotation, RotationRequest, SealedHolders, SharedScope, UnfinishedRotation,
};
use crate::drift::trace::search::SearchedValue;
use crate::drift::trace::traceable;
use crate::drift::{ResourceRef, Secret, Variable};
use crate::error::{Error, Exit};
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::io::storage::journal::{Journal, RecordedCommand};
use crate::io::world::World;
use crate::report::{Format, Report};

/// Stands for the new value in checks that come before it.
const SAMPLE: &str = "0123456789abcdef0123456789ABCDEF";

/// A rotation and its inputs.
struct RotateRun<'r> {
    options: &'r RotateOptions,
    request: KeyRequest<'r>,
    output: OutputOptions<'r>,
    config: Option<&'r Config>,
    client: &'r Client<'r>,
    sides: KeySides,
    input: RotateInput,
    /// The new value, once it is known.
    new: Option<Secret>,
}

/// What a rotation replaces, and with what.
struct RotateInput {
    source: ValueSource,
    copies: CopySelection,
    unfinished: Option<UnfinishedRotation>,
    /// Whether the old value can be searched for under other keys.
    is_traceable: bool,
    /// The database services that are out of scope.
    databases: Vec<OtherService>,
}

/// Runs `doctor rotate`.
pub(crate) fn run(
    key: &str,
    options: &RotateOptions,
    global: &GlobalArgs,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let flags = confirm::flags(key, options);
    let request = KeyRequest { command: "rotate", key, from: options.from.as_deref(), flags: &flags };
    request.refuse_value()?;
    refusals::refuse_keys(key, options)?;
    KeyFlag { flag: "--allow-sealed", keys: &options.allow_sealed }.refuse_values()?;
    let source = ValueSource::of(options, world)?;
    let limit = timeout::parse(&options.timeout)?;
    let (format, file) = (options.report.format, options.report.file.as_deref());
    let reveal = RevealFlags { values: false, logs: options.show_logs };
    let output = OutputRequest { format, file, reveal, inputs: &options.files.env_file, global };
    let output = OutputOptions::of(output, world)?;
    let config = config_file::read(global, world)?;
    let gather = KeyRequest::options(&options.targeting, &options.files.env_file, limit, global, Prefetch::Disabled);
    let session = Session::open(config.as_ref(), &gather, world)?;
    let client = session.client(limit, world);
    let mut sides = request.read(&client, &gather, &session, world)?;
    if options.yes && !options.dry_run {
        fix::refuse_parts(&sides.gathered)?;
        refusals::refuse_partial_source(&request, &sides, config.as_ref())?;
    }
    // A place that can't be read might keep the old value.
    if let Some(error) = sides.first_error() {
        return Err(error.clone());
    }
    let is_traceable = traceable::objection(key, &sides.found.value).is_none();
    if options.all_copies {
        request.refuse_untraceable(&sides, world)?;
    }
    let output = output.about(&sides.gathered.survey.files, world);
    let unfinished = unfinished::find(key, &sides, &client, world).unwrap_or_else(|error| {
        let remark = format!("an earlier rotation can't be continued: {}", error.with_cause(": "));
        sides.gathered.remarks.push(remark);
        None
    });
    let databases = databases(&sides.gathered, &client)?;
    let copies = if options.all_copies { CopySelection::All } else { CopySelection::Selected(BTreeSet::new()) };
    let config = config.as_ref();
    let (new, client) = (None, &client);
    let input = RotateInput { source, copies, unfinished, is_traceable, databases };
    RotateRun { options, request, output, config, client, sides, input, new }.execute(world)
}

/// Reads the database services out of scope: one request for every twenty.
fn databases(gathered: &Gathered, client: &Client<'_>) -> Result<Vec<OtherService>, Error> {
    let (survey, shape) = (&gathered.survey, &gathered.selected.shape);
    let is_other = |service: &&ServiceShape| {
        survey.catalogue.databases.contains(&service.service.name)
            && survey.targets.iter().all(|target| target.service != service.service)
    };
    let others: Vec<&ServiceShape> = shape.services.iter().filter(is_other).collect();
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let values = client.values(shape, &others)?.into_iter();
    others.iter().zip(values).map(|(service, stored)| Ok((service.service.clone(), stored?))).collect()
}

impl RotateRun<'_> {
    fn gathered(&self) -> &Gathered {
        &self.sides.gathered
    }

    /// Returns the shared variables, which were read before the run started.
    fn shared(&self) -> BTreeMap<String, Variable> {
        self.sides.shared.as_ref().cloned().unwrap_or_default()
    }

    /// Returns whether the environment's name must be typed to confirm a plan.
    fn is_protected(&self) -> bool {
        let environment = &self.gathered().survey.environment;
        protected_environments::is_protected(self.config, &[&environment.name, &environment.id])
    }

    fn execute(mut self, world: &mut World<'_>) -> Result<Exit, Error> {
        confirm::confirm_trust(&mut self, world)?;
        // Refused before the user types a value that is then discarded.
        let sample = self.rotation(&Secret::new(SAMPLE), world)?;
        if matches!(self.input.source, ValueSource::Prompt) {
            world.status.print_line(&copies::introduction(&self, &sample));
        }
        let new = self.input.source.obtain(self.new_value(), world)?;
        self.new = Some(new.clone());
        let mut rotation = self.rotation(&new, world)?;
        if copies::select(&mut self, &rotation, world)? {
            rotation = self.rotation(&new, world)?;
        }
        let mut planned = self.plan(&rotation, world)?;
        planned.plan.cautions.splice(0..0, copies::cautions(&self, &rotation));
        if planned.plan.is_empty() {
            return outcome::nothing_to_do(self, planned, world);
        }
        for (index, file) in std::mem::take(&mut planned.edited) {
            // Declared requests send the new value.
            self.sides.gathered.survey.files[index] = file;
        }
        let part = match confirm::obtain(&self, &planned, world) {
            Ok(part) => part,
            Err(error) => return self.refused(error, planned, world),
        };
        if self.options.dry_run {
            return confirm::dry_run(self, planned, part, world);
        }
        let applied = self.apply(&planned, world)?;
        outcome::finish(self, AppliedRotation { planned, applied, part }, world)
    }

    /// Returns what the new value has to differ from. The new value of a continued rotation may be stored already.
    fn new_value(&self) -> NewValueRequest<'_> {
        let (client, key, input) = (self.client, self.request.key, &self.input);
        let old = Some(&self.sides.found.value).filter(|_| input.unfinished.is_none());
        NewValueRequest { client, key, old, is_traceable: input.is_traceable }
    }

    fn rotation(&self, new: &Secret, world: &World<'_>) -> Result<Rotation, Error> {
        let shared = self.shared();
        let planned = rotation::plan(RotationRequest {
            survey: &self.gathered().survey,
            shared: &shared,
            databases: &self.input.databases,
            key: self.request.key,
            old: &self.sides.found.value,
            new,
            is_traceable: self.input.is_traceable,
            copies: &self.input.copies,
            keep_old_as: self.options.keep_old_as.as_deref(),
            sealed: if self.options.allow_sealed.is_empty() { SealedHolders::Kept } else { SealedHolders::Overwritten },
            shared_scope: if self.options.targeting.service.is_empty() {
                SharedScope::Included
            } else {
                SharedScope::Excluded
            },
            unfinished: self.input.unfinished.as_ref(),
        });
        planned.map_err(|refusal| refusals::error(self, refusal, world))
    }

    fn plan(&self, rotation: &Rotation, world: &World<'_>) -> Result<PlannedRotation, Error> {
        let planner = RotationPlanner {
            context: PlanContext {
                client: self.client,
                gathered: self.gathered(),
                options: &self.output.text_options(world),
                folder: &world.directory,
            },
            committed: Committed::of(self.options.allow_tracked),
            stale: self.stale(),
        };
        planner.plan(rotation)
    }

    /// Returns the old value, to search for it.
    fn wanted(&self) -> SearchedValue<'_> {
        SearchedValue { key: self.request.key, value: &self.sides.found.value }
    }

    /// Returns the values that this run replaces.
    fn replaced_values(&self) -> Vec<&Secret> {
        let earlier = self.input.unfinished.iter().flat_map(UnfinishedRotation::values);
        let mut values = vec![&self.sides.found.value];
        for value in earlier {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.retain(|value| self.new.as_ref() != Some(*value));
        values
    }

    /// Returns the services whose running deployment has a replaced value although it is not stored. They are deployed
    /// with all copies, or if an earlier rotation was to deploy them.
    fn stale(&self) -> BTreeSet<ResourceRef> {
        if !self.input.is_traceable {
            return BTreeSet::new();
        }
        let key = self.request.key;
        let values = self.replaced_values().into_iter();
        let running = values.flat_map(|value| unfinished::running_only(&self.sides, SearchedValue { key, value }));
        let is_due = |service: &ResourceRef| {
            let earlier = self.input.unfinished.as_ref();
            self.input.copies == CopySelection::All || earlier.is_some_and(|earlier| earlier.deploys.contains(service))
        };
        running.map(|place| place.service).filter(is_due).collect()
    }

    fn apply(&self, planned: &PlannedRotation, world: &World<'_>) -> Result<Applied, Error> {
        let redeploy = self.gathered().repeated(&["fix", "--redeploy"].map(str::to_owned), world);
        let checker =
            ExpectationChecker { client: self.client, probe: world.probe, expectations: &self.gathered().expectations };
        let context = ApplyContext {
            redeploy_command: &redeploy,
            client: self.client,
            shape: &self.gathered().selected.shape,
            interrupt: world.interrupt,
            folder: &world.directory,
            state: world.state.as_deref(),
            files: &[],
            loader: self.gathered().survey.policy.loader,
            on_staged: fix::on_staged(self.options.on_staged),
            logs: self.output.logs,
            expected: Some(ExpectedOfDeployments { checker, survey: &self.gathered().survey }),
        };
        let journal = Journal::open(world.state.as_deref(), world.keyring);
        let _lock = (!self.options.no_journal).then(|| journal?.lock()).transpose()?;
        let mut applied = apply::apply(context, &planned.plan, StepNames::Rotate, |receipts| {
            if self.options.no_journal {
                return Ok(None);
            }
            let (command, protected) = (RecordedCommand::Rotate, self.is_protected());
            let extras = fix::JournalExtras { command, receipts, undoes: None, protected };
            fix::record(context, &planned.plan, &extras, world).map(Some)
        })?;
        fix::forget_idle(&mut applied, world);
        Ok(applied)
    }

    /// Returns the error. With `--format json`, writes the report with the plan first.
    fn refused(self, error: Error, planned: PlannedRotation, world: &mut World<'_>) -> Result<Exit, Error> {
        let is_untrusted = matches!(error, Error::Untrusted { .. } | Error::TrustOutdated { .. });
        let is_unconfirmed = is_untrusted || error.is_declined() || matches!(error, Error::NotConfirmed { .. });
        if self.output.format == Format::Json && is_unconfirmed {
            let output = self.output;
            let report = confirm::planned_report(self, planned, error.exit(), world);
            output.write_report(&report, world)?;
        }
        Err(error)
    }

    fn report(self, exit: Exit, world: &World<'_>) -> Report {
        let requests = self.client.requests();
        let gathered = self.sides.gathered;
        Report {
            command: "rotate",
            program: world.program.clone(),
            flags: gathered.flags,
            service_flags: gathered.selection.flags,
            project: gathered.survey.project,
            project_origin: gathered.selected.project_origin,
            environment: gathered.survey.environment,
            environment_origin: gathered.selected.environment_origin,
            services_origin: gathered.selection.origin,
            files: gathered.files,
            remarks: gathered.remarks,
            requests,
            time: Some(world.clock.now()),
            configured: gathered.configured,
            exit_code: exit.code(),
            ..Report::default()
        }
    }
}
