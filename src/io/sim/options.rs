//! How this Railway does what is not known of the real one, or differs from day to day.

use std::time::Duration;

use crate::io::sim::tracing::{Sampler, Tracing};

/// Its ways; the default is what is known, or thought likeliest.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// The most that one page of a listing holds.
    pub page_cap: usize,
    /// The most root fields that one request may ask for; a values batch has two for each service.
    pub root_fields: usize,
    /// How sealed variables show.
    pub sealed: Sealed,
    /// Keys whose values are returned as null although they are not sealed.
    pub withheld: &'static [&'static str],
    /// How values show where they are withheld from everybody, in `environment.config` and in staged patches.
    pub masked: Masked,
    /// How much time passes with each request.
    pub pace: Duration,
    /// For so many reads of values after a write, the values before it are still given.
    pub value_lag: usize,
    /// For so many reads after a deployment was created, `latestDeployment` is still the one before it.
    pub latest_lag: usize,
    /// What becomes of a seal when the variable is written over.
    pub overwritten: Overwritten,
    /// What becomes of a variable that is set to the empty text.
    pub empty: Empty,
    /// What deleting a variable that is not there says.
    pub absent: MissingDelete,
    /// Whether deleting a variable deploys. There is no argument to prevent it.
    pub deletion: Deletion,
    /// Which variables a redeployment gets.
    pub redeployed: Redeployed,
    /// Which environments a patch of settings changes.
    pub patched: Patched,
    /// What setting a start command deploys.
    pub patch_deploys: PatchDeploys,
    /// Which start command a redeployment gets.
    pub redeployed_command: Started,
    /// Which start command a deployment from the source gets.
    pub deployed_command: Started,
    /// So many deployments of one service are let through within `deploy_window`.
    pub deploy_limit: usize,
    /// The window of `deploy_limit`.
    pub deploy_window: Duration,
    /// What a deployment's snapshot shows.
    pub snapshot: Snapshots,
    /// How sealed variables show in a snapshot.
    pub snapshot_sealed: Sealed,
    /// Whether a snapshot holds the variables that Railway itself gives.
    pub snapshot_system: SystemVariables,
    /// Where the variables of tracing show, which adds them to every service.
    pub tracing: Tracing,
    /// Whether the log of a build is where it has always been.
    pub build_logs: BuildLogs,
    /// Whether tracing adds those of the sampler.
    pub sampler: Sampler,
}

/// How a sealed variable shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Its name is there, its value is null.
    Null,
    /// It is left out of the maps of values; the configuration names it without a value.
    Absent,
}

/// What stands in the place of a value that `environment.config` withholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
    /// The empty text.
    Empty,
    Null,
    /// Nothing: there is no `value`.
    Absent,
}

/// What becomes of a seal when the variable is written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwritten {
    /// The new value is sealed as the old one was.
    StaysSealed,
    /// The new value can be read.
    BecomesOpen,
}

/// What becomes of a variable that is set to the empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is stored.
    Kept,
    /// It is gone, as one project reports.
    Dropped,
}

/// What deleting a variable that is not there says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDelete {
    /// `Variable not found`.
    Refused,
    /// True, as if it had been deleted.
    Accepted,
}

/// Whether deleting a variable deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Every service whose rendered variables change by it is deployed.
    Deploys,
    /// Nothing is, as two people noted.
    DeploysNothing,
}

/// Which variables a redeployment gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeployed {
    /// Those of today.
    WithCurrent,
    /// Those of the deployment that it repeats.
    WithCaptured,
}

/// Which environments a patch of settings changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patched {
    One,
    /// Every one that has the service.
    All,
}

/// What setting a start command deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchDeploys {
    /// The service, with the commit that runs.
    SameCommit,
    /// The service, with the commit at the head of its branch.
    Head,
    Nothing,
}

/// Which start command a deployment gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// That of the settings.
    WithCurrent,
    /// That of the deployment that served before.
    WithCaptured,
}

/// What a deployment's snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshots {
    /// Values with their references resolved.
    Rendered,
    /// Values as they were stored.
    Raw,
    /// There is none: null.
    Null,
    /// Null, and beside it an error that refuses it.
    Refused,
}

/// Whether the variables that Railway itself gives are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemVariables {
    /// They are left out.
    Absent,
    /// They are among the others.
    Present,
}

/// Where the log of a build is. Among the lines of the environment it is in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildLogs {
    /// Also under its deployment.
    OfDeployment,
    /// Nowhere else.
    OfEnvironment,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            page_cap: 1000,
            root_fields: usize::MAX,
            sealed: Sealed::Null,
            withheld: &[],
            masked: Masked::Empty,
            pace: Duration::from_secs(1),
            value_lag: 0,
            latest_lag: 0,
            overwritten: Overwritten::StaysSealed,
            empty: Empty::Kept,
            absent: MissingDelete::Refused,
            deletion: Deletion::Deploys,
            redeployed: Redeployed::WithCurrent,
            patched: Patched::One,
            patch_deploys: PatchDeploys::SameCommit,
            redeployed_command: Started::WithCurrent,
            deployed_command: Started::WithCurrent,
            deploy_limit: 3,
            deploy_window: Duration::from_secs(600),
            snapshot: Snapshots::Rendered,
            snapshot_sealed: Sealed::Null,
            snapshot_system: SystemVariables::Absent,
            tracing: Tracing::Off,
            build_logs: BuildLogs::OfDeployment,
            sampler: Sampler::Present,
        }
    }
}
