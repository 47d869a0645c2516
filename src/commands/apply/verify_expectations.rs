//! Verifies the expectations of services after a deployment: log lines, then endpoints.

use std::time::Duration;

use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment, poll_interval};
use crate::commands::apply::{ApplyState, ExpectedOfDeployments};
use crate::drift::command_line::CommandLine;
use crate::drift::declared_state::{DeclaredState, ExpectedLine, ExpectedResponse};
use crate::drift::model::deployment::{Deployment, DeploymentStage, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{EndpointOutcome, LogCoverage, LogMatch, LogRead};
use crate::drift::{Survey, Target};
use crate::io::poll::{PollEnd, PollLimit, poll_until};
use crate::io::railway::deployment_log::{SearchMode, WITHIN};

/// How long to repeat a request whose response is not as declared: Railway's edge takes a moment to route to a new
/// deployment.
const EDGE: Duration = Duration::from_secs(30);

/// How long to wait for a line whose absence the start command explains.
const EXPLAINED: Duration = Duration::from_secs(5);

/// How long to repeat a request whose response may depend on another service's new deployment.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// The log lines and responses of a service after the deployments.
#[derive(Debug)]
pub(crate) struct ObservedExpectations {
    service: String,
    /// The lines of the new deployment's log; `None` for a service that was not deployed.
    lines: Option<Vec<Observed<LogRead>>>,
    answers: Vec<Observed<EndpointOutcome>>,
}

impl ObservedExpectations {
    /// Replaces the observations of the service in the survey.
    pub(crate) fn put_into(&self, survey: &mut Survey) {
        for target in survey.targets.iter_mut().filter(|target| target.service.id == self.service) {
            target.live.responses.clone_from(&self.answers);
            if let Some(lines) = &self.lines {
                target.live.lines.clone_from(lines);
                survey.proved.insert(self.service.clone());
            }
        }
    }
}

impl ApplyState<'_, '_> {
    /// Searches the logs of the started deployments for the declared lines, then queries the endpoints, whose responses
    /// may depend on other services.
    pub(crate) fn verify_expectations(&mut self, followers: &mut [WatchedDeployment]) {
        let Some(expected) = self.context.expected else { return };
        let is_declared = |declared: &DeclaredState| !declared.lines.is_empty() || !declared.requests.is_empty();
        let target = |followed: &WatchedDeployment| {
            let service = &self.plan.deploys[followed.index].service;
            let mut targets = expected.survey.targets.iter().filter(|target| is_declared(&target.declared));
            targets.find(|target| target.service == *service)
        };
        let up = followers.iter_mut().filter(|followed| followed.end == Some(DeploymentEnd::Up));
        let up: Vec<(&mut WatchedDeployment, &Target)> =
            up.filter_map(|followed| target(followed).map(|target| (followed, target))).collect();
        let lines: Vec<_> = up.iter().map(|(followed, target)| self.lines(expected, followed, target)).collect();
        for ((followed, target), lines) in up.into_iter().zip(lines) {
            if self.context.interrupt.is_requested() {
                return;
            }
            let answers = self.answers(expected, target, EDGE);
            followed.end = Some(end(&target.declared, &lines, &answers));
            self.applied.seen.push(ObservedExpectations {
                service: target.service.id.clone(),
                lines: Some(lines),
                answers,
            });
        }
        if followers.iter().any(|followed| followed.status.stage() == DeploymentStage::Up) {
            self.check_other_endpoints(expected);
        }
    }

    /// Queries the endpoints of the other services, whose responses may depend on a deployed one.
    fn check_other_endpoints(&mut self, expected: ExpectedOfDeployments<'_>) {
        let is_deployed = |target: &Target| self.plan.deploys.iter().any(|deploy| deploy.service == target.service);
        let asked = expected
            .survey
            .targets
            .iter()
            .filter(|target| !target.declared.requests.is_empty() && !is_deployed(target));
        let others: Vec<&Target> = asked.collect();
        for target in others {
            if self.context.interrupt.is_requested() {
                return;
            }
            // An unsafe request was sent once before the fix, and the service itself is unchanged.
            let mut answers = target.live.responses.clone();
            if target.declared.requests.iter().all(is_safe) {
                answers = self.answers(expected, target, ELSEWHERE);
            }
            self.applied.seen.push(ObservedExpectations { service: target.service.id.clone(), lines: None, answers });
        }
    }

    /// Reads the log until every line is found or has timed out.
    fn lines(
        &self,
        expected: ExpectedOfDeployments<'_>,
        followed: &WatchedDeployment,
        target: &Target,
    ) -> Vec<Observed<LogRead>> {
        let declared = &target.declared;
        if declared.lines.is_empty() {
            return Vec::new();
        }
        let client = self.context.client;
        let deployment = match self.context.deployment(&target.service, &followed.id) {
            Ok(Some(deployment)) => deployment,
            Ok(None) => return unavailable(declared, "Railway does not list the new deployment"),
            Err(error) => return unavailable(declared, &error.with_cause(": ")),
        };
        let most = if is_explained(declared, &deployment) { EXPLAINED } else { Duration::MAX };
        let (began, mut read) = (client.clock.elapsed(), Vec::new());
        let waiting = format!("waiting for the expected lines in the log of {}", target.service.name);
        let polled = poll_until(
            self.context.poll(PollLimit::Deadline),
            |_| poll_interval(client.allowance()),
            |_| {
                read = expected.checker.lines(target, &deployment, SearchMode::Waiting);
                let missing = declared.lines.iter().zip(&read).filter(|(_, read)| !is_found(read));
                // Each line has its own limit: the longest of the missing lines counts.
                let time = missing.map(|(line, _)| line.within.unwrap_or(WITHIN).min(most)).max();
                let is_over = time.is_none_or(|time| client.clock.elapsed().saturating_sub(began) >= time);
                if is_over {
                    return Some(());
                }
                client.status.waiting(&waiting);
                None
            },
        );
        if polled == Err(PollEnd::DeadlineReached) {
            return read.into_iter().map(|read| if is_found(&read) { read } else { out_of_time() }).collect();
        }
        read
    }

    /// Queries each endpoint, and repeats safe requests while the response is not as declared.
    fn answers(
        &self,
        expected: ExpectedOfDeployments<'_>,
        target: &Target,
        most: Duration,
    ) -> Vec<Observed<EndpointOutcome>> {
        let client = self.context.client;
        let sections = expected.checker.expectations.declarations.requests(&target.service.id);
        let send = |(section, request): (&_, &ExpectedResponse)| {
            // The last response that was not as declared is used if the loop times out.
            let mut not_yet = None;
            let outcome = poll_until(
                self.context.poll(PollLimit::Elapsed(most)),
                |_| poll_interval(client.allowance()),
                |_| {
                    let response = expected.checker.answer(section, expected.survey, target);
                    let is_final = is_unsent(&response)
                        || matches!(response, EndpointOutcome::Edge { .. })
                        || mismatch(request, &response).is_none();
                    if is_final || !is_safe(request) {
                        return Some(response);
                    }
                    not_yet = Some(response);
                    None
                },
            );
            outcome.ok().or(not_yet).map_or(Observed::NotRequested, Observed::Known)
        };
        sections.iter().zip(&target.declared.requests).map(send).collect()
    }
}

/// Returns whether the request changes nothing.
fn is_safe(expected: &ExpectedResponse) -> bool {
    ["GET ", "HEAD "].iter().any(|method| expected.request.starts_with(method))
}

fn unavailable(declared: &DeclaredState, why: &str) -> Vec<Observed<LogRead>> {
    declared.lines.iter().map(|_| Observed::Unavailable(why.to_owned())).collect()
}

fn out_of_time() -> Observed<LogRead> {
    Observed::Unavailable("timed out before it appeared".to_owned())
}

/// Returns whether the start command of the new deployment lacks a declared part, which explains a missing line.
fn is_explained(declared: &DeclaredState, deployment: &Deployment) -> bool {
    let StartCommand::Set(command) = &deployment.origin.start else { return false };
    !CommandLine::of(command.expose()).lacks(&declared.start_command).is_empty()
}

fn is_found(read: &Observed<LogRead>) -> bool {
    matches!(read, Observed::Known(LogRead { outcome: LogMatch::At(_), .. }))
}

/// Returns the worst result of the log lines and responses.
fn end(declared: &DeclaredState, lines: &[Observed<LogRead>], answers: &[Observed<EndpointOutcome>]) -> DeploymentEnd {
    let lines = declared.lines.iter().zip(lines).filter_map(|(line, read)| line_end(line, read));
    let answers = declared.requests.iter().zip(answers).filter_map(|(expected, answer)| {
        let answer = answer.known()?;
        match answer {
            unsent if is_unsent(unsent) => {
                mismatch(expected, unsent).map(|why| DeploymentEnd::Open(format!("running; {why}")))
            }
            EndpointOutcome::Edge { status, feature, .. } => Some(DeploymentEnd::Open(format!(
                "running; {} did not reach it: {} responded with {status} ({})",
                expected.request,
                feature.responder(),
                feature.reason()
            ))),
            _ => mismatch(expected, answer).map(|why| DeploymentEnd::Down(format!("running, but {why}"))),
        }
    });
    let mut ends: Vec<DeploymentEnd> = lines.chain(answers).collect();
    let worst = ends.iter().position(|end| matches!(end, DeploymentEnd::Down(_))).unwrap_or(0);
    if ends.is_empty() { DeploymentEnd::Up } else { ends.swap_remove(worst) }
}

fn line_end(line: &ExpectedLine, read: &Observed<LogRead>) -> Option<DeploymentEnd> {
    let open = |why: &str| {
        Some(DeploymentEnd::Open(format!("running; could not check its log for “{}”: {why}", line.contains)))
    };
    match read {
        Observed::NotRequested | Observed::Known(LogRead { outcome: LogMatch::At(_), .. }) => None,
        Observed::Unavailable(why) | Observed::Known(LogRead { outcome: LogMatch::Open(why), .. }) => open(why),
        Observed::Known(LogRead { coverage: LogCoverage::Whole, .. }) => {
            Some(DeploymentEnd::Down(format!("running, but “{}” is not in its log", line.contains)))
        }
        Observed::Known(LogRead { .. }) => open("not found in the part that could be read"),
    }
}

fn is_unsent(answer: &EndpointOutcome) -> bool {
    matches!(answer, EndpointOutcome::NotSent(_) | EndpointOutcome::NoLocalValue(_))
}

/// Returns how a response differs from the declared one.
fn mismatch(expected: &ExpectedResponse, answer: &EndpointOutcome) -> Option<String> {
    let request = &expected.request;
    match answer {
        EndpointOutcome::Response { status, .. } if expected.status.is_some_and(|wanted| wanted != *status) => {
            Some(format!("{request} returned {status}"))
        }
        EndpointOutcome::Response { faults, .. } if !faults.is_empty() => {
            Some(format!("the response to {request} is not as declared"))
        }
        EndpointOutcome::Response { .. } | EndpointOutcome::Edge { .. } => None,
        EndpointOutcome::None { why, .. } => Some(format!("{request} got no response: {why}")),
        EndpointOutcome::NotSent(why) => Some(format!("{request} was not sent: {why}")),
        EndpointOutcome::NoLocalValue(key) => Some(format!("{request} was not sent: no local file has {key}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::apply::verify_expectations::{end, is_explained};
    use crate::commands::apply::watch_deployments::DeploymentEnd;
    use crate::drift::Secret;
    use crate::drift::declared_state::{DeclaredState, ExpectedLine, ExpectedResponse};
    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{EdgeFeature, EndpointOutcome, JsonMismatch, LogCoverage, LogMatch, LogRead};
    use crate::drift::test_support::deployment;

    fn declared() -> DeclaredState {
        let line = ExpectedLine { contains: "up".to_owned(), within: None, place: None };
        let request =
            ExpectedResponse { request: "GET /x".to_owned(), status: Some(200), keys: Vec::new(), place: None };
        DeclaredState {
            start_command: vec!["-B".to_owned()],
            lines: vec![line],
            requests: vec![request],
            ..DeclaredState::default()
        }
    }

    fn read(sought: LogMatch, reach: LogCoverage) -> Observed<LogRead> {
        Observed::Known(LogRead { outcome: sought, lines: 1, span: None, coverage: reach, replicas: None })
    }

    #[test]
    fn missing_start_command_part_explains_missing_line() {
        for (command, expected) in [(Some("run --Bulk"), true), (Some("run -B"), false), (None, false)] {
            let mut one = deployment("0", "SUCCESS");
            one.origin.start = command.map_or(StartCommand::Unknown, |text| StartCommand::Set(Secret::new(text)));
            assert_eq!(is_explained(&declared(), &one), expected, "{command:?}");
        }
    }

    #[test]
    fn failed_expectations_outrank_unavailable_ones() {
        let there = || read(LogMatch::At("x".to_owned()), LogCoverage::Whole);
        let came = |status, faults| {
            Observed::Known(EndpointOutcome::Response {
                domain: "shop.up.railway.app".to_owned(),
                status,
                faults,
                body: None,
                may_be_edge: false,
            })
        };
        let not_asked = || Observed::Known(EndpointOutcome::NotSent("no domain".to_owned()));
        let without_file = || Observed::Known(EndpointOutcome::NoLocalValue("OPS_KEY".to_owned()));
        let edge = || {
            let feature = EdgeFeature::UnderAttackMode;
            Observed::Known(EndpointOutcome::Edge { domain: "shop.up.railway.app".to_owned(), status: 429, feature })
        };
        for (line, answer, expected) in [
            (there(), came(200, vec![]), "up"),
            (
                read(LogMatch::Nowhere, LogCoverage::Whole),
                came(200, vec![]),
                "down: running, but “up” is not in its log",
            ),
            (there(), came(401, vec![]), "down: running, but GET /x returned 401"),
            (
                there(),
                came(200, vec![JsonMismatch::NotJson]),
                "down: running, but the response to GET /x is not as declared",
            ),
            (read(LogMatch::Nowhere, LogCoverage::End), came(401, vec![]), "down: running, but GET /x returned 401"),
            (
                read(LogMatch::Nowhere, LogCoverage::End),
                came(200, vec![]),
                "open: running; could not check its log for “up”: not found in the part that could be read",
            ),
            (
                Observed::Unavailable("refused".to_owned()),
                not_asked(),
                "open: running; could not check its log for “up”: refused",
            ),
            (
                there(),
                edge(),
                "open: running; GET /x did not reach it: Railway's edge responded with 429 (Under Attack Mode is on for \
                 the service and lets only browsers through)",
            ),
            (read(LogMatch::Nowhere, LogCoverage::Whole), edge(), "down: running, but “up” is not in its log"),
            (there(), not_asked(), "open: running; GET /x was not sent: no domain"),
            (there(), without_file(), "open: running; GET /x was not sent: no local file has OPS_KEY"),
        ] {
            let found = match end(&declared(), &[line], &[answer]) {
                DeploymentEnd::Up => "up".to_owned(),
                DeploymentEnd::Down(why) => format!("down: {why}"),
                DeploymentEnd::Open(why) => format!("open: {why}"),
            };
            assert_eq!(found, expected);
        }
    }
}
