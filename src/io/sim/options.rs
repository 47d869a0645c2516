//! Options for behaviour that is unknown for the real Railway, or that changes over time.

use std::time::Duration;

use crate::io::sim::tracing::{Sampler, Tracing};

/// The options. The defaults are the known or the most likely behaviour.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// The maximum size of a page of a listing.
    pub page_cap: usize,
    /// The maximum number of root fields of a request; a batch of values has two for each service.
    pub root_fields: usize,
    /// How sealed variables are returned.
    pub sealed: Sealed,
    /// Keys whose values are returned as null although they are not sealed.
    pub withheld: &'static [&'static str],
    /// How redacted values are returned, in `environment.config` and in staged patches.
    pub masked: Masked,
    /// The time that passes with each request.
    pub pace: Duration,
    /// The number of reads after a write that still return the values from before it.
    pub value_lag: usize,
    /// The number of reads after a deployment was created in which `latestDeployment` is still the previous one.
    pub latest_lag: usize,
    /// Whether an overwritten sealed variable stays sealed.
    pub overwritten: Overwritten,
    /// Whether an empty value is stored.
    pub empty: Empty,
    /// The response to the deletion of a missing variable.
    pub absent: MissingDelete,
    /// Whether the deletion of a variable deploys. There is no argument to prevent that.
    pub deletion: Deletion,
    /// The variables of a redeployment.
    pub redeployed: Redeployed,
    /// The environments that a settings patch changes.
    pub patched: Patched,
    /// What a changed start command deploys.
    pub patch_deploys: PatchDeploys,
    /// The start command of a redeployment.
    pub redeployed_command: Started,
    /// The start command of a deployment from the source.
    pub deployed_command: Started,
    /// The maximum number of deployments of a service within `deploy_window`.
    pub deploy_limit: usize,
    /// The window of `deploy_limit`.
    pub deploy_window: Duration,
    /// The values in a deployment's snapshot.
    pub snapshot: Snapshots,
    /// How sealed variables are returned in a snapshot.
    pub snapshot_sealed: Sealed,
    /// Whether a snapshot contains the variables that Railway provides.
    pub snapshot_system: SystemVariables,
    /// Where the variables that tracing adds to every service are returned.
    pub tracing: Tracing,
    /// Whether a build log can be read by the deployment's id, as originally.
    pub build_logs: BuildLogs,
    /// Whether tracing adds the sampler's variables.
    pub sampler: Sampler,
    /// The number of requests that are allowed in an hour, if it is limited. A request beyond it is a violation.
    pub allowance: Option<usize>,
    /// Whether responses state how many requests are left.
    pub remaining: RemainingHeader,
}

/// Whether responses state how many requests are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemainingHeader {
    /// Only the limit is stated, as in all recorded responses.
    Absent,
    /// As documented.
    Present,
}

/// How a sealed variable is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// With a null value.
    Null,
    /// Not in the maps of values; in the configuration without a value.
    Absent,
}

/// What replaces a redacted value in `environment.config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
    /// An empty string.
    Empty,
    Null,
    /// The `value` is omitted.
    Absent,
}

/// Whether an overwritten sealed variable stays sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwritten {
    /// The new value is sealed, too.
    StaysSealed,
    /// The new value can be read.
    BecomesOpen,
}

/// Whether an empty value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is stored.
    Kept,
    /// The variable is removed, as one project has reported.
    Dropped,
}

/// The response to the deletion of a missing variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDelete {
    /// `Variable not found`.
    Refused,
    /// `true`, as for an existing one.
    Accepted,
}

/// Whether the deletion of a variable deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It deploys every service whose rendered variables change.
    Deploys,
    /// It deploys nothing, as two users have reported.
    DeploysNothing,
}

/// The variables of a redeployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeployed {
    /// The current ones.
    WithCurrent,
    /// Those of the original deployment.
    WithCaptured,
}

/// The environments that a settings patch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patched {
    One,
    /// All environments with the service.
    All,
}

/// What a changed start command deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchDeploys {
    /// The service, with the deployed commit.
    SameCommit,
    /// The service, with the commit at the head of its branch.
    Head,
    Nothing,
}

/// The start command of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The one in the settings.
    WithCurrent,
    /// The one of the previously active deployment.
    WithCaptured,
}

/// The values in a deployment's snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshots {
    /// Values with resolved references.
    Rendered,
    /// Values as stored.
    Raw,
    Null,
    /// Null, with an error for the field.
    Refused,
}

/// Whether the variables that Railway provides are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemVariables {
    /// They are omitted.
    Absent,
    /// They are returned with the others.
    Present,
}

/// Where a build log can be read. It is always in the environment's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildLogs {
    /// Also by the deployment's id.
    OfDeployment,
    /// Only there.
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
            allowance: None,
            remaining: RemainingHeader::Absent,
        }
    }
}
