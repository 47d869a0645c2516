//! Follows the deployments that this run created, each by its id, until they end.

use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::drift::model::deployment::{DeploymentStage, DeploymentStatus};
use crate::error::Error;
use crate::io::poll::{PollEnd, PollLimit, poll_until};
use crate::io::railway::deployments::DeploymentProgress;
use crate::io::terminal::progress_row::{ProgressRow, RowState, time};

/// The shortest time between two polls.
const OFTEN: Duration = Duration::from_secs(2);

/// The longest time between two polls, regardless of the rate limit.
const SELDOM: Duration = Duration::from_secs(30);

/// How long Railway may be unreachable before the outcome is unknown.
const UNREACHABLE: Duration = Duration::from_secs(60);

/// How many times a deployment may be superseded before the run stops following it.
const SUCCESSIONS: u8 = 3;

/// A deployment in progress.
#[derive(Debug)]
pub(crate) struct WatchedDeployment {
    /// Index into the plan's deployments.
    pub(crate) index: usize,
    /// Its id, or that of the deployment that superseded it.
    pub(crate) id: String,
    pub(crate) status: DeploymentStatus,
    pub(crate) end: Option<DeploymentEnd>,
    since: Duration,
    took: Duration,
    successions: u8,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeploymentEnd {
    /// It is running.
    Up,
    /// It failed or is not as planned: the cause.
    Down(String),
    /// The outcome is unknown: the cause.
    Open(String),
}

impl WatchedDeployment {
    pub(crate) fn new(index: usize, id: String, since: Duration) -> Self {
        let took = Duration::ZERO;
        Self { index, id, status: DeploymentStatus::Initializing, end: None, since, took, successions: 0 }
    }

    /// Returns when its end was observed, on the run's clock.
    pub(crate) fn ended(&self) -> Duration {
        self.since + self.took
    }
}

impl ApplyState<'_, '_> {
    /// Polls until every deployment has ended, the time limit is reached, or Ctrl-C is pressed.
    pub(crate) fn follow(&mut self, followers: &mut [WatchedDeployment]) {
        let context = self.context;
        let mut lost_since: Option<Duration> = None;
        let polled = poll_until(
            context.poll(PollLimit::Deadline),
            |_| poll_interval(context.client.allowance()),
            |number| {
                // The deployments were just created, so the first poll waits.
                if number > 0 && !context.interrupt.is_requested() {
                    match self.poll(followers) {
                        Ok(()) => lost_since = None,
                        Err(error) => {
                            let now = context.client.clock.elapsed();
                            if now.saturating_sub(*lost_since.get_or_insert(now)) >= UNREACHABLE {
                                give_up(followers, |_| {
                                    format!("could not read its status: {}", error.with_cause(": "))
                                });
                                return Some(());
                            }
                        }
                    }
                }
                self.show(followers);
                followers.iter().all(|followed| followed.end.is_some()).then_some(())
            },
        );
        if polled == Err(PollEnd::DeadlineReached) {
            let now = context.client.clock.elapsed();
            give_up(followers, |followed| {
                let waited = time(now.saturating_sub(followed.since));
                format!("timed out after {waited}, still {}", followed.status)
            });
        }
    }

    /// Reads the status of all deployments that have not ended.
    fn poll(&mut self, followers: &mut [WatchedDeployment]) -> Result<(), Error> {
        let mut open: Vec<&mut WatchedDeployment> =
            followers.iter_mut().filter(|followed| followed.end.is_none()).collect();
        let ids: Vec<&str> = open.iter().map(|followed| followed.id.as_str()).collect();
        let doings = self.context.client.watch(&ids)?;
        for (followed, doing) in open.iter_mut().zip(doings) {
            self.judge(followed, doing);
        }
        Ok(())
    }

