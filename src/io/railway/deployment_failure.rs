//! Why a deployment failed, as its steps and the platform's own diagnosis have it.

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

/// What Railway ends the error of a failed build with; the log is shown or linked to anyway.
const HINT: &str = "please check the build logs for more details";

/// A deployment that failed.
#[derive(Clone, Debug, Default)]
pub struct FailedDeployment {
    /// Why.
    pub failure: DeploymentFailure,
    /// What its build is found by; `None` where nothing was built.
    pub snapshot: Option<String>,
    /// When it was created.
    pub created_at: Option<String>,
}

/// What is read of the deployment itself.
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

/// One try at a step.
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
    /// Why a deployment failed, if Railway says so: one request.
    ///
    /// # Errors
    ///
    /// If Railway can't be asked, or refuses the whole request.
    pub fn failure(&self, deployment: &str) -> Result<FailedDeployment, Error> {
        let mut told = self.aliases("DeploymentEvents", &[deployment], batch::events)?;
        let (own, steps) = parts(told.pop().unwrap_or_default());
        let failure = self.failure_of(own.as_ref(), steps).known().cloned().unwrap_or_default();
        let own = own.unwrap_or_default();
        Ok(FailedDeployment { failure, snapshot: own.snapshot_id, created_at: own.created_at })
    }

    /// Why these deployments failed, in their order: one request.
    ///
    /// # Errors
    ///
    /// If Railway can't be asked, or refuses the whole request.
    pub fn failures(&self, deployments: &[&str]) -> Result<Vec<Observed<DeploymentFailure>>, Error> {
        let told = self.aliases("DeploymentEvents", deployments, batch::events)?.into_iter().map(parts);
        Ok(told.map(|(own, steps)| self.failure_of(own.as_ref(), steps)).collect())
    }

    fn failure_of(&self, own: Option<&OwnDiagnosis>, steps: Option<BuildSteps>) -> Observed<DeploymentFailure> {
        let diagnosis = own.and_then(|own| own.diagnosis.as_ref()?.text());
        let diagnosis = diagnosis.map(|text| self.scrubber.excerpt(text, LONGEST_ERROR));
        match (steps, diagnosis) {
            (None, None) => Observed::Unavailable("Railway does not tell its steps".to_owned()),
            (steps, diagnosis) => {
                let failed = steps.and_then(failed_step);
                let said = failed.as_ref().and_then(StepAttempt::message);
                let said = said.map(|said| self.scrubber.redact(&said));
                Observed::Known(DeploymentFailure { step: failed.map(|failed| failed.step), said, diagnosis })
            }
        }
    }
}

/// The deployment itself, and its steps.
fn parts(mut told: BTreeMap<String, Value>) -> (Option<OwnDiagnosis>, Option<BuildSteps>) {
    let mut part = |alias| told.remove(alias);
    let own = part("deployment").and_then(|own| serde_json::from_value(own).ok());
    (own, part("events").and_then(|steps| serde_json::from_value(steps).ok()))
}

/// The last step that failed for good: what is skipped does not count, and a later try takes the place of an earlier one.
fn failed_step(steps: BuildSteps) -> Option<StepAttempt> {
    let mut steps: Vec<StepAttempt> = steps.edges.into_iter().map(|edge| edge.node).collect();
    // RFC 3339 in UTC, so the order of the texts is that of the times; of two at one time the order of the list holds.
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

    /// What Railway says of it, without the hint at a log.
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

    /// `STEP id time error`, with `-` for what is missing, `skipped`, and `open` for one that goes on.
    fn steps(rows: &[&str]) -> BuildSteps {
        let edges = rows.iter().map(|row| {
            let words: Vec<&str> = row.splitn(4, ' ').collect();
            let (said, is_skipped) = (words[3], words[3] == "skipped");
            let error = (!["-", "open", "skipped"].contains(&said)).then_some(said);
            let payload = if error.is_some() || is_skipped {
                json!({ "error": error, "reason": null, "detail": null, "skipped": is_skipped })
            } else {
                Value::Null
            };
            let time = |second: &str| format!("2026-11-24T09:00:0{second}.000Z");
            json!({ "node": {
                "id": words[1], "step": words[0], "createdAt": time(words[2]), "payload": payload,
                "completedAt": (said != "open").then(|| time(words[2])),
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
            let said = failed.map(|failed| format!("{}: {}", failed.step, failed.message().unwrap()));
            assert_eq!(said.as_deref(), expected, "{rows:?}");
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
            let said = failed_step(steps).and_then(|failed| failed.message());
            assert_eq!(said.as_deref(), expected, "{payload}");
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
