//! An environment's configuration, without values, and its maps of values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::io::sim::builder::identity;
use crate::io::sim::estate::{Environment, SimService, SimSource, SimVariable};
use crate::io::sim::options::{Masked, Sealed, SimOptions};

/// Returns `Environment.config` as without `decryptVariables`.
pub(crate) fn of(environment: &Environment, quirks: &SimOptions) -> Value {
    let alive = environment.services.iter().filter(|service| service.deleted_at.is_none());
    let services: Map<String, Value> = alive.map(|service| (service.id.clone(), service_of(service, quirks))).collect();
    let mounted = environment.services.iter().filter(|service| service.volume.is_some());
    let volumes: Map<String, Value> = mounted.map(|service| (volume_of(service), json!({}))).collect();
    json!({
        "services": services,
        "sharedVariables": variables(&environment.shared, quirks),
        "volumes": volumes,
        "buckets": {},
    })
}

fn service_of(service: &SimService, quirks: &SimOptions) -> Value {
    let mut source = match &service.source {
        SimSource::Nothing => json!({}),
        SimSource::Image(image) => json!({ "image": image }),
        SimSource::Repository(repository) => json!({ "repo": repository, "branch": "main" }),
    };
    if let Some(root) = &service.root_directory {
        source["rootDirectory"] = json!(root);
    }
    let mut described = json!({ "source": source, "variables": variables(&service.variables, quirks) });
    // Railway omits an empty section.
    let deploy = [("startCommand", &service.start_command), ("cronSchedule", &service.cron)];
    let deploy = deploy.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    let deploy: Map<String, Value> = deploy.collect();
    if !deploy.is_empty() {
        described["deploy"] = deploy.into();
    }
    if let Some(path) = &service.volume {
        described["volumeMounts"] = json!({ volume_of(service): { "mountPath": path } });
    }
    if let Some(domain) = &service.domain {
        described["networking"] = json!({ "serviceDomains": { domain: {} } });
    }
    described
}

fn volume_of(service: &SimService) -> String {
    identity(&["volume", &service.id])
}

/// Returns a staged patch as without `decryptVariables`: with redacted values.
pub(crate) fn patch(staged: &Value, quirks: &SimOptions) -> Value {
    let mut shown = staged.clone();
    let services = shown.get_mut("services").and_then(Value::as_object_mut);
    let services = services.into_iter().flat_map(|services| services.values_mut());
    services.filter_map(|service| service.get_mut("variables")).for_each(|variables| redact(variables, quirks));
    if let Some(shared) = shown.get_mut("sharedVariables") {
        redact(shared, quirks);
    }
    shown
}

fn redact(variables: &mut Value, quirks: &SimOptions) {
    let described = variables.as_object_mut().into_iter().flat_map(|variables| variables.values_mut());
    for variable in described.filter_map(Value::as_object_mut).filter(|variable| variable.contains_key("value")) {
        match quirks.masked {
            Masked::Empty => drop(variable.insert("value".into(), json!(""))),
            Masked::Null => drop(variable.insert("value".into(), Value::Null)),
            Masked::Absent => drop(variable.remove("value")),
        }
    }
}

fn variables(variables: &BTreeMap<String, SimVariable>, quirks: &SimOptions) -> Map<String, Value> {
    let described = |stored: &SimVariable| match (stored, quirks.masked, quirks.sealed) {
        (SimVariable::Sealed(_), _, Sealed::Null) => json!({ "value": null, "isSealed": true }),
        (SimVariable::Sealed(_), _, Sealed::Absent) => json!({ "isSealed": true }),
        (SimVariable::Open(_), Masked::Empty, _) => json!({ "value": "" }),
        (SimVariable::Open(_), Masked::Null, _) => json!({ "value": null }),
        (SimVariable::Open(_), Masked::Absent, _) => json!({}),
    };
    variables.iter().map(|(name, stored)| (name.clone(), described(stored))).collect()
}

/// Returns variables as stored; `None` for a sealed one.
pub(crate) fn stored(variables: &BTreeMap<String, SimVariable>) -> BTreeMap<String, Option<String>> {
    let shown = |stored: &SimVariable| match stored {
        SimVariable::Open(value) => Some(value.expose().to_owned()),
        SimVariable::Sealed(_) => None,
    };
    variables.iter().map(|(name, stored)| (name.clone(), shown(stored))).collect()
}

/// Returns a map of values as Railway does: null for a sealed variable, and for a reference to one.
pub(crate) fn values(map: BTreeMap<String, Option<String>>, sealed: Sealed) -> Value {
    map.into_iter()
        .filter(|(_, value)| sealed == Sealed::Null || value.is_some())
        .map(|(name, value)| (name, value.map_or(Value::Null, Value::String)))
        .collect::<Map<_, _>>()
        .into()
}