    fn judge(&mut self, followed: &mut WatchedDeployment, doing: Option<DeploymentProgress>) {
        let Some(DeploymentProgress { status, .. }) = doing else {
            followed.end = Some(DeploymentEnd::Open("no longer exists on Railway".to_owned()));
            return;
        };
        followed.took = self.context.client.clock.elapsed().saturating_sub(followed.since);
        followed.end = match status.stage() {
            DeploymentStage::InProgress => None,
            DeploymentStage::Up => Some(DeploymentEnd::Up),
            DeploymentStage::Stuck => Some(DeploymentEnd::Open("waiting for approval in the dashboard".to_owned())),
            DeploymentStage::Down => Some(DeploymentEnd::Down(failure_text(&status))),
            DeploymentStage::Replaced => self.succeed(followed),
        };
        followed.status = status;
    }

    /// Follows the deployment that superseded it instead, which was created after the values were stored.
    fn succeed(&mut self, followed: &mut WatchedDeployment) -> Option<DeploymentEnd> {
        if followed.successions >= SUCCESSIONS {
            return Some(DeploymentEnd::Open("superseded repeatedly by other deployments".to_owned()));
        }
        let service = &self.plan.deploys[followed.index].service;
        let Ok(recent) = self.context.recent(service) else { return None };
        let own = recent.iter().position(|one| one.id == followed.id).unwrap_or(recent.len());
        // A push that Railway skipped does not replace the running deployment.
        let Some(newer) = recent[..own].iter().find(|one| one.status != DeploymentStatus::Skipped) else {
            return Some(DeploymentEnd::Down("removed, and not replaced by a newer deployment".to_owned()));
        };
        let by_itself =
            newer.origin.automatic_reason().map(|what| format!("; Railway created it automatically: {what}"));
        self.applied.remarks.push(format!(
            "deployment {} of {} was superseded by {}, which was created after the values were stored{}",
            followed.id,
            service.name,
            newer.id,
            by_itself.unwrap_or_default()
        ));
        followed.id.clone_from(&newer.id);
        followed.successions += 1;
        self.receipts.deploys[followed.index].deployment = Some(newer.id.clone());
        None
    }

    fn show(&self, followers: &[WatchedDeployment]) {
        let now = self.context.client.clock.elapsed();
        let row = |followed: &WatchedDeployment| ProgressRow {
            name: self.plan.deploys[followed.index].service.name.clone(),
            state: followed.status.to_string(),
            elapsed: if followed.end.is_some() { followed.took } else { now.saturating_sub(followed.since) },
            done: match followed.end {
                None => RowState::Running,
                Some(DeploymentEnd::Up) => RowState::Good,
                Some(DeploymentEnd::Down(_) | DeploymentEnd::Open(_)) => RowState::Bad,
            },
        };
        self.context.client.status.progress(&followers.iter().map(row).collect::<Vec<_>>());
    }
}

fn give_up(followers: &mut [WatchedDeployment], cause: impl Fn(&WatchedDeployment) -> String) {
    for followed in followers.iter_mut().filter(|followed| followed.end.is_none()) {
        followed.end = Some(DeploymentEnd::Open(cause(followed)));
    }
}

/// Returns a phrase for the receipt of a deployment that is down.
pub(super) fn failure_text(status: &DeploymentStatus) -> String {
    match status {
        DeploymentStatus::Failed => "the deployment failed".to_owned(),
        DeploymentStatus::Skipped => "skipped by Railway".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// A free plan allows a hundred requests per hour, which polling must not use up.
pub(super) fn poll_interval(allowance: Option<(u64, u64)>) -> Duration {
    // 0.6 of the average time per request: polling lasts minutes, and the limit applies to an hour.
    let share = allowance.map(|(requests, seconds)| Duration::from_millis(600 * seconds / requests.max(1)));
    share.unwrap_or(OFTEN).clamp(OFTEN, SELDOM)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::commands::apply::watch_deployments::poll_interval;

    #[test]
    fn poll_interval_follows_rate_limit() {
        for (allowance, millis) in [
            (None, 2_000),
            (Some((10_000, 3600)), 2_000),
            (Some((1_000, 3600)), 2_160),
            (Some((100, 3600)), 21_600),
            (Some((1, 3600)), 30_000),
            (Some((0, 3600)), 30_000),
        ] {
            assert_eq!(poll_interval(allowance), Duration::from_millis(millis), "{allowance:?}");
        }
    }
}
