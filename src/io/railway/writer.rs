//! Sends changes to Railway. Only a [`Writer`] can do this, and a check never creates one.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;

use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::operations::change::patch::{CommitPatch, commit_patch};
use crate::io::railway::operations::change::{
    DeleteVariable, Deploy, Redeploy, SetVariables, delete_variable, deploy, redeploy, set_variables,
};
use crate::io::railway::response::{ErrorKind, GraphqlError};
use crate::io::railway::retry::{Delivery, RequestFailure};
use crate::io::railway::scalars::{Leaving, StartCommandPatch};

/// Writes to one environment.
#[derive(Clone, Copy)]
pub struct Writer<'w> {
    pub client: &'w Client<'w>,
    /// The project's id.
    pub project: &'w str,
    /// The environment's id.
    pub environment: &'w str,
}

/// The outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome<T> {
    /// Railway confirmed it.
    Done(T),
    /// Railway rejected it. Since a rejection does not prove that nothing was changed, the caller checks that once.
    Refused(MutationRefusal),
    /// Unknown: the caller must read the outcome back and must not send the change again.
    Unclear(Error),
    /// It was not made, because it never arrived.
    NotSent(Error),
}

/// The reason why Railway rejected a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MutationRefusal {
    /// Another deployment of the service is still in progress. The same change may be sent again later.
    Later(Error),
    /// Too many deployments of one service in a short time.
    TooMany(Error),
    /// The service has no deployment that could be deployed again.
    NothingThere(Error),
    Other(Error),
}

impl MutationRefusal {
    /// Returns Railway's error.
    pub fn error(&self) -> &Error {
        match self {
            Self::Later(error) | Self::TooMany(error) | Self::NothingThere(error) | Self::Other(error) => error,
        }
    }
}

impl Writer<'_> {
    /// Stores variables of a service, or shared ones if `service` is `None`, without deploying: one request.
    pub fn set(&self, service: Option<&str>, variables: &BTreeMap<String, Secret>) -> WriteOutcome<()> {
        let variables = set_variables::Variables {
            project_id: self.project.to_owned(),
            environment_id: self.environment.to_owned(),
            service_id: service.map(str::to_owned),
            variables: Leaving(variables.clone()),
        };
        let sent = self.client.mutate("SetVariables", &SetVariables::build_query(variables));
        self.reply("SetVariables", sent, |data: set_variables::ResponseData| {
            data.variable_collection_upsert.then_some(())
        })
    }

    /// Removes one variable of a service, or a shared one: one request.
    pub fn delete(&self, service: Option<&str>, key: &str) -> WriteOutcome<()> {
        let variables = delete_variable::Variables {
            project_id: self.project.to_owned(),
            environment_id: self.environment.to_owned(),
            service_id: service.map(str::to_owned),
            name: key.to_owned(),
        };
        let sent = self.client.mutate("DeleteVariable", &DeleteVariable::build_query(variables));
        self.reply("DeleteVariable", sent, |data: delete_variable::ResponseData| data.variable_delete.then_some(()))
    }

    /// Deploys the code of a deployment again, and returns the id of the new deployment: one request.
    pub fn redeploy(&self, deployment: &str) -> WriteOutcome<String> {
        let variables = redeploy::Variables { deployment_id: deployment.to_owned() };
        let sent = self.client.mutate("Redeploy", &Redeploy::build_query(variables));
        self.reply("Redeploy", sent, |data: redeploy::ResponseData| {
            let made = data.deployment_redeploy;
            (made.environment_id == self.environment).then_some(made.id)
        })
    }

    /// Deploys a service from its source, and returns the id of the new deployment: one request.
    pub fn deploy(&self, service: &str, commit: Option<&str>) -> WriteOutcome<String> {
        let variables = deploy::Variables {
            environment_id: self.environment.to_owned(),
            service_id: service.to_owned(),
            commit_sha: commit.map(str::to_owned),
        };
        let sent = self.client.mutate("Deploy", &Deploy::build_query(variables));
        if let (Err(RequestFailure::Refused(refusals)), Some(commit)) = (&sent, commit)
            && refusals.iter().any(|refusal| refusal.kind == ErrorKind::CommitNotFound)
        {
            let errors = self.client.refused(refusals);
            return WriteOutcome::Refused(MutationRefusal::Other(Error::CommitNotFound {
                commit: commit.to_owned(),
                errors,
            }));
        }
        self.reply("Deploy", sent, |data: deploy::ResponseData| {
            Some(data.service_instance_deploy_v2).filter(|id| !id.is_empty())
        })
    }

    /// Sets the start command in the settings of a service, in this environment only; `None` removes it. Railway then
    /// deploys the service. Returns the id of the workflow that does this: one request.
    pub fn set_start_command(&self, service: &ResourceRef, command: Option<&Secret>) -> WriteOutcome<String> {
        let variables = commit_patch::Variables {
            environment_id: self.environment.to_owned(),
            patch: StartCommandPatch { service: service.id.clone(), command: command.cloned() },
            message: Some(format!("doctor: start command of {}", service.name)),
        };
        let sent = self.client.mutate("CommitPatch", &CommitPatch::build_query(variables));
        self.reply("CommitPatch", sent, |data: commit_patch::ResponseData| {
            Some(data.environment_patch_commit).filter(|workflow| !workflow.is_empty())
        })
    }

    fn reply<D, T>(
        &self,
        operation: &'static str,
        sent: Result<D, RequestFailure>,
        read: impl Fn(D) -> Option<T>,
    ) -> WriteOutcome<T> {
        match sent {
            Ok(data) => match read(data) {
                Some(value) => WriteOutcome::Done(value),
                None => WriteOutcome::Unclear(Error::InvalidResponse {
                    host: self.client.host(),
                    cause: "the response has no result".to_owned(),
                }),
            },
            Err(RequestFailure::Refused(refusals)) => self.refused(operation, &refusals),
            Err(RequestFailure::Failed { error, delivery: Delivery::Unknown }) => WriteOutcome::Unclear(error),
            Err(RequestFailure::Failed { error, delivery: Delivery::Nothing }) => WriteOutcome::NotSent(error),
        }
    }

    fn refused<T>(&self, operation: &'static str, refusals: &[GraphqlError]) -> WriteOutcome<T> {
        let what = match operation {
            "SetVariables" | "DeleteVariable" => "the service of the variables",
            "CommitPatch" => "the service of the start command",
            _ => "the service to deploy",
        };
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        let error = || Error::Railway { operation, errors: self.client.refused(refusals) };
        // An unspecific failure may have happened before or after the change.
        if has(ErrorKind::Problem) {
            return WriteOutcome::Unclear(error());
        }
        WriteOutcome::Refused(if has(ErrorKind::RedeployLater) {
            MutationRefusal::Later(error())
        } else if has(ErrorKind::Limited) {
            MutationRefusal::TooMany(error())
        } else if has(ErrorKind::NothingToRedeploy) {
            MutationRefusal::NothingThere(error())
        } else {
            MutationRefusal::Other(match self.client.explain(operation, what, refusals) {
                Error::Railway { errors, .. } => Error::ChangeRefused { what: refused_change(operation), errors },
                error => error,
            })
        })
    }
}

/// Returns the object of `Railway rejected …`.
fn refused_change(operation: &str) -> &'static str {
    match operation {
        "SetVariables" => "the variables",
        "DeleteVariable" => "the deletion of the variable",
        "CommitPatch" => "the start command",
        _ => "the deployment",
    }
}
