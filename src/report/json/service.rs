//! The JSON form of a service.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::Severity;
use crate::drift::engine::service_status::{CheckState, StatusCheck};
use crate::drift::model::rule::StatusRow;
use crate::report::json::SEVERITIES;
use crate::report::{Report, ServiceDeployment, ServiceLine, ServiceVerdict};

/// One service.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Service")]
pub(crate) struct ServiceForm<'r> {
    /// Railway's id.
    id: &'r str,
    /// The name.
    name: &'r str,
    /// The alias in `doctor.toml`.
    alias: Option<&'r str>,
    /// The number of values that were compared.
    compared: usize,
    /// The number of sealed keys. Railway never returns their values.
    sealed: usize,
    /// The number of keys that could not be compared for another reason: one side refers to a value that is stored
    /// elsewhere, or Railway returned no value.
    unknown: usize,
    /// The number of needed keys that were checked, if no file is compared with the service.
    needs: usize,
    /// The error, if the service could not be read.
    error: Option<&'r str>,
    /// The verdict, as in the text report. It depends on `--fail-on` and on the changes of this run.
    #[schemars(extend("enum" = ServiceVerdict::ALL.map(ServiceVerdict::name)))]
    verdict: &'r str,
    /// The running deployment, or the newest one if none is running; null if there is none or it was not read.
    deployment: Option<ServiceDeploymentForm<'r>>,
    /// The checks of the running state, as in the text report.
    checks: Vec<CheckForm<'r>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Deployment")]
struct ServiceDeploymentForm<'r> {
    /// Railway's id.
    id: &'r str,
    /// Railway's status, such as `SUCCESS`. Railway may add others.
    status: &'r str,
    /// The full hash of its commit; null for an image and for `railway up`.
    commit: Option<&'r str>,
    /// Whether it has the stored values: the verdict of the check `running`. `skip` if that is unknown, null if it was
    /// not checked.
    #[schemars(extend("enum" = ["pass", "fail", "skip", null]))]
    running: Option<&'static str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Check")]
struct CheckForm<'r> {
    /// The name: `deployment`, `running`, `staged`, `commit`, `start command`, `config file`, `log line` or `endpoint`.
    name: &'static str,
    /// The verdict; `skip` if the result is unknown.
    #[schemars(extend("enum" = ServiceVerdict::ALL.map(ServiceVerdict::name)))]
    verdict: &'static str,
    /// The highest severity among its findings; null if there are none.
    #[schemars(extend("enum" = [SEVERITIES[0], SEVERITIES[1], SEVERITIES[2], null]))]
    severity: Option<&'static str>,
    /// The result in a few words.
    message: &'r str,
}

pub(crate) fn service<'r>(report: &Report, line: &'r ServiceLine) -> ServiceForm<'r> {
    ServiceForm {
        id: &line.service.id,
        name: &line.service.name,
        alias: line.alias.as_deref(),
        compared: line.compared,
        sealed: line.sealed,
        unknown: line.unknown,
        needs: line.needs.unwrap_or_default(),
        error: line.error.as_deref(),
        verdict: report.verdict(line).name(),
        deployment: line.deployment.as_ref().map(|found| deployment(report, line, found)),
        checks: line.checks.iter().map(|found| check(report, line, found)).collect(),
    }
}

fn deployment<'r>(report: &Report, line: &ServiceLine, found: &'r ServiceDeployment) -> ServiceDeploymentForm<'r> {
    let running = line.checks.iter().find(|check| check.name == StatusRow::RUNNING.name);
    ServiceDeploymentForm {
        id: &found.id,
        status: &found.status,
        commit: found.commit.as_deref(),
        running: running.map(|check| report.check_verdict(line, check.state).name()),
    }
}

fn check<'r>(report: &Report, line: &ServiceLine, check: &'r StatusCheck) -> CheckForm<'r> {
    CheckForm {
        name: check.name,
        verdict: report.check_verdict(line, check.state).name(),
        severity: match check.state {
            CheckState::Found(severity) => Some(Severity::name(severity)),
            CheckState::Good | CheckState::Open => None,
        },
        message: &check.note,
    }
}
