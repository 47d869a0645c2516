//! Reads start commands from the settings of services, and the outcome of a change to one.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::Pages;
use crate::io::railway::operations::patch_progress::WorkflowStatus;
use crate::io::railway::operations::{PatchProgress, StartCommands, patch_progress, start_commands};
use crate::io::railway::service_instance::{PageEnd, command};
use crate::io::railway::variables::LONGEST_ERROR;

/// The start command of each service that has one in its settings, by the service's id.
pub type CommandsByService = BTreeMap<String, Secret>;

impl Client<'_> {
    /// Reads the start commands of an environment: one request, and one for each further page of services.
    pub fn start_commands(&self, project: &str, environment: &str) -> Result<CommandsByService, Error> {
        let mut pages = Pages::new("services");
        let mut found = CommandsByService::new();
        let mut after = None;
        loop {
            let variables = start_commands::Variables {
                project_id: project.to_owned(),
                environment_id: environment.to_owned(),
                after: after.clone(),
            };
            let data: start_commands::ResponseData = self
                .query("StartCommands", &StartCommands::build_query(variables))
                .map_err(|failure| self.error(failure, "StartCommands", "the service settings of the environment"))?;
            self.require_same("project", project, &data.environment.project_id)?;
            self.require_same("environment", environment, &data.environment.id)?;
            let connection = data.environment.service_instances;
            let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
            for node in connection.edges.into_iter().map(|edge| edge.node) {
                self.require_same("environment", environment, &node.environment_id)?;
                found.extend(command(node.start_command).map(|command| (node.service_id, command)));
            }
            after = pages.next(&end)?;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Returns the redacted error of the workflow with this id, if Railway reports that it failed: one request.
    pub fn failed_patch(&self, workflow: &str) -> Option<String> {
        let variables = patch_progress::Variables { workflow_id: workflow.to_owned() };
        let response = self.query("PatchProgress", &PatchProgress::build_query(variables));
        let patch_progress::ResponseData { workflow_status } = response.ok()?;
        let is_failed = matches!(workflow_status.status, WorkflowStatus::Error);
        let error = workflow_status.error.unwrap_or_else(|| "Railway reports no cause".to_owned());
        is_failed.then(|| self.redactor.excerpt(&error, LONGEST_ERROR))
    }
}
