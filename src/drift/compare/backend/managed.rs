//! Hosts of providers of databases: those with one database for each host, and those that many customers share.

use crate::drift::compare::backend::BackendKind::{self, Broker, Cache, Database};

/// Domains with one database for each host, which may be reached by several protocols.
const ONE_PER_HOST: &[(&str, BackendKind)] = &[
    ("-kafka.upstash.io", Broker),
    ("-search.upstash.io", Database),
    ("-vector.upstash.io", Database),
    (".upstash.io", Cache),
    (".supabase.co", Database),
    (".supabase.in", Database),
    (".turso.io", Database),
    (".firebaseio.com", Database),
    (".firebasedatabase.app", Database),
    (".convex.cloud", Database),
];

/// Domains of clusters with an HTTP interface, each with several databases.
const CLUSTERS: &[&str] = &[
    ".algolia.net",
    ".aoss.amazonaws.com",
    ".apps.astra.datastax.com",
    ".clickhouse.cloud",
    ".cloud.es.io",
    ".cloudantnosqldb.appdomain.cloud",
    ".databases.neo4j.io",
    ".documents.azure.com",
    ".elastic-cloud.com",
    ".elastic.cloud",
    ".es.amazonaws.com",
    ".found.io",
    ".meilisearch.io",
    ".pinecone.io",
    ".qdrant.io",
    ".search.windows.net",
    ".typesense.net",
    ".weaviate.cloud",
    ".weaviate.network",
    ".zillizcloud.com",
];

/// Labels of hosts that serve all customers: a public API, a console, documentation.
const COMMON_LABELS: [&str; 11] =
    ["accounts", "api", "app", "auth", "cdn", "cloud", "console", "dashboard", "docs", "login", "www"];

/// Labels of hosts next to a database: Kibana, APM, Fleet, the control plane.
const PRODUCTS: [&str; 5] = ["apm", "controller", "fleet", "ingest", "kb"];

/// Ends of hosts on which the user name selects the database.
const SELECTED_BY_USER: [&str; 8] = [
    ".confluent.cloud",
    ".pooler.supabase.com",
    ".psdb.cloud",
    ".sql.xata.sh",
    ".thenile.dev",
    ".tidbcloud.com",
    "connect.ngs.global",
    "db.prisma.io",
];

/// What a host of a provider serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Managed {
    /// One database.
    Instance(BackendKind),
    /// A cluster with several databases.
    Cluster,
    /// All customers of the provider.
    Common,
}

/// Returns what the host serves; `None` if it is not that of a known provider.
pub(super) fn classify(host: &str) -> Option<Managed> {
    let mut instances = ONE_PER_HOST.iter();
    let instance = instances.find_map(|(end, kind)| Some((host.strip_suffix(end)?, Managed::Instance(*kind))));
    let cluster = || CLUSTERS.iter().find_map(|end| Some((host.strip_suffix(end)?, Managed::Cluster)));
    let (name, managed) = instance.or_else(cluster)?;
    let mut labels = name.split('.');
    let is_common = labels.clone().all(|label| COMMON_LABELS.contains(&label))
        || labels.any(|label| PRODUCTS.contains(&label))
        || name.starts_with("qstash");
    Some(if is_common { Managed::Common } else { managed })
}

/// Returns the name by which a database is known under all of its hosts: the host of a connection pool belongs to the
/// database behind it. The user is that of the connection.
pub(super) fn canonical(host: &str, user: Option<&str>) -> String {
    if let Some(project) = host.strip_prefix("db.").filter(|rest| rest.ends_with(".supabase.co")) {
        return project.to_owned();
    }
    let project = user.and_then(|user| user.split_once('.')).filter(|_| host.ends_with(".pooler.supabase.com"));
    if let Some((_, project)) = project {
        return format!("{}.supabase.co", project.to_ascii_lowercase());
    }
    let pooled = host.split_once('.').filter(|_| host.ends_with(".neon.tech"));
    match pooled.and_then(|(endpoint, domain)| Some((endpoint.strip_suffix("-pooler")?, domain))) {
        Some((endpoint, domain)) => format!("{endpoint}.{domain}"),
        None => host.to_owned(),
    }
}

/// Returns whether customers share the host, so that only the user name tells which database is opened.
pub(super) fn is_selected_by_user(host: &str) -> bool {
    SELECTED_BY_USER.iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use crate::drift::compare::backend::BackendKind::{Cache, Database};
    use crate::drift::compare::backend::managed::{Managed, canonical, classify};

    #[test]
    fn hosts_of_providers_are_classified() {
        use Managed::{Cluster, Common, Instance};
        for (host, expected) in [
            ("quick-cat-1.upstash.io", Some(Instance(Cache))),
            ("quick-cat-1-vector.upstash.io", Some(Instance(Database))),
            ("abcdefgh.supabase.co", Some(Instance(Database))),
            ("shop-acme.turso.io", Some(Instance(Database))),
            ("shop-default-rtdb.firebaseio.com", Some(Instance(Database))),
            ("shop.es.eu-west-1.aws.cloud.es.io", Some(Cluster)),
            ("shop.es.eu-west-1.aws.elastic-cloud.com", Some(Cluster)),
            ("4f1c.eu-central.aws.cloud.qdrant.io", Some(Cluster)),
            ("shop.weaviate.network", Some(Cluster)),
            ("shop.kb.eu-west-1.aws.elastic-cloud.com", Some(Common)),
            ("cloud.qdrant.io", Some(Common)),
            ("console.clickhouse.cloud", Some(Common)),
            ("qstash.upstash.io", Some(Common)),
            ("qstash-us-east-1.upstash.io", Some(Common)),
            ("api.supabase.co", Some(Common)),
            ("api.cloud.qdrant.io", Some(Common)),
            ("app.es.eu-west-1.aws.elastic-cloud.com", Some(Cluster)),
            ("supabase.co", None),
            ("notsupabase.co", None),
            ("acme.dev", None),
        ] {
            assert_eq!(classify(host), expected, "{host}");
        }
    }

    #[test]
    fn pooled_host_is_that_of_its_database() {
        for (host, user, expected) in [
            ("db.abcd.supabase.co", None, "abcd.supabase.co"),
            ("aws-0-eu-west-1.pooler.supabase.com", Some("postgres.abcd"), "abcd.supabase.co"),
            ("aws-0-eu-west-1.pooler.supabase.com", Some("postgres"), "aws-0-eu-west-1.pooler.supabase.com"),
            ("ep-cool-1-pooler.eu-west-2.aws.neon.tech", None, "ep-cool-1.eu-west-2.aws.neon.tech"),
            ("ep-cool-1.eu-west-2.aws.neon.tech", None, "ep-cool-1.eu-west-2.aws.neon.tech"),
            ("shop-pooler.acme.dev", Some("postgres.abcd"), "shop-pooler.acme.dev"),
        ] {
            assert_eq!(canonical(host, user), expected, "{host}");
        }
    }
}
