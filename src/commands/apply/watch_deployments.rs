//! Following the deployments that this run created, each by its id, to an end.

use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::drift::model::deployment::{DeploymentStage, DeploymentStatus};
use crate::io::poll::{PollEnd, PollLimit, poll_until};
use crate::io::railway::deployments::Doing;
use crate::io::terminal::progress_row::{ProgressRow, RowState};

/// The least time between two looks.
const OFTEN: Duration = Duration::from_secs(2);

/// The most time between two looks, whatever the plan allows.
const SELDOM: Duration = Duration::from_secs(30);

/// How long Railway may be out of reach before the end is called unknown.
const UNREACHABLE: Duration = Duration::from_secs(60);

/// How many times a deployment may be taken the place of before that is an answer.
const SUCCESSIONS: u8 = 3;

/// A deployment on its way.
#[derive(Debug)]
pub(crate) struct WatchedDeployment {
    /// Index into the plan's deployments.
    pub(crate) index: usize,
    /// Its id; that of its successor once another one took its place.
    pub(crate) id: String,
    /// What Railway says of it.
    pub(crate) status: DeploymentStatus,
    /// How it ended, once it has.
    pub(crate) end: Option<DeploymentEnd>,
    since: Duration,
    took: Duration,
    successions: u8,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeploymentEnd {
    /// It runs.
    Up,
    /// It does not, and why.
    Down(String),
    /// It can't be told, and why.
    Open(String),
}

impl WatchedDeployment {
    pub(crate) fn new(index: usize, id: String, since: Duration) -> Self {
        let took = Duration::ZERO;
        Self { index, id, status: DeploymentStatus::Initializing, end: None, since, took, successions: 0 }
    }

    /// When its end was seen, on the run's clock.
    pub(crate) fn ended(&self) -> Duration {
        self.since + self.took
    }
}

impl ApplyState<'_, '_> {
    /// Polls until every deployment has ended, the time is over, or Ctrl-C.
    pub(crate) fn follow(&mut self, followers: &mut [WatchedDeployment]) {
        let site = self.site;
        let mut lost_since: Option<Duration> = None;
        let polled = poll_until(
            site.poll(PollLimit::Deadline),
            |_| poll_interval(site.client.allowance()),
            |number| {
                // They were created a moment ago, so that nothing is new before the first wait.
                if number > 0 && !site.interrupt.is_requested() {
                    match self.poll(followers) {
                        Ok(()) => lost_since = None,
                        Err(error) => {
                            let now = site.client.clock.elapsed();
                            if now.saturating_sub(*lost_since.get_or_insert(now)) >= UNREACHABLE {
                                give_up(followers, &format!("Railway went out of reach: {}", error.with_cause(": ")));
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
            give_up(followers, "the time was over before it was done");
        }
    }

    /// Looks once at all that have not ended.
    fn poll(&mut self, followers: &mut [WatchedDeployment]) -> Result<(), crate::error::Error> {
        let mut open: Vec<&mut WatchedDeployment> =
            followers.iter_mut().filter(|followed| followed.end.is_none()).collect();
        let ids: Vec<&str> = open.iter().map(|followed| followed.id.as_str()).collect();
        let doings = self.site.client.watch(&ids)?;
        for (followed, doing) in open.iter_mut().zip(doings) {
            self.judge(followed, doing);
        }
        Ok(())
    }

    fn judge(&mut self, followed: &mut WatchedDeployment, doing: Option<Doing>) {
        let Some(Doing { status, .. }) = doing else {
            followed.end = Some(DeploymentEnd::Open("Railway no longer has it".to_owned()));
            return;
        };
        followed.took = self.site.client.clock.elapsed().saturating_sub(followed.since);
        followed.end = match status.stage() {
            DeploymentStage::UnderWay => None,
            DeploymentStage::Up => Some(DeploymentEnd::Up),
            DeploymentStage::Stuck => {
                Some(DeploymentEnd::Open("it waits until somebody approves it on Railway's page".to_owned()))
            }
            DeploymentStage::Down if status == DeploymentStatus::Skipped => {
                Some(DeploymentEnd::Down("Railway skipped it".to_owned()))
            }
            DeploymentStage::Down => Some(DeploymentEnd::Down(format!("it is {status}"))),
            DeploymentStage::Gone => self.succeed(followed, &status),
        };
        followed.status = status;
    }

    /// Another deployment took its place: that one was made after the values were stored, and is followed instead.
    fn succeed(&mut self, followed: &mut WatchedDeployment, status: &DeploymentStatus) -> Option<DeploymentEnd> {
        let removed =
            || Some(DeploymentEnd::Down(format!("it is {status}: it was removed, and no newer one replaces it")));
        if followed.successions >= SUCCESSIONS {
            return Some(DeploymentEnd::Open("other deployments take its place, one after another".to_owned()));
        }
        let service = &self.plan.deploys[followed.index].service;
        let Ok(recent) = self.site.recent(service) else { return None };
        let own = recent.iter().position(|one| one.id == followed.id).unwrap_or(recent.len());
        // A push that Railway skipped does not replace the running deployment.
        let Some(newer) = recent[..own].iter().find(|one| one.status != DeploymentStatus::Skipped) else {
            return removed();
        };
        let by_itself = newer.origin.railways_own().map(|what| format!("; Railway made it itself: {what}"));
        self.applied.remarks.push(format!(
            "deployment {} of {} was superseded by {}, which was made after the values were stored{}",
            followed.id,
            service.name,
            newer.id,
            by_itself.unwrap_or_default()
        ));
        followed.id.clone_from(&newer.id);
        followed.successions += 1;
        self.ledger.deploys[followed.index].deployment = Some(newer.id.clone());
        None
    }

    fn show(&self, followers: &[WatchedDeployment]) {
        let now = self.site.client.clock.elapsed();
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
        self.site.client.talk.progress(&followers.iter().map(row).collect::<Vec<_>>());
    }
}

fn give_up(followers: &mut [WatchedDeployment], why: &str) {
    for followed in followers.iter_mut().filter(|followed| followed.end.is_none()) {
        followed.end = Some(DeploymentEnd::Open(why.to_owned()));
    }
}

/// A free plan allows a hundred requests in an hour: a watch must not use them up.
pub(super) fn poll_interval(allowance: Option<(u64, u64)>) -> Duration {
    // Six tenths of the time that one request costs: a watch is short, and the hour is long.
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
