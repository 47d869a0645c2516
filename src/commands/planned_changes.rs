//! Parts of a plan that `fix` and `rotate` share: edited env files, deployments, and the services that get a changed value
//! through a reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::commands::apply::decide;
use crate::commands::gather::Gathered;
use crate::drift::dotenv::LocalFile;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::plan::dependents::{Template, dependents};
use crate::drift::plan::deployments::{DeployReason, PlannedDeployment, costs, retried};
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit, Plan, VariableChange};
use crate::drift::{ResourceRef, Secret, Survey, Variable, phrases};
use crate::error::Error;
use crate::io::files::{self, LinkScope};
use crate::io::railway::client::Client;
use crate::io::railway::deployments::PreWriteState;
use crate::io::railway::environment::ServiceShape;
use crate::report::{TextOptions, Values};

/// The context of a planned change.
#[derive(Clone, Copy)]
pub(crate) struct PlanContext<'p> {
    pub(crate) client: &'p Client<'p>,
    pub(crate) gathered: &'p Gathered,
    pub(crate) options: &'p TextOptions<'p>,
    pub(crate) folder: &'p Path,
}

/// An env file by its index in the survey, its new text, and what is different in it.
pub(crate) struct EditedEnvFile<'e> {
    pub(crate) index: usize,
    pub(crate) text: &'e LocalFile,
    pub(crate) edits: Vec<FileEdit>,
}

impl PlanContext<'_> {
    /// Adds the change of a file to the plan, with notes about other names of it.
    pub(crate) fn add_file(&self, edited: EditedEnvFile<'_>, plan: &mut Plan) -> Result<(), Error> {
        let EditedEnvFile { index, text, edits } = edited;
        let (survey, place) = (&self.gathered.survey, &self.gathered.places[index]);
        let file = &survey.files[index];
        files::refuse_too_large(text.text(), &self.gathered.paths[index], self.folder)?;
        if survey.exposures[index].end.is_some() || place.leads == LinkScope::Out {
            let real = files::display_path(&place.end, self.folder);
            plan.cautions.push(format!("{} is a link; the file that changes is {real}", file.name));
        }
        if files::has_other_names(&place.end) {
            plan.cautions.push(format!("other hard links to {} keep the old text", file.name));
        }
        let mask = |value: &Secret| self.options.mask(value);
        plan.files.push(FileChange {
            kind: ChangedFileKind::Variables,
            // The resolved path is shown and recorded, because a link to it may change later.
            path: place.end.clone(),
            name: file.name.clone(),
            // The text that was read, not the current one, so that a change in the meantime is a conflict.
            before: files::current(&place.end).map(|_| file.text().clone()),
            shown: [file.redacted(&mask), self.marked(text.redacted(&mask), &edits)],
            after: Some(text.text().clone()),
            edits,
        });
        Ok(())
    }

    /// Marks changed lines if fingerprints are not shown, because they would look unchanged.
    fn marked(&self, masked: String, edits: &[FileEdit]) -> String {
        if !matches!(self.options.values, Values::Redacted(_)) {
            return masked;
        }
        let is_new = |line: &str| {
            let name = line.trim_start().trim_start_matches("export ").split(['=', ' ', ':', '\t']).next();
            edits.iter().any(|edit| name == Some(edit.key.as_str()))
        };
        masked.lines().map(|line| if is_new(line) { format!("{line} (new)\n") } else { format!("{line}\n") }).collect()
    }

    /// Reads the current deployments and staged changes: one request. Adds a note if there are staged changes.
    pub(crate) fn pre_write_state(&self, plan: &mut Plan) -> Result<PreWriteState, Error> {
        let shape = &self.gathered.selected.shape;
        let state = self.client.pre_write_state(&shape.project.id, &shape.environment.id)?;
        if let Some(staged) = state.staged.as_ref().filter(|staged| staged.state != StagedState::Failed) {
            plan.cautions.push(staged_sentence(staged));
        }
        Ok(state)
    }

    /// Plans the deployment of a service that runs with these changes afterwards.
    pub(crate) fn deployment(
        &self,
        service: ResourceRef,
        cause: DeployReason,
        deployed: Option<&Deployed>,
        stores: &[VariableChange],
    ) -> Result<PlannedDeployment, Error> {
        let shape = &self.gathered.selected.shape;
        let how = retried(decide(self.client, shape, deployed, &service)?, &cause, deployed);
        let own = stores.iter().filter(|store| store.meant_for.contains(&service));
        let keys: Vec<&str> = own.map(|store| store.key.as_str()).collect();
        Ok(PlannedDeployment {
            costs: costs(&how, shape.running(&service.id), &keys),
            service,
            how,
            cause,
            commit: None,
        })
    }

    /// Reads the variables of the services out of scope, to find references in them: one request for every twenty.
    pub(crate) fn references(&self) -> EnvironmentReferences<'_> {
        let (survey, shape) = (&self.gathered.survey, &self.gathered.selected.shape);
        let is_known = |service: &&ServiceShape| survey.targets.iter().any(|target| target.service == service.service);
        let others: Vec<&ServiceShape> = shape.services.iter().filter(|service| !is_known(service)).collect();
        let read = if others.is_empty() { Ok(Vec::new()) } else { self.client.values(shape, &others) };
        let (read, remark) = match read {
            Ok(read) => (read, None),
            Err(error) => {
                let what = "could not check which other services reference the changed variables";
                (Vec::new(), Some(format!("{what}: {error}")))
            }
        };
        let others = others.into_iter().map(|service| &service.service);
        let others = others.zip(read).filter_map(|(service, stored)| Some((service, stored.ok()?)));
        EnvironmentReferences { survey, others: others.collect(), remark }
    }
}

