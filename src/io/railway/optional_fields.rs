//! Removes a field from a query if Railway rejects it, because of the account or the schema. Only the rule that needs
//! the field is skipped.

use serde_json::{Value, json};

use crate::io::railway::response::{ErrorKind, GraphqlError};

/// A field that can be left out of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionalField {
    /// The environments of the project.
    Environments,
    /// The domains of a service.
    Domains,
    /// One of the settings of a service.
    Setting(&'static str),
}

/// The names in an error that refer to the domains, or to a part or type of them.
const OF_DOMAINS: [&str; 8] = [
    "AllDomains",
    "CustomDomain",
    "CustomDomainStatus",
    "ServiceDomain",
    "customDomains",
    "domains",
    "serviceDomains",
    "verified",
];

/// The names in an error that refer to the environments of the project, or to a part or type of them.
const OF_ENVIRONMENTS: [&str; 4] =
    ["Project.environments", "ProjectEnvironmentsConnection", "ProjectEnvironmentsConnectionEdge", "environments"];

const SETTINGS: [&str; 4] = ["cronSchedule", "railwayConfigFile", "sleepApplication", "startCommand"];

impl OptionalField {
    /// Returns the field that an error is about: by its path, or by the name that the schema lacks.
    pub(crate) fn of(refusal: &GraphqlError) -> Option<Self> {
        let named = |name: &str| match SETTINGS.iter().find(|setting| **setting == name) {
            Some(setting) => Some(Self::Setting(setting)),
            None if OF_ENVIRONMENTS.contains(&name) => Some(Self::Environments),
            None => OF_DOMAINS.contains(&name).then_some(Self::Domains),
        };
        let by_path = || refusal.path.iter().rev().find_map(|part| named(part));
        let quoted = || refusal.message.split('"').skip(1).step_by(2).find_map(named);
        by_path().or_else(|| if refusal.kind == ErrorKind::Schema { quoted() } else { None })
    }

    /// Returns the fields without which a refused query may succeed: those that the errors are about. None if one error
    /// is about anything else, unless the environments may be the only reason for the refusal.
    pub(crate) fn to_leave_out(refusals: &[GraphqlError]) -> Vec<Self> {
        let named: Vec<Self> = refusals.iter().filter_map(Self::of).collect();
        if named.len() == refusals.len() || named.contains(&Self::Environments) { named } else { Vec::new() }
    }

    /// Returns the document without the field.
    pub(crate) fn out_of(self, document: &str) -> String {
        let field = match self {
            Self::Environments => "environments",
            Self::Domains => "domains",
            Self::Setting(setting) => setting,
        };
        let mut open = 0_usize;
        let mut is_kept = |line: &&str| {
            let line = line.trim();
            let starts = open == 0 && line.split([' ', '(']).next() == Some(field);
            let was_inside = open > 0;
            if starts || was_inside {
                open = (open + line.matches('{').count()).saturating_sub(line.matches('}').count());
            }
            !starts && !was_inside
        };
        document.split_inclusive('\n').filter(|line| is_kept(line)).collect()
    }
}

/// Adds empty domains to each service instance without them, because the generated types require the field. Other
/// fields may be missing.
pub(crate) fn fill(data: &mut Value) {
    match data {
        Value::Array(list) => list.iter_mut().for_each(fill),
        Value::Object(map) => {
            if map.contains_key("serviceName") && !map.contains_key("domains") {
                map.insert("domains".to_owned(), json!({ "serviceDomains": [], "customDomains": [] }));
            }
            map.values_mut().for_each(fill);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::io::railway::optional_fields::{OptionalField, fill};

    const DOCUMENT: &str = "query Q {\n  node {\n    startCommand\n    domains {\n      customDomains {\n        \
                            status {\n          verified\n        }\n      }\n    }\n    latest {\n      domainsOfIt\n    }\n  }\n}\n";

    #[test]
    fn removing_field_removes_its_selection() {
        assert_eq!(
            OptionalField::Domains.out_of(DOCUMENT),
            "query Q {\n  node {\n    startCommand\n    latest {\n      domainsOfIt\n    }\n  }\n}\n"
        );
        assert_eq!(OptionalField::Setting("startCommand").out_of(DOCUMENT), DOCUMENT.replace("    startCommand\n", ""));
        assert_eq!(OptionalField::Setting("cronSchedule").out_of(DOCUMENT), DOCUMENT);
        let project = "project(id: $id) {\n  id\n  environments(first: 500) {\n    edges {\n      id\n    }\n  }\n}\n";
        assert_eq!(OptionalField::Environments.out_of(project), "project(id: $id) {\n  id\n}\n");
    }

    #[test]
    fn removed_fields_are_filled_with_empty_values() {
        let mut data = json!({ "edges": [{ "node": { "serviceName": "api" } }, { "node": { "name": "x" } }] });
        fill(&mut data);
        assert_eq!(data["edges"][0]["node"]["domains"], json!({ "serviceDomains": [], "customDomains": [] }));
        assert_eq!(data["edges"][1]["node"].get("domains"), None);
    }
}
