//! The operations that the simulated Railway knows, and which variables each of them takes.

use serde_json::{Map, Value};

use crate::outside::sim::answer::{self, Denied, Scene};

/// An operation of `graphql/`: its variables, and how it is answered. GraphQL itself is not executed here; a test holds
/// this table against the documents.
pub(crate) struct Operation {
    /// As in the document.
    pub(crate) name: &'static str,
    /// Declared `String!`. A trailing `*` stands for a number: one such variable per service of the batch.
    pub(crate) required: &'static [&'static str],
    /// Declared `String`.
    pub(crate) optional: &'static [&'static str],
    answer: fn(&Scene<'_>) -> Result<Value, Denied>,
}

/// Every operation that can be answered.
pub(crate) static OPERATIONS: &[Operation] = &[
    Operation { name: "ApiTokenProbe", required: &[], optional: &[], answer: answer::api_token },
    Operation { name: "Environments", required: &["projectId"], optional: &["after"], answer: answer::environments },
    Operation {
        name: "MoreServices",
        required: &["projectId", "environmentId"],
        optional: &["after"],
        answer: answer::more_services,
    },
    Operation { name: "ProjectTokenProbe", required: &[], optional: &[], answer: answer::project_token },
    Operation { name: "Projects", required: &[], optional: &["workspaceId", "after"], answer: answer::projects },
    Operation { name: "ScopedShape", required: &[], optional: &[], answer: answer::scoped_shape },
    Operation { name: "Shape", required: &["projectId", "environmentId"], optional: &[], answer: answer::shape },
    Operation {
        name: "Values",
        required: &["projectId", "environmentId", "serviceId_*"],
        optional: &[],
        answer: answer::values,
    },
];

impl Operation {
    /// The operation of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// What is wrong with the variables, in Railway's words.
    pub(crate) fn complaint(&self, variables: &Map<String, Value>) -> Option<String> {
        let batch = batched(variables).count();
        let mut known = 0;
        for &name in self.required {
            let numbered: Vec<String> = match name.strip_suffix('*') {
                Some(prefix) => (0..batch.max(1)).map(|number| format!("{prefix}{number}")).collect(),
                None => vec![name.to_owned()],
            };
            known += numbered.len();
            if let Some(missing) = numbered.iter().find(|name| !variables.get(*name).is_some_and(Value::is_string)) {
                return Some(format!("Variable \"${missing}\" of required type \"String!\" was not provided."));
            }
        }
        for &name in self.optional {
            match variables.get(name) {
                None => {}
                Some(Value::Null | Value::String(_)) => known += 1,
                Some(_) => return Some(format!("Variable \"${name}\" got invalid value; String expected.")),
            }
        }
        (known < variables.len()).then(|| format!("{} declares fewer variables than were sent.", self.name))
    }

    /// The `data` of the answer.
    pub(crate) fn answer(&self, scene: &Scene<'_>) -> Result<Value, Denied> {
        (self.answer)(scene)
    }
}

/// The services of a values batch, in order: number and id.
pub(crate) fn batched(variables: &Map<String, Value>) -> impl Iterator<Item = (usize, &str)> {
    (0..).map_while(|number| Some((number, variables.get(&format!("serviceId_{number}"))?.as_str()?)))
}
