//! The variables that Railway's tracing adds to a service.

use std::collections::BTreeMap;

use crate::io::sim::estate::SimService;

/// Where they are returned, which Railway does not document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    Off,
    /// In the snapshots of deployments.
    InSnapshots,
    /// In the rendered variables.
    InVariables,
    /// In both.
    Everywhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// As in September 2026.
    Present,
    /// As documented since.
    Absent,
}

impl Tracing {
    pub(crate) fn is_in_snapshots(self) -> bool {
        matches!(self, Self::InSnapshots | Self::Everywhere)
    }

    pub(crate) fn is_in_variables(self) -> bool {
        matches!(self, Self::InVariables | Self::Everywhere)
    }
}

/// Adds them to a service's variables. A variable of the service wins; with its own OTLP endpoint, nothing is added.
pub(crate) fn add(map: &mut BTreeMap<String, Option<String>>, service: &SimService, version: &str, sampler: Sampler) {
    let receivers = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    if receivers.iter().any(|receiver| map.contains_key(*receiver)) {
        return;
    }
    let mut own = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://10.11.12.13:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-railway-otlp=c0ffee00c0ffee00"),
        ("OTEL_SERVICE_NAME", &service.name),
        ("OTEL_SERVICE_VERSION", version),
    ];
    if sampler == Sampler::Present {
        own.extend([("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
    }
    for (name, value) in own {
        map.entry(name.to_owned()).or_insert_with(|| Some(value.to_owned()));
    }
}
