//! The last part of the proof: what is declared of a service is seen of its new deployment.

use std::time::Duration;

use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment, poll_interval};
use crate::commands::apply::{ApplyState, ExpectedOfDeployments};
use crate::drift::command_line::CommandLine;
use crate::drift::declared_state::{DeclaredState, ExpectedAnswer, ExpectedLine};
use crate::drift::model::deployment::{Deployment, DeploymentStage, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{EndpointOutcome, LogCoverage, LogMatch, LogRead};
use crate::drift::{Survey, Target};
use crate::io::poll::{PollEnd, PollLimit, poll_until};
use crate::io::railway::deployment_log::{SearchMode, WITHIN};

/// How long an answer that is not as declared may become so: Railway's edge takes a moment to lead to a new deployment.
const EDGE: Duration = Duration::from_secs(30);

/// How long a line is waited for that the start command already explains.
const EXPLAINED: Duration = Duration::from_secs(5);

/// How long an answer is waited for that another service's new deployment may mend.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// What was seen of the new deployment of a service.
#[derive(Debug)]
pub(crate) struct ObservedExpectations {
    service: String,
    /// Of the new deployment's log; `None` for a service that was not deployed.
    lines: Option<Vec<Observed<LogRead>>>,
    answers: Vec<Observed<EndpointOutcome>>,
}

impl ObservedExpectations {
    /// Makes it what is known of the service.
    pub(crate) fn put_into(&self, survey: &mut Survey) {
        for target in survey.targets.iter_mut().filter(|target| target.service.id == self.service) {
            target.live.answers.clone_from(&self.answers);
            if let Some(lines) = &self.lines {
                target.live.lines.clone_from(lines);
                survey.proved.insert(self.service.clone());
            }
        }
    }
}

impl ApplyState<'_, '_> {
    /// Looks for the declared lines of what came up, and then asks its endpoints, which may hang on other services.
    pub(crate) fn verify_expectations(&mut self, followers: &mut [WatchedDeployment]) {
        let Some(seeing) = self.site.seeing else { return };
        let is_declared = |declared: &DeclaredState| !declared.lines.is_empty() || !declared.requests.is_empty();
        let target = |followed: &WatchedDeployment| {
            let service = &self.plan.deploys[followed.index].service;
            let mut targets = seeing.survey.targets.iter().filter(|target| is_declared(&target.declared));
            targets.find(|target| target.service == *service)
        };
        let up = followers.iter_mut().filter(|followed| followed.end == Some(DeploymentEnd::Up));
        let up: Vec<(&mut WatchedDeployment, &Target)> =
            up.filter_map(|followed| target(followed).map(|target| (followed, target))).collect();
        let lines: Vec<_> = up.iter().map(|(followed, target)| self.lines(seeing, followed, target)).collect();
        for ((followed, target), lines) in up.into_iter().zip(lines) {
            if self.site.interrupt.is_requested() {
                return;
            }
            let answers = self.answers(seeing, target, EDGE);
            followed.end = Some(end(&target.declared, &lines, &answers));
            self.applied.seen.push(ObservedExpectations {
                service: target.service.id.clone(),
                lines: Some(lines),
                answers,
            });
        }
        if followers.iter().any(|followed| followed.status.stage() == DeploymentStage::Up) {
            self.check_other_endpoints(seeing);
        }
    }

    /// What a service answers may hang on one that was deployed.
    fn check_other_endpoints(&mut self, seeing: ExpectedOfDeployments<'_>) {
        let is_deployed = |target: &Target| self.plan.deploys.iter().any(|deploy| deploy.service == target.service);
        let asked =
            seeing.survey.targets.iter().filter(|target| !target.declared.requests.is_empty() && !is_deployed(target));
        let others: Vec<&Target> = asked.collect();
        for target in others {
            if self.site.interrupt.is_requested() {
                return;
            }
            // What may change something has been asked already, and nothing of that service is new.
            let mut answers = target.live.answers.clone();
            if target.declared.requests.iter().all(is_safe) {
                answers = self.answers(seeing, target, ELSEWHERE);
            }
            self.applied.seen.push(ObservedExpectations { service: target.service.id.clone(), lines: None, answers });
        }
    }

    /// Reads the log until every line is there, or has had its time.
    fn lines(
        &self,
        seeing: ExpectedOfDeployments<'_>,
        followed: &WatchedDeployment,
        target: &Target,
    ) -> Vec<Observed<LogRead>> {
        let declared = &target.declared;
        if declared.lines.is_empty() {
            return Vec::new();
        }
        let client = self.site.client;
        let deployment = match self.site.deployment(&target.service, &followed.id) {
            Ok(Some(deployment)) => deployment,
            Ok(None) => return unavailable(declared, "Railway does not list the new deployment"),
            Err(error) => return unavailable(declared, &error.with_cause(": ")),
        };
        let most = if is_explained(declared, &deployment) { EXPLAINED } else { Duration::MAX };
        let (began, mut read) = (client.clock.elapsed(), Vec::new());
        let waiting = format!("waiting for what the log of {} must say", target.service.name);
        let polled = poll_until(
            self.site.poll(PollLimit::Deadline),
            |_| poll_interval(client.allowance()),
            |_| {
                read = seeing.eyes.lines(target, &deployment, SearchMode::Waiting);
                let missing = declared.lines.iter().zip(&read).filter(|(_, read)| !is_there(read));
                // Each line has its own time: the longest of those that are missing counts.
                let time = missing.map(|(line, _)| line.within.unwrap_or(WITHIN).min(most)).max();
                let is_over = time.is_none_or(|time| client.clock.elapsed().saturating_sub(began) >= time);
                if is_over {
                    return Some(());
                }
                client.talk.waiting(&waiting);
                None
            },
        );
        if polled == Err(PollEnd::DeadlineReached) {
            return read.into_iter().map(|read| if is_there(&read) { read } else { out_of_time() }).collect();
        }
        read
    }

    /// Asks each endpoint, and again while its answer is not as declared. What may change something is asked once.
    fn answers(
        &self,
        seeing: ExpectedOfDeployments<'_>,
        target: &Target,
        most: Duration,
    ) -> Vec<Observed<EndpointOutcome>> {
        let client = self.site.client;
        let sections = seeing.eyes.sights.declarations.requests(&target.service.id);
        let ask = |(section, expected): (&_, &ExpectedAnswer)| {
            // An answer is the loop's result; one that may still become as declared is kept for its end.
            let mut not_yet = None;
            let answered = poll_until(
                self.site.poll(PollLimit::Elapsed(most)),
                |_| poll_interval(client.allowance()),
                |_| {
                    let answer = seeing.eyes.answer(section, seeing.survey, target);
                    let is_final = matches!(answer, EndpointOutcome::NotAsked(_) | EndpointOutcome::Edge { .. })
                        || wrong(expected, &answer).is_none();
                    if is_final || !is_safe(expected) {
                        return Some(answer);
                    }
                    not_yet = Some(answer);
                    None
                },
            );
            answered.ok().or(not_yet).map_or(Observed::NotRequested, Observed::Known)
        };
        sections.iter().zip(&target.declared.requests).map(ask).collect()
    }
}

/// Whether asking it changes nothing.
fn is_safe(expected: &ExpectedAnswer) -> bool {
    ["GET ", "HEAD "].iter().any(|method| expected.request.starts_with(method))
}

fn unavailable(declared: &DeclaredState, why: &str) -> Vec<Observed<LogRead>> {
    declared.lines.iter().map(|_| Observed::Unavailable(why.to_owned())).collect()
}

fn out_of_time() -> Observed<LogRead> {
    Observed::Unavailable("the time was over before it came".to_owned())
}

/// Whether the new deployment starts without a declared part, so that what follows from it is not worth a long wait.
fn is_explained(declared: &DeclaredState, deployment: &Deployment) -> bool {
    let StartCommand::Is(command) = &deployment.origin.start else { return false };
    !CommandLine::of(command.expose()).lacks(&declared.start_command).is_empty()
}

fn is_there(read: &Observed<LogRead>) -> bool {
    matches!(read, Observed::Known(LogRead { sought: LogMatch::At(_), .. }))
}

/// The worst of what was seen.
fn end(declared: &DeclaredState, lines: &[Observed<LogRead>], answers: &[Observed<EndpointOutcome>]) -> DeploymentEnd {
    let lines = declared.lines.iter().zip(lines).filter_map(|(line, read)| line_end(line, read));
    let answers = declared.requests.iter().zip(answers).filter_map(|(expected, answer)| {
        let answer = answer.known()?;
        match answer {
            EndpointOutcome::NotAsked(why) => {
                Some(DeploymentEnd::Open(format!("it runs; {} was not asked: {why}", expected.request)))
            }
            EndpointOutcome::Edge { status, feature, .. } => Some(DeploymentEnd::Open(format!(
                "it runs; {} did not reach it: {} answered {status} ({})",
                expected.request,
                feature.responder(),
                feature.reason()
            ))),
            _ => wrong(expected, answer).map(|why| DeploymentEnd::Down(format!("it runs, and {why}"))),
        }
    });
    let mut ends: Vec<DeploymentEnd> = lines.chain(answers).collect();
    let worst = ends.iter().position(|end| matches!(end, DeploymentEnd::Down(_))).unwrap_or(0);
    if ends.is_empty() { DeploymentEnd::Up } else { ends.swap_remove(worst) }
}

fn line_end(line: &ExpectedLine, read: &Observed<LogRead>) -> Option<DeploymentEnd> {
    let open =
        |why: &str| Some(DeploymentEnd::Open(format!("it runs; whether “{}” is in its log: {why}", line.contains)));
    match read {
        Observed::NotRequested | Observed::Known(LogRead { sought: LogMatch::At(_), .. }) => None,
        Observed::Unavailable(why) | Observed::Known(LogRead { sought: LogMatch::Open(why), .. }) => open(why),
        Observed::Known(LogRead { reach: LogCoverage::Whole, .. }) => {
            Some(DeploymentEnd::Down(format!("it runs, and “{}” is not in its log", line.contains)))
        }
        Observed::Known(LogRead { .. }) => open("not in what could be read of it"),
    }
}

/// What is not as declared in an answer.
fn wrong(expected: &ExpectedAnswer, answer: &EndpointOutcome) -> Option<String> {
    let request = &expected.request;
    match answer {
        EndpointOutcome::Came { status, .. } if expected.status.is_some_and(|wanted| wanted != *status) => {
            Some(format!("{request} is answered with {status}"))
        }
        EndpointOutcome::Came { faults, .. } if !faults.is_empty() => {
            Some(format!("the answer to {request} is not as declared"))
        }
        EndpointOutcome::Came { .. } | EndpointOutcome::Edge { .. } => None,
        EndpointOutcome::None { why, .. } => Some(format!("{request} is not answered: {why}")),
        EndpointOutcome::NotAsked(why) => Some(format!("{request} was not asked: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::apply::verify_expectations::{end, is_explained};
    use crate::commands::apply::watch_deployments::DeploymentEnd;
    use crate::drift::Secret;
    use crate::drift::declared_state::{DeclaredState, ExpectedAnswer, ExpectedLine};
    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{EdgeFeature, EndpointOutcome, JsonFault, LogCoverage, LogMatch, LogRead};
    use crate::drift::test_support::deployment;

    fn declared() -> DeclaredState {
        let line = ExpectedLine { contains: "up".to_owned(), within: None, place: None };
        let request = ExpectedAnswer { request: "GET /x".to_owned(), status: Some(200), keys: Vec::new(), place: None };
        DeclaredState {
            start_command: vec!["-B".to_owned()],
            lines: vec![line],
            requests: vec![request],
            ..DeclaredState::default()
        }
    }

    fn read(sought: LogMatch, reach: LogCoverage) -> Observed<LogRead> {
        Observed::Known(LogRead { sought, lines: 1, span: None, reach, replicas: None })
    }

    #[test]
    fn missing_start_command_part_explains_missing_line() {
        for (command, expected) in [(Some("run --Bulk"), true), (Some("run -B"), false), (None, false)] {
            let mut one = deployment("0", "SUCCESS");
            one.origin.start = command.map_or(StartCommand::Untold, |text| StartCommand::Is(Secret::new(text)));
            assert_eq!(is_explained(&declared(), &one), expected, "{command:?}");
        }
    }

    #[test]
    fn failed_expectations_outrank_unavailable_ones() {
        let there = || read(LogMatch::At("x".to_owned()), LogCoverage::Whole);
        let came = |status, faults| {
            Observed::Known(EndpointOutcome::Came {
                domain: "shop.up.railway.app".to_owned(),
                status,
                faults,
                body: None,
                may_be_edge: false,
            })
        };
        let not_asked = || Observed::Known(EndpointOutcome::NotAsked("no domain".to_owned()));
        let edge = || {
            let feature = EdgeFeature::UnderAttackMode;
            Observed::Known(EndpointOutcome::Edge { domain: "shop.up.railway.app".to_owned(), status: 429, feature })
        };
        for (line, answer, expected) in [
            (there(), came(200, vec![]), "up"),
            (
                read(LogMatch::Nowhere, LogCoverage::Whole),
                came(200, vec![]),
                "down: it runs, and “up” is not in its log",
            ),
            (there(), came(401, vec![]), "down: it runs, and GET /x is answered with 401"),
            (
                there(),
                came(200, vec![JsonFault::NotJson]),
                "down: it runs, and the answer to GET /x is not as declared",
            ),
            (
                read(LogMatch::Nowhere, LogCoverage::End),
                came(401, vec![]),
                "down: it runs, and GET /x is answered with 401",
            ),
            (
                read(LogMatch::Nowhere, LogCoverage::End),
                came(200, vec![]),
                "open: it runs; whether “up” is in its log: not in what could be read of it",
            ),
            (
                Observed::Unavailable("refused".to_owned()),
                not_asked(),
                "open: it runs; whether “up” is in its log: refused",
            ),
            (
                there(),
                edge(),
                "open: it runs; GET /x did not reach it: Railway's edge answered 429 (Under Attack Mode is on for the \
                 service, and lets only browsers through)",
            ),
            (read(LogMatch::Nowhere, LogCoverage::Whole), edge(), "down: it runs, and “up” is not in its log"),
            (there(), not_asked(), "open: it runs; GET /x was not asked: no domain"),
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
