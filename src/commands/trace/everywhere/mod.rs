//! Reads the other environments that the token reaches, in as few requests as possible, and never more than Railway
//! allows.
//!
//! The projects and the services of their environments are listed first: a few requests, whose number depends on the
//! account. The number of requests for the values is then known. It is announced and confirmed before they are sent.

mod announcement;
mod listing;
mod unsearched;
mod values;

use std::collections::BTreeMap;

use crate::commands::trace::everywhere::unsearched::Gaps;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::{ResourceRef, Target, Variable};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// An environment with its values.
pub(super) struct ReadEnvironment {
    pub(super) project: ResourceRef,
    pub(super) environment: ResourceRef,
    /// All its services, with the variables of their running deployments.
    pub(super) targets: Vec<Target>,
    /// Its shared variables, or why they could not be read.
    pub(super) shared: Result<BTreeMap<String, Variable>, Error>,
    pub(super) catalogue: Catalogue,
}

/// How the number of requests is confirmed.
pub(super) struct RequestConsent {
    /// `--yes`.
    pub(super) yes: bool,
    /// The command of this run with `--yes`, for a run without a terminal.
    pub(super) command: String,
}

/// What was not searched, and why.
#[derive(Default)]
pub(super) struct OtherEnvironments {
    /// What was not searched, and why; phrases without a full stop.
    pub(super) unsearched: Vec<String>,
    /// Remarks for the user.
    pub(super) remarks: Vec<String>,
    /// The first error.
    pub(super) error: Option<Error>,
}

/// Reads every environment that the token reaches, except the one that was searched already. Each is passed to `search`
/// as soon as it is read, so that the values of all environments are never in memory at once.
pub(super) fn read(
    client: &Client<'_>,
    searched: &ResourceRef,
    consent: &RequestConsent,
    world: &mut World<'_>,
    search: &mut dyn FnMut(&ReadEnvironment),
) -> Result<OtherEnvironments, Error> {
    if client.credentials.scheme == Scheme::Project {
        let remarks = vec![only_environment(client, searched)];
        return Ok(OtherEnvironments { remarks, ..OtherEnvironments::default() });
    }
    client.stay_within_allowance();
    let mut gaps = Gaps::default();
    let found = find(client, searched, &mut gaps, world);
    world.status.done();
    let mut remarks = gaps.remarks();
    if found.is_empty() && gaps.is_empty() {
        remarks.push("the token reaches no other environment".to_owned());
    }
    consent.obtain(&found, client, world)?;
    values::read(client, &found.shapes, &mut gaps, world, search);
    world.status.done();
    remarks.extend(client.take_remarks());
    Ok(OtherEnvironments { unsearched: gaps.phrases(client.redactor), remarks, error: gaps.into_error() })
}

/// Returns the remark that a project token reaches no other environment.
fn only_environment(client: &Client<'_>, searched: &ResourceRef) -> String {
    let (from, environment) = (&client.credentials.from, &searched.name);
    format!(
        "the project token from {from} reaches only environment {environment}; an account or workspace token reaches \
         other environments"
    )
}

/// The environments to search, and what that costs.
struct FoundEnvironments {
    shapes: Vec<Shape>,
    /// The number of requests for their values.
    requests: usize,
    /// The number of environments that are not searched because Railway does not allow enough requests.
    over_allowance: usize,
}

impl FoundEnvironments {
    fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.over_allowance == 0
    }
}

/// Finds the environments, and selects as many as the remaining requests are enough for.
fn find(client: &Client<'_>, searched: &ResourceRef, gaps: &mut Gaps, world: &World<'_>) -> FoundEnvironments {
    let listed = listing::environments(client, searched, gaps, world);
    let mut shapes = listing::services(client, listed, gaps, world);
    let mut requests = values::requests(&shapes);
    let remaining = client.remaining_requests().unwrap_or(usize::MAX);
    let mut left_out = Vec::new();
    while requests > remaining {
        left_out.extend(shapes.pop());
        requests = values::requests(&shapes);
    }
    let error = client.allowance_used_up();
    for shape in left_out.iter().rev() {
        gaps.add_environment(&shape.project, &shape.environment, &error);
    }
    FoundEnvironments { shapes, requests, over_allowance: gaps.over_allowance() }
}
