//! Prints the plan and the result of `pull`, as text or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::cli::ResultFormat;
use crate::commands::output_options::{coloured, detail, plain_text_options};
use crate::commands::pull::PullRun;
use crate::drift::ResourceRef;
use crate::drift::phrases::count;
use crate::drift::service_scope::Exclusion;
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::git;
use crate::io::world::{World, WorldLifetime};
use crate::report::json::pulled::{PulledFile, pulled};
use crate::report::pull::{PullHeader, left_keys, pull_plan};
use crate::report::{Detail, TextOptions, escape, shell_command};

/// Returns why a service is not in scope. `source` is the file that names the keys.
fn reason(exclusion: &Exclusion, source: &str) -> String {
    match exclusion {
        Exclusion::Database => "a database".to_owned(),
        Exclusion::NothingShared => format!("has no key of {}", escape::line(source)),
        Exclusion::Elsewhere { root } => format!("built from {}", escape::line(root)),
        Exclusion::Provider { .. } => "other services reference its variables".to_owned(),
    }
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullOutcome {
    Created(Exit),
    NotCreated(Exit),
}

impl PullRun<'_> {
    pub(super) fn is_json(&self) -> bool {
        self.args.result.format == ResultFormat::Json
    }

    /// Prints the plan, unless the JSON document will contain it.
    pub(super) fn show_plan(&self, world: &mut World<'_>) -> Result<(), Error> {
        if self.is_json() { Ok(()) } else { world.print(&self.plan_text(world)) }
    }

    /// Ends a run for which no key has a value.
    pub(super) fn end_without_keys(&self, world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = if self.survey().targets.is_empty() { Exit::NothingCompared } else { Exit::Findings };
        if self.is_json() {
            return self.print_json(PullOutcome::NotCreated(exit), world).map(|()| exit);
        }
        let name = &self.target.name;
        let mut text = self.plan_text(world);
        let why = match exit {
            Exit::NothingCompared => self.no_service(world),
            _ => format!("\nNo key gets a value from Railway, so {name} was not created.\n"),
        };
        text += &why;
        if let Some(template) = &self.template {
            let copy = ["cp".to_owned(), template.clone(), name.clone()];
            let _ = write!(text, "To start from the template, run:\n    {}\n", shell_command::line(&copy));
        }
        world.print(&text).map(|()| exit)
    }

    /// Returns why no service is in scope, and how to select one.
    fn no_service(&self, world: &World<'_>) -> String {
        let left_out = &self.gathered.selection.left_out;
        if left_out.is_empty() {
            return "\nNo service is in scope; --service=NAME selects one.\n".to_owned();
        }
        let source = self.template.as_deref().unwrap_or(&self.target.name);
        let line =
            |(service, why): &(String, Exclusion)| format!("  {}: {}\n", escape::line(service), reason(why, source));
        let reasons: String = left_out.iter().map(line).collect();
        let commands: Vec<String> =
            self.commands_elsewhere(world).iter().map(|command| format!("    {command}\n")).collect();
        let end = match commands.as_slice() {
            [] => "To include one, pass --service=NAME.\n".to_owned(),
            commands => format!("To create the file of a service, run:\n{}", commands.concat()),
        };
        format!("\nNo service is in scope:\n{reasons}{end}")
    }

    /// Returns a command for each directory that services were left out for, if it is in this checkout.
    fn commands_elsewhere(&self, world: &World<'_>) -> Vec<String> {
        let mut by_root: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (service, why) in &self.gathered.selection.left_out {
            if let Exclusion::Elsewhere { root } = why {
                by_root.entry(root.as_str()).or_default().push(service);
            }
        }
        let checkout = git::root(&world.directory).unwrap_or_else(|| world.directory.clone());
        let in_checkout = by_root.into_iter().map(|(root, services)| (checkout.join(root.trim_matches('/')), services));
        let existing = in_checkout.filter(|(directory, _)| files::is_directory(directory));
        let command = |(directory, services): (PathBuf, Vec<&str>)| {
            let mut words = vec!["pull".to_owned()];
            words.extend(services.iter().map(|service| format!("--service={service}")));
            words.push(format!("--output={}", files::display_path(&directory.join(".env"), &world.directory)));
            shell_command::line(&self.repeated(&words, world))
        };
        existing.map(command).collect()
    }

    pub(super) fn end_dry_run(&self, world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = Exit::Findings;
        if self.is_json() {
            return self.print_json(PullOutcome::NotCreated(exit), world).map(|()| exit);
        }
        let command = shell_command::line(&self.confirmed_command(world));
        let end = format!("\nNothing was written: this was a dry run.\nTo create the file, run:\n    {command}\n");
        world.print(&(self.plan_text(world) + &end)).map(|()| exit)
    }

    pub(super) fn end_created(&self, world: &mut World<'_>) -> Result<Exit, Error> {
        let is_complete = self.plan.left.is_empty() && self.plan.commented.is_empty();
        let exit = if is_complete { Exit::Clean } else { Exit::Findings };
        if self.is_json() {
            return self.print_json(PullOutcome::Created(exit), world).map(|()| exit);
        }
        let keys = count(self.plan.pulled.len(), "key");
        let left = match self.plan.left.len() {
            0 => String::new(),
            1 => " 1 key is left for you.".to_owned(),
            several => format!(" {several} keys are left for you."),
        };
        let (purpose, command) = match world.memory {
            WorldLifetime::Lasting => ("compare it with Railway", self.check_command(world)),
            // The demo's file is removed with its directory.
            WorldLifetime::OfThisRun => {
                ("create one for your own project", ["doctor", "pull"].map(str::to_owned).into())
            }
        };
        let (name, command) = (escape::line(&self.target.name), shell_command::line(&command));
        world.print(&format!("\nCreated {name} with {keys}.{left}\nTo {purpose}, run:\n    {command}\n"))?;
        Ok(exit)
    }

    pub(super) fn print_json(&self, outcome: PullOutcome, world: &mut World<'_>) -> Result<(), Error> {
        let (created, exit) = match outcome {
            PullOutcome::Created(exit) => (true, exit),
            PullOutcome::NotCreated(exit) => (false, exit),
        };
        let services = self.services();
        let document = pulled(PulledFile {
            header: self.header(&services),
            created,
            plan: &self.plan,
            remarks: &self.gathered.remarks,
            next: match (created, self.plan.pulled.is_empty()) {
                (true, _) => self.check_command(world),
                (false, false) => self.confirmed_command(world),
                (false, true) => Vec::new(),
            },
            requests: self.client.requests(),
            exit_code: exit.code(),
        });
        world.print(&document)
    }

    fn plan_text(&self, world: &World<'_>) -> String {
        let detail = detail(self.global);
        let options = TextOptions { colour: coloured(self.global, world), detail, ..plain_text_options(world) };
        if detail == Detail::Quiet && self.args.yes {
            return left_keys(&self.plan, self.template.as_deref(), &options);
        }
        let services = self.services();
        pull_plan(self.header(&services), &self.plan, &self.gathered.remarks, &options)
    }

    fn services(&self) -> Vec<&ResourceRef> {
        self.survey().targets.iter().map(|target| &target.service).collect()
    }

    fn header<'h>(&'h self, services: &'h [&'h ResourceRef]) -> PullHeader<'h> {
        PullHeader {
            project: &self.survey().project,
            project_origin: &self.gathered.selected.project_origin,
            environment: &self.survey().environment,
            environment_origin: &self.gathered.selected.environment_origin,
            services,
            all: services.len() + self.gathered.selection.left_out.len(),
            services_origin: &self.gathered.selection.origin,
            file: &self.target.name,
            template: self.template.as_deref(),
        }
    }
}
