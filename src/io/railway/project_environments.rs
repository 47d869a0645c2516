//! The environments of a project, in the response with one of them. Names in `doctor.toml` are checked with this list. It
//! is never needed otherwise, so a list that is missing, unreadable or incomplete is no error: the names are not checked.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::drift::ResourceRef;
use crate::io::railway::operations::environment::{EnvironmentEnvironment, EnvironmentProjectEnvironments};

/// The data of an `Environment` response. The generated type would reject all of it for a list that it can't read.
#[derive(Deserialize)]
pub(crate) struct EnvironmentData {
    pub(crate) project: ProjectData,
    pub(crate) environment: EnvironmentEnvironment,
}

/// The project of the environment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectData {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) deleted_at: Option<String>,
    #[serde(default, deserialize_with = "if_readable")]
    environments: Option<EnvironmentProjectEnvironments>,
}

impl ProjectData {
    /// Returns the environments that are not deleted; `None` if the list is unavailable, or lacks some of them, such as
    /// the one with this id.
    pub(crate) fn all_environments(&self, id: &str) -> Option<Vec<ResourceRef>> {
        let list = self.environments.as_ref().filter(|list| !list.page_info.has_next_page)?;
        let nodes = list.edges.iter().map(|edge| &edge.node).filter(|node| node.deleted_at.is_none());
        let all: Vec<_> = nodes.map(|node| ResourceRef { id: node.id.clone(), name: node.name.clone() }).collect();
        all.iter().any(|environment| environment.id == id).then_some(all)
    }
}

fn if_readable<'de, D: Deserializer<'de>>(list: D) -> Result<Option<EnvironmentProjectEnvironments>, D::Error> {
    // Parsed again from text: see `environment::query`.
    Value::deserialize(list).map(|list| serde_json::from_slice(list.to_string().as_bytes()).ok())
}