/// The variables of an environment, in which references are searched for.
pub(crate) struct EnvironmentReferences<'r> {
    survey: &'r Survey,
    /// The services out of scope.
    others: Vec<(&'r ResourceRef, BTreeMap<String, Variable>)>,
    /// Why some services are missing; a sentence without a full stop.
    pub(crate) remark: Option<String>,
}

impl EnvironmentReferences<'_> {
    /// Returns the services that reference a changed variable, directly or not, each with its dependent keys.
    pub(crate) fn dependents(&self, stores: &[VariableChange]) -> BTreeMap<ResourceRef, BTreeSet<String>> {
        let own = self.survey.targets.iter();
        let own = own.filter_map(|target| Some((&target.service, target.stored.as_ref().ok()?)));
        let others = self.others.iter().map(|(service, stored)| (*service, stored));
        let all: Vec<(&ResourceRef, &BTreeMap<String, Variable>)> = own.chain(others).collect();
        let templates: Vec<Template<'_>> = all
            .iter()
            .flat_map(|(service, stored)| {
                stored.iter().filter_map(|(key, variable)| {
                    Some((service.name.as_str(), key.as_str(), variable.template()?.expose()))
                })
            })
            .collect();
        let found = dependents(&templates, stores, &self.survey.catalogue).into_iter();
        let named = |name: &str| all.iter().map(|(service, _)| *service).find(|service| service.name == name);
        found.filter_map(|(name, keys)| Some((named(&name)?.clone(), keys))).collect()
    }
}

/// The file is a program, which is not run, so its declarations are unknown.
pub(crate) fn infrastructure_warning(file: &str) -> String {
    format!(
        "{file} may manage these services: `railway config apply` then resets the variables that it declares and, with \
         the default policy “managed”, deletes all others; to keep pushed values, use `preserve()` or the policy's `ignore`"
    )
}

fn staged_sentence(staged: &StagedChanges) -> String {
    let what = match (staged.variables.len(), staged.others) {
        (0, _) => "settings".to_owned(),
        (number, OtherChanges::None) => phrases::count(number, "variable"),
        (number, OtherChanges::Some) => format!("{} and settings", phrases::count(number, "variable")),
    };
    format!("this environment has staged changes of {what}; they stay staged")
}
