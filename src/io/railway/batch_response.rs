//! The response to a batch of values, split by its aliases.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::io::railway::scalars::{EnvironmentVariables, Patch};
use crate::io::railway::staged_changes::{StagedPatch, staged};

/// The data by alias. An alias is missing if Railway could not return its field.
#[derive(Default)]
pub(crate) struct Maps {
    /// `stored_0`, …
    pub(crate) stored: BTreeMap<usize, EnvironmentVariables>,
    /// `rendered_0`, …
    pub(crate) rendered: BTreeMap<usize, EnvironmentVariables>,
    /// `snapshot_0`, …
    pub(crate) snapshots: BTreeMap<usize, DeployedVariables>,
    /// `staged`.
    pub(crate) staged: Observed<Option<StagedChanges>>,
    /// The environment that `staged` states.
    pub(crate) staged_in: Option<String>,
    /// `shared`.
    pub(crate) shared: Option<EnvironmentVariables>,
}

#[derive(Deserialize)]
struct Snapshot {
    variables: DeployedVariables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    id: String,
    environment_id: String,
    status: String,
    patch: Patch,
    last_applied_error: Option<String>,
    updated_at: String,
    applied_by: Option<Member>,
}

#[derive(Deserialize)]
struct Member {
    name: Option<String>,
    email: String,
}

impl<'de> Deserialize<'de> for Maps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Aliases)
    }
}

struct Aliases;

impl<'de> Visitor<'de> for Aliases {
    type Value = Maps;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of aliases")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Maps, A::Error> {
        let mut maps = Maps::default();
        while let Some(alias) = map.next_key::<String>()? {
            match (kind(&alias), number(&alias)) {
                ("stored", Some(number)) => maps.stored.extend(map.next_value::<Option<_>>()?.map(|own| (number, own))),
                ("rendered", Some(number)) => {
                    maps.rendered.extend(map.next_value::<Option<_>>()?.map(|own| (number, own)));
                }
                ("snapshot", Some(number)) => {
                    let snapshot: Option<Snapshot> = map.next_value()?;
                    maps.snapshots.extend(snapshot.map(|snapshot| (number, snapshot.variables)));
                }
                ("staged", None) => {
                    let changes: Option<Changes> = map.next_value()?;
                    if let Some(found) = changes {
                        maps.staged = Observed::Known(staged(StagedPatch {
                            id: &found.id,
                            patch: &found.patch,
                            status: &found.status,
                            updated_at: found.updated_at,
                            last_error: found.last_applied_error,
                        }));
                        name(&mut maps.staged, found.applied_by);
                        maps.staged_in = Some(found.environment_id);
                    }
                }
                ("shared", None) => maps.shared = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(maps)
    }
}

/// Sets the member who applies the changes, which Railway returns while they are being applied.
fn name(staged: &mut Observed<Option<StagedChanges>>, member: Option<Member>) {
    if let (Observed::Known(Some(staged)), Some(member)) = (staged, member) {
        staged.by = member.name.filter(|name| !name.is_empty()).or(Some(member.email));
    }
}

/// Returns `stored` for `stored_3`.
pub(crate) fn kind(alias: &str) -> &str {
    alias.rsplit_once('_').map_or(alias, |(kind, _)| kind)
}

/// Returns 3 for `stored_3`.
pub(crate) fn number(alias: &str) -> Option<usize> {
    alias.rsplit_once('_')?.1.parse().ok()
}
