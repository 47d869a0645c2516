//! The operations of the simulated Railway, and their variables.

use serde_json::{Map, Value};

use crate::io::sim::clock::SimClock;
use crate::io::sim::mutation_context::MutationContext;
use crate::io::sim::request_context::{Denied, RequestContext, batched};
use crate::io::sim::{deployment_queries, mutations, queries, service_settings};

/// An operation of `graphql/`: its variables and its handler. GraphQL is not executed; a test compares this table with
/// the documents.
pub(crate) struct Operation {
    /// As in the document.
    pub(crate) name: &'static str,
    /// As declared in the document. A `*` stands for a number: one such variable for each item of a batch.
    pub(crate) takes: &'static [&'static str],
    pub(crate) handler: Handler,
}

/// Reads the estate.
pub(crate) type QueryHandler = fn(&RequestContext<'_>) -> Result<Value, Denied>;

/// Changes the estate.
pub(crate) type MutationHandler = fn(&mut MutationContext<'_>) -> Result<Value, Denied>;

/// Handles an operation.
pub(crate) enum Handler {
    Query(QueryHandler),
    Mutation(MutationHandler),
}

use Handler::{Mutation, Query};

const PROJECT: &str = "projectId: String!";
const ENVIRONMENT: &str = "environmentId: String!";
const SERVICE: &str = "serviceId: String!";
const OWNER: &str = "serviceId: String";
const DEPLOYMENT: &str = "deploymentId: String!";
const EACH_PROJECT: &str = "projectId_*: String!";
const EACH_ENVIRONMENT: &str = "environmentId_*: String!";
const EACH_DEPLOYMENT: &str = "deploymentId_*: String!";
const AFTER: &str = "after: String";
const LIMIT: &str = "limit: Int!";

/// All supported operations.
pub(crate) static OPERATIONS: &[Operation] = &[
    row("ApiTokenProbe", &[], Query(queries::api_token)),
    row("BuildLog", &[DEPLOYMENT, LIMIT], Query(deployment_queries::build_log)),
    row(
        "BuildLogBySnapshot",
        &[ENVIRONMENT, "build: String!", "start: String", "end: String!", LIMIT],
        Query(deployment_queries::build_log_by_snapshot),
    ),
    row(
        "CommitPatch",
        &[ENVIRONMENT, "patch: EnvironmentConfig!", "message: String"],
        Mutation(service_settings::commit_patch),
    ),
    row("ComparedEnvironments", &[PROJECT], Query(queries::compared_environments)),
    row("DeleteVariable", &[PROJECT, ENVIRONMENT, OWNER, "name: String!"], Mutation(mutations::delete_variable)),
    row("Deploy", &[ENVIRONMENT, SERVICE, "commitSha: String"], Mutation(mutations::deploy)),
    row("DeploymentEvents", &[EACH_DEPLOYMENT], Query(deployment_queries::events)),
    row(
        "DeploymentLog",
        &[DEPLOYMENT, LIMIT, "filter: String", "startDate: DateTime", "endDate: DateTime"],
        Query(deployment_queries::deployment_log),
    ),
    row("DeploymentStatus", &[EACH_DEPLOYMENT], Query(deployment_queries::watch)),
    row("Edge", &[ENVIRONMENT, SERVICE], Query(queries::edge)),
    row("Environment", &[PROJECT, ENVIRONMENT], Query(queries::shape)),
    row("EnvironmentBatch", &[EACH_PROJECT, EACH_ENVIRONMENT], Query(queries::environment_batch)),
    row("EnvironmentByToken", &[], Query(queries::scoped_shape)),
    row("EnvironmentByTokenMinimal", &[], Query(queries::plain_scoped_shape)),
    row("EnvironmentMinimal", &[PROJECT, ENVIRONMENT], Query(queries::plain_shape)),
    row("Environments", &[PROJECT, AFTER], Query(queries::environments)),
    row("MoreServices", &[PROJECT, ENVIRONMENT, AFTER], Query(queries::more_services)),
    row("MoreServicesMinimal", &[PROJECT, ENVIRONMENT, AFTER], Query(queries::plain_more_services)),
    row("PatchProgress", &["workflowId: String!"], Query(service_settings::patch_progress)),
    row("PreWriteState", &[PROJECT, ENVIRONMENT, AFTER], Query(deployment_queries::pre_write_state)),
    row("ProjectTokenProbe", &[], Query(queries::project_token)),
    row("Projects", &["workspaceId: String", AFTER], Query(queries::projects)),
    row("RecentDeployments", &[PROJECT, ENVIRONMENT, SERVICE], Query(deployment_queries::recent_deployments)),
    row("Redeploy", &[DEPLOYMENT], Mutation(mutations::redeploy)),
    row(
        "SetVariables",
        &[PROJECT, ENVIRONMENT, OWNER, "variables: EnvironmentVariables!"],
        Mutation(mutations::set_variables),
    ),
    row("SharedValues", &[PROJECT, ENVIRONMENT], Query(queries::shared_values)),
    row("SharedValuesBatch", &[EACH_PROJECT, EACH_ENVIRONMENT], Query(queries::shared_values_batch)),
    row("Snapshot", &[EACH_DEPLOYMENT], Query(deployment_queries::snapshot)),
    row("StagedChanges", &[ENVIRONMENT], Query(deployment_queries::staged_changes)),
    row("StartCommands", &[PROJECT, ENVIRONMENT, AFTER], Query(service_settings::start_commands)),
    row("UserProbe", &[], Query(queries::me)),
    row("Values", &[PROJECT, ENVIRONMENT, "serviceId_*: String!"], Query(queries::values)),
    row("VariableTimes", &[PROJECT, ENVIRONMENT, AFTER], Query(queries::variable_times)),
];

const fn row(name: &'static str, takes: &'static [&'static str], handler: Handler) -> Operation {
    Operation { name, takes, handler }
}

impl Operation {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    pub(crate) fn is_mutation(&self) -> bool {
        matches!(self.handler, Mutation(_))
    }

    /// Returns the error for invalid variables, with Railway's text.
    pub(crate) fn complaint(&self, variables: &Map<String, Value>) -> Option<String> {
        let mut known = 0;
        let items = self.items(variables);
        for declared in self.takes {
            let (name, kind) = declared.split_once(": ").unwrap_or((declared, ""));
            let numbered: Vec<String> = match name.strip_suffix('*') {
                Some(prefix) => (0..items).map(|number| format!("{prefix}{number}")).collect(),
                None => vec![name.to_owned()],
            };
            for name in numbered {
                known += usize::from(variables.contains_key(&name));
                if let Some(complaint) = complaint(&name, kind, variables.get(&name)) {
                    return Some(complaint);
                }
            }
        }
        known += self.riders(variables);
        (known < variables.len()).then(|| format!("{} declares fewer variables than were sent.", self.name))
    }

    /// Counts the items of a batch, of which each must have all numbered variables.
    fn items(&self, variables: &Map<String, Value>) -> usize {
        let prefixes = self.takes.iter().filter_map(|declared| declared.split_once('*'));
        prefixes.map(|(prefix, _)| batched(variables, prefix).count()).max().unwrap_or_default().max(1)
    }

    /// Counts the further projects and environments of a batch of values, and the deployments whose snapshots it
    /// requests.
    fn riders(&self, variables: &Map<String, Value>) -> usize {
        let is_text = |name: String| variables.get(&name).is_some_and(Value::is_string);
        let services = batched(variables, "serviceId_").filter(|_| self.name == "Values").count();
        let deployments = (0..services).filter(|number| is_text(format!("deploymentId_{number}"))).count();
        let further = |of: &str| (1..services).take_while(|number| is_text(format!("{of}_{number}"))).count();
        deployments + further("projectId") + further("environmentId")
    }

    /// Returns the error for a document that no client should send, as far as a text search finds it.
    pub(crate) fn misgiving(&self, query: &str) -> Option<String> {
        let forbidden = ["replace", "PatchCommitStaged", "StageChanges"];
        if let Some(word) = forbidden.into_iter().find(|word| self.is_mutation() && query.contains(word)) {
            return Some(format!("{} contains {word}", self.name));
        }
        let deploys = query.contains("variableCollectionUpsert") && !query.contains("skipDeploys: true");
        deploys.then(|| format!("{} deploys with every write", self.name))
    }
}

fn complaint(name: &str, kind: &str, value: Option<&Value>) -> Option<String> {
    let (kind, required) = kind.strip_suffix('!').map_or((kind, false), |kind| (kind, true));
    let fits = match (kind, value) {
        (_, None | Some(Value::Null)) => !required,
        ("String", Some(value)) => value.is_string(),
        ("Int", Some(value)) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("EnvironmentConfig", Some(value)) => value.is_object(),
        ("DateTime", Some(value)) => value.as_str().is_some_and(SimClock::reads),
        (_, Some(value)) => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
    };
    match (fits, required) {
        (true, _) => None,
        (false, true) => Some(format!("Variable \"${name}\" of required type \"{kind}!\" was not provided.")),
        (false, false) => Some(format!("Variable \"${name}\" got invalid value; {kind} expected.")),
    }
}
