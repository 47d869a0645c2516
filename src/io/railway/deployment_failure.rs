//! Why a deployment failed, according to its steps and Railway's diagnosis.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::drift::model::observed::Observed;
use crate::drift::runtime::DeploymentFailure;
use crate::error::Error;
use crate::io::railway::batch;
use crate::io::railway::client::Client;
use crate::io::railway::scalars::DeploymentDiagnosis;
use crate::io::railway::variables::LONGEST_ERROR;

/// The end of Railway's error for a failed build. It is removed, because doctor shows or links the log anyway.
const HINT: &str = "please check the build logs for more details";

#[derive(Clone, Debug, Default)]
pub struct FailedDeployment {
    /// The reason.
    pub failure: DeploymentFailure,
    /// The snapshot id of its build; `None` if nothing was built.
    pub snapshot: Option<String>,
    /// When it was created.
    pub created_at: Option<String>,
}

/// The fields of the deployment itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnDiagnosis {
    diagnosis: Option<DeploymentDiagnosis>,
    snapshot_id: Option<String>,
    created_at: Option<String>,
}

/// The steps of one deployment.
#[derive(Deserialize)]
struct BuildSteps {
    edges: Vec<StepEdge>,
}

#[derive(Deserialize)]
struct StepEdge {
    node: StepAttempt,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepAttempt {
    id: String,
    step: String,
    created_at: String,
    completed_at: Option<String>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    error: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    skipped: Option<bool>,
}

impl Client<'_> {
    /// Reads why a deployment failed, if Railway reports it: one request.
    ///
    /// # Errors
    ///
    /// If the request fails, or Railway rejects all of it.
    pub fn failure(&self, deployment: &str) -> Result<FailedDeployment, Error> {
        let mut fields = self.aliases("DeploymentEvents", &[deployment], batch::events)?;
        let (own, steps) = parts(fields.pop().unwrap_or_default());
        let failure = self.failure_of(own.as_ref(), steps).known().cloned().unwrap_or_default();
        let own = own.unwrap_or_default();
        Ok(FailedDeployment { failure, snapshot: own.snapshot_id, created_at: own.created_at })
    }

    /// Reads why these deployments failed, in order: one request.
    ///
    /// # Errors
    ///
    /// If the request fails, or Railway rejects all of it.
    pub fn failures(&self, deployments: &[&str]) -> Result<Vec<Observed<DeploymentFailure>>, Error> {
        let responses = self.aliases("DeploymentEvents", deployments, batch::events)?.into_iter().map(parts);
        Ok(responses.map(|(own, steps)| self.failure_of(own.as_ref(), steps)).collect())
    }

    fn failure_of(&self, own: Option<&OwnDiagnosis>, steps: Option<BuildSteps>) -> Observed<DeploymentFailure> {
        let diagnosis = own.and_then(|own| own.diagnosis.as_ref()?.text());
        let diagnosis = diagnosis.map(|text| self.redactor.excerpt(text, LONGEST_ERROR));
        match (steps, diagnosis) {
            (None, None) => Observed::Unavailable("Railway did not return its steps".to_owned()),
            (steps, diagnosis) => {
                let failed = steps.and_then(failed_step);
                let message = failed.as_ref().and_then(StepAttempt::message);
                let said = message.map(|message| self.redactor.redact(&message));
                Observed::Known(DeploymentFailure { step: failed.map(|failed| failed.step), message: said, diagnosis })
            }
        }
    }
}

/// Parses the deployment itself, and its steps.
fn parts(mut fields: BTreeMap<String, Value>) -> (Option<OwnDiagnosis>, Option<BuildSteps>) {
    let mut part = |alias| fields.remove(alias);
    let own = part("deployment").and_then(|own| serde_json::from_value(own).ok());
    (own, part("events").and_then(|steps| serde_json::from_value(steps).ok()))
}

/// Returns the last step that failed permanently. Skipped steps are ignored; a later attempt replaces an earlier one.
fn failed_step(steps: BuildSteps) -> Option<StepAttempt> {
    let mut steps: Vec<StepAttempt> = steps.edges.into_iter().map(|edge| edge.node).collect();
    // RFC 3339 in UTC, which sorts as text. The sort is stable, so that steps with the same time keep their order.
    steps.sort_by(|one, other| one.created_at.cmp(&other.created_at));
    let mut failed: Vec<StepAttempt> = Vec::new();
    for step in steps {
        let is_skipped = step.payload.as_ref().is_some_and(|payload| payload.skipped == Some(true));
        let is_over = step.completed_at.is_some() && !is_skipped || step.has_failed();
        failed.retain(|earlier| earlier.id != step.id && (earlier.step != step.step || !is_over));
        if step.has_failed() {
            failed.push(step);
        }
    }
    failed.pop()
}

impl StepAttempt {
    fn has_failed(&self) -> bool {
        self.payload.as_ref().is_some_and(|payload| payload.skipped != Some(true) && payload.cause().is_some())
    }

