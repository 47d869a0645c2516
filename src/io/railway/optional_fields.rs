//! Removes a field from a query if Railway rejects it, because of the account or the schema. Only the rule that needs
//! the field is skipped.

use serde_json::{Value, json};

use crate::io::railway::response::{ErrorKind, GraphqlError};

/// A field of a service instance that can be left out of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionalField {
    /// The domains of the service.
    Domains,
    /// One of its settings.
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

const SETTINGS: [&str; 4] = ["cronSchedule", "railwayConfigFile", "sleepApplication", "startCommand"];

impl OptionalField {
    /// Returns the field that an error is about: by its path, or by the name that the schema lacks.
    pub(crate) fn of(refusal: &GraphqlError) -> Option<Self> {
        let named = |name: &str| match SETTINGS.iter().find(|setting| **setting == name) {
            Some(setting) => Some(Self::Setting(setting)),
            None => OF_DOMAINS.contains(&name).then_some(Self::Domains),
        };
        let by_path = || refusal.path.iter().rev().find_map(|part| named(part));
        let quoted = || refusal.message.split('"').skip(1).step_by(2).find_map(named);
        by_path().or_else(|| if refusal.kind == ErrorKind::Schema { quoted() } else { None })
    }

    /// Returns the fields that the errors are about; `None` if one of them is about anything else.
    pub(crate) fn of_all(refusals: &[GraphqlError]) -> Option<Vec<Self>> {
        refusals.iter().map(Self::of).collect()
    }

    /// Returns the document without the field.
    pub(crate) fn out_of(self, document: &str) -> String {
        let field = match self {
            Self::Domains => "domains",
            Self::Setting(setting) => setting,
        };
        let mut open = 0_usize;
        let mut is_kept = |line: &&str| {
            let line = line.trim();
            let starts = open == 0 && line.split_whitespace().next() == Some(field);
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
/// settings may be missing.
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
    }

    #[test]
    fn removed_fields_are_filled_with_empty_values() {
        let mut data = json!({ "edges": [{ "node": { "serviceName": "api" } }, { "node": { "name": "x" } }] });
        fill(&mut data);
        assert_eq!(data["edges"][0]["node"]["domains"], json!({ "serviceDomains": [], "customDomains": [] }));
        assert_eq!(data["edges"][1]["node"].get("domains"), None);
    }
}
