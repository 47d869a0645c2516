//! The variables that Railway itself gives to every deployment.

/// Railway's published list, without the prefix `RAILWAY_`, and the two that are deprecated and still there.
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

/// Whether Railway gives the variable to deployments by itself. Not every `RAILWAY_` name is such: people store
/// `RAILWAY_DOCKERFILE_PATH` and others to steer Railway, and those are theirs.
pub fn is_provided(key: &str) -> bool {
    key.strip_prefix("RAILWAY_")
        .is_some_and(|name| PROVIDED.binary_search(&name).is_ok() || is_address_of_service(name))
}

/// `SERVICE_<NAME>_URL`: the public address of each other service.
fn is_address_of_service(name: &str) -> bool {
    name.strip_prefix("SERVICE_").and_then(|rest| rest.strip_suffix("_URL")).is_some_and(|service| !service.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{PROVIDED, is_provided};

    #[test]
    fn the_prefix_alone_makes_no_system_variable() {
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
}