    /// Returns Railway's message, without the hint about the log.
    fn message(&self) -> Option<String> {
        let payload = self.payload.as_ref()?;
        let parts = [payload.cause(), filled(payload.detail.as_deref())];
        let parts: Vec<&str> = parts.into_iter().flatten().map(without_hint).filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    }
}

impl Payload {
    fn cause(&self) -> Option<&str> {
        filled(self.error.as_deref()).or_else(|| filled(self.reason.as_deref()))
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn without_hint(text: &str) -> &str {
    let bare = text.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    let start = bare.len().checked_sub(HINT.len()).filter(|&start| bare.is_char_boundary(start));
    match start.filter(|&start| bare[start..].eq_ignore_ascii_case(HINT)) {
        Some(start) if !bare[..start].ends_with(char::is_alphanumeric) => text[..start].trim_end(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::io::railway::deployment_failure::{BuildSteps, failed_step, without_hint};

    /// Parses rows of `STEP id time error`. The error may be `-`, `skipped`, or `open` for a step in progress.
    fn steps(rows: &[&str]) -> BuildSteps {
        let edges = rows.iter().map(|row| {
            let columns: Vec<&str> = row.splitn(4, ' ').collect();
            let (error, is_skipped) = (columns[3], columns[3] == "skipped");
            let is_open = error == "open";
            let error = (!["-", "open", "skipped"].contains(&error)).then_some(error);
            let payload = if error.is_some() || is_skipped {
                json!({ "error": error, "reason": null, "detail": null, "skipped": is_skipped })
            } else {
                Value::Null
            };
            let time = |second: &str| format!("2026-11-24T09:00:0{second}.000Z");
            json!({ "node": {
                "id": columns[1], "step": columns[0], "createdAt": time(columns[2]), "payload": payload,
                "completedAt": (!is_open).then(|| time(columns[2])),
            } })
        });
        serde_json::from_value(json!({ "edges": edges.collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn last_permanently_failed_step_is_the_cause() {
        for (rows, expected) in [
            (&["BUILD_IMAGE 1 1 no such file"][..], Some("BUILD_IMAGE: no such file")),
            (&["BUILD_IMAGE 1 1 -", "HEALTHCHECK 2 2 no answer"], Some("HEALTHCHECK: no answer")),
            (&["HEALTHCHECK 2 2 no answer", "BUILD_IMAGE 1 1 bad"], Some("HEALTHCHECK: no answer")),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 1 1 second"], Some("HEALTHCHECK: second")),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 1 1 -"], None),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 2 2 second"], Some("HEALTHCHECK: second")),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 2 2 -"], None),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 2 2 open"], Some("HEALTHCHECK: first")),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 2 2 skipped"], Some("HEALTHCHECK: first")),
            (&["HEALTHCHECK 1 1 first", "HEALTHCHECK 1 1 skipped"], None),
            (&["BUILD_IMAGE 1 1 bad", "HEALTHCHECK 2 2 -"], Some("BUILD_IMAGE: bad")),
            (&["BUILD_IMAGE 1 1 bad", "PUBLISH_IMAGE 2 2 skipped"], Some("BUILD_IMAGE: bad")),
            (&["BUILD_IMAGE 1 1 skipped"], None),
            (&[], None),
        ] {
            let failed = failed_step(steps(rows));
            let cause = failed.map(|failed| format!("{}: {}", failed.step, failed.message().unwrap()));
            assert_eq!(cause.as_deref(), expected, "{rows:?}");
        }
    }

    #[test]
    fn reason_is_a_cause_but_detail_alone_is_not() {
        for (payload, expected) in [
            (json!({ "error": "no 200", "reason": "timeout", "detail": "after 300 s" }), Some("no 200: after 300 s")),
            (json!({ "error": " ", "reason": "timeout" }), Some("timeout")),
            (json!({ "detail": "built in 34 s" }), None),
            (json!({ "error": "bad", "skipped": true }), None),
            (json!({ "error": "Build failed. Please check the build logs for more details." }), Some("Build failed.")),
        ] {
            let node = json!({ "id": "1", "step": "X", "createdAt": "", "completedAt": null, "payload": payload });
            let steps = serde_json::from_value(json!({ "edges": [{ "node": node }] })).unwrap();
            let message = failed_step(steps).and_then(|failed| failed.message());
            assert_eq!(message.as_deref(), expected, "{payload}");
        }
    }

    #[test]
    fn strips_only_complete_build_log_hint() {
        for (text, expected) in [
            ("Failed to build. Please check the build logs for more details.", "Failed to build."),
            ("Failed to build, please check the build logs for more details", "Failed to build,"),
            ("Please check the build logs for more details", ""),
            ("displease check the build logs for more details", "displease check the build logs for more details"),
            ("check the build logs", "check the build logs"),
            ("ü", "ü"),
            ("", ""),
        ] {
            assert_eq!(without_hint(text), expected);
        }
    }
}
