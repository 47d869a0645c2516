//! The variables that Railway sets on deployments.

/// Railway's published list without the prefix `RAILWAY_`, and two deprecated names that are still set.
/// <https://docs.railway.com/variables/reference>
const PROVIDED: &[&str] = &[
    "DEPLOYMENT_ID",
    "ENVIRONMENT",
    "ENVIRONMENT_ID",
    "ENVIRONMENT_NAME",
    "GIT_AUTHOR",
    "GIT_BRANCH",
    "GIT_COMMIT_MESSAGE",
    "GIT_COMMIT_SHA",
    "GIT_REPO_NAME",
    "GIT_REPO_OWNER",
    "PRIVATE_DOMAIN",
    "PROJECT_ID",
    "PROJECT_NAME",
    "PUBLIC_DOMAIN",
    "REPLICA_ID",
    "REPLICA_REGION",
    "SERVICE_ID",
    "SERVICE_NAME",
    "SNAPSHOT_ID",
    "STATIC_URL",
    "TCP_APPLICATION_PORT",
    "TCP_PROXY_DOMAIN",
    "TCP_PROXY_PORT",
    "VOLUME_MOUNT_PATH",
    "VOLUME_NAME",
];

/// The only tracing variable that contains a credential: a header that the receiver requires.
pub const TRACING_CREDENTIAL: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// The public address of a service: of its TCP proxy, and its domain.
/// <https://docs.railway.com/reference/variables>
pub const PUBLIC_ADDRESSES: [&str; 3] = [TCP_PROXY_DOMAIN, TCP_PROXY_PORT, PUBLIC_DOMAIN];
pub const TCP_PROXY_DOMAIN: &str = "RAILWAY_TCP_PROXY_DOMAIN";
pub const TCP_PROXY_PORT: &str = "RAILWAY_TCP_PROXY_PORT";
pub const PUBLIC_DOMAIN: &str = "RAILWAY_PUBLIC_DOMAIN";

/// The variables that Railway's tracing adds to the deployments of a traced service. The two sampler variables were
/// documented in September 2026 but are no longer. `OTEL_SERVICE_VERSION` may change with each deployment.
/// <https://docs.railway.com/observability/tracing>
const TRACING: &[&str] = &[
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    TRACING_CREDENTIAL,
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_SERVICE_NAME",
    "OTEL_SERVICE_VERSION",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
];

/// Returns whether Railway's tracing sets the variable if the service does not define it. A stored variable overrides
/// Railway's and is compared like any other.
pub fn is_set_by_tracing(key: &str) -> bool {
    TRACING.binary_search(&key).is_ok()
}

/// Returns whether a deployment may have the variable even if its service does not define it.
pub fn may_be_added(key: &str) -> bool {
    key.starts_with("RAILWAY_") || is_set_by_tracing(key)
}

/// Returns whether Railway sets the variable itself. Not every `RAILWAY_` name is a system variable: users store
/// `RAILWAY_DOCKERFILE_PATH` and others to configure Railway.
pub fn is_provided(key: &str) -> bool {
    key.strip_prefix("RAILWAY_")
        .is_some_and(|name| PROVIDED.binary_search(&name).is_ok() || is_address_of_service(name))
}

/// Matches `SERVICE_<NAME>_URL`, the public address of another service.
fn is_address_of_service(name: &str) -> bool {
    name.strip_prefix("SERVICE_").and_then(|rest| rest.strip_suffix("_URL")).is_some_and(|service| !service.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::drift::system_variables::{PROVIDED, TRACING, is_provided, is_set_by_tracing, may_be_added};

    #[test]
    fn prefix_alone_does_not_make_a_system_variable() {
        assert!(PROVIDED.is_sorted());
        for (key, provided) in [
            ("RAILWAY_PUBLIC_DOMAIN", true),
            ("RAILWAY_GIT_COMMIT_SHA", true),
            ("RAILWAY_ENVIRONMENT", true),
            ("RAILWAY_SERVICE_API_URL", true),
            ("RAILWAY_SERVICE_NAME", true),
            ("RAILWAY_SERVICE_URL", false),
            ("RAILWAY_DOCKERFILE_PATH", false),
            ("RAILWAY_RUN_UID", false),
            ("RAILWAY_HEALTHCHECK_TIMEOUT_SEC", false),
            ("RAILWAY_DEPLOYMENT_OVERLAP_SECONDS", false),
            ("RAILWAY_TOKEN", false),
            ("MY_RAILWAY_PROJECT_ID", false),
            ("PORT", false),
            ("", false),
        ] {
            assert_eq!(is_provided(key), provided, "{key}");
        }
    }

    #[test]
    fn tracing_sets_exactly_seven_names() {
        assert!(TRACING.is_sorted());
        assert_eq!(TRACING.len(), 7);
        for key in TRACING {
            assert!(is_set_by_tracing(key) && may_be_added(key) && !is_provided(key), "{key}");
        }
        for key in [
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_SDK_DISABLED",
            "OTEL_SERVICE_NAMES",
            "otel_service_name",
            "MY_OTEL_SERVICE_NAME",
            "OTEL_",
            "OTEL",
            "",
        ] {
            assert!(!is_set_by_tracing(key) && !may_be_added(key), "{key}");
        }
        assert!(may_be_added("RAILWAY_NEW_THING") && !is_set_by_tracing("RAILWAY_NEW_THING"));
    }
}
