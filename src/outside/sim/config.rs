//! An environment as configuration, without values; and the maps of values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::outside::sim::estate::{Environment, Service, Source, Stored};
use crate::outside::sim::{Masked, Quirks, Sealed};

/// `Environment.config` as it is without `decryptVariables`.
pub(crate) fn of(environment: &Environment, quirks: &Quirks) -> Value {
    let alive = environment.services.iter().filter(|service| service.deleted_at.is_none());
    let services: Map<String, Value> = alive.map(|service| (service.id.clone(), service_of(service, quirks))).collect();
    json!({
        "services": services,
        "sharedVariables": variables(&environment.shared, quirks),
        "volumes": {},
        "buckets": {},
    })
}

fn service_of(service: &Service, quirks: &Quirks) -> Value {
    let mut source = match &service.source {
        Source::Nothing => json!({}),
        Source::Image(image) => json!({ "image": image }),
        Source::Repository(repository) => json!({ "repo": repository, "branch": "main" }),
    };
    if let Some(root) = &service.root_directory {
        source["rootDirectory"] = json!(root);
    }
    let mut described = json!({ "source": source, "variables": variables(&service.variables, quirks) });
    // A section with nothing in it is left out, as Railway does.
    if let Some(command) = &service.start_command {
        described["deploy"] = json!({ "startCommand": command });
    }
    if let Some(domain) = &service.domain {
        described["networking"] = json!({ "serviceDomains": { domain: {} } });
    }
    described
}

fn variables(variables: &BTreeMap<String, Stored>, quirks: &Quirks) -> Map<String, Value> {
    let described = |stored: &Stored| match (stored, quirks.masked, quirks.sealed) {
        (Stored::Sealed(_), _, Sealed::Null) => json!({ "value": null, "isSealed": true }),
        (Stored::Sealed(_), _, Sealed::Absent) => json!({ "isSealed": true }),
        (Stored::Open(_), Masked::Empty, _) => json!({ "value": "" }),
        (Stored::Open(_), Masked::Null, _) => json!({ "value": null }),
        (Stored::Open(_), Masked::Absent, _) => json!({}),
    };
    variables.iter().map(|(name, stored)| (name.clone(), described(stored))).collect()
}

/// The variables of a service as stored; `None` is sealed.
pub(crate) fn stored(service: &Service) -> BTreeMap<String, Option<String>> {
    let shown = |stored: &Stored| match stored {
        Stored::Open(value) => Some(value.reveal().to_owned()),
        Stored::Sealed(_) => None,
    };
    service.variables.iter().map(|(name, stored)| (name.clone(), shown(stored))).collect()
}

/// A map of values as Railway sends it: what is sealed, or goes through something sealed, is null.
pub(crate) fn values(map: BTreeMap<String, Option<String>>, quirks: &Quirks) -> Value {
    map.into_iter()
        .filter(|(_, value)| quirks.sealed == Sealed::Null || value.is_some())
        .map(|(name, value)| (name, value.map_or(Value::Null, Value::String)))
        .collect::<Map<_, _>>()
        .into()
}
