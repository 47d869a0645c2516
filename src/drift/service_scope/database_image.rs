//! Recognises images of databases.

/// Programs that store data and are configured by Railway's templates.
const DATABASES: &[&str] = &[
    "arangodb",
    "cassandra",
    "chroma",
    "clickhouse",
    "cockroach",
    "couchbase",
    "couchdb",
    "dragonfly",
    "elasticsearch",
    "influxdb",
    "keydb",
    "mariadb",
    "memcached",
    "minio",
    "mongo",
    "mongodb",
    "mssql",
    "mysql",
    "neo4j",
    "opensearch",
    "pgvector",
    "postgis",
    "postgres",
    "postgresql",
    "qdrant",
    "rabbitmq",
    "redis",
    "rethinkdb",
    "scylla",
    "surrealdb",
    "timescaledb",
    "typesense",
    "valkey",
    "weaviate",
];

/// Words after a database's name that make it a companion program: `postgres-exporter`.
const COMPANIONS: &[&str] = &[
    "admin",
    "backup",
    "backups",
    "commander",
    "connect",
    "dashboard",
    "exporter",
    "express",
    "gui",
    "insight",
    "proxy",
    "rest",
    "s3",
    "studio",
    "ui",
    "web",
];

/// Returns whether the image is a database, a cache or a broker: `postgres:16`,
/// `ghcr.io/railwayapp-templates/postgres-ssl`, but not `prometheuscommunity/postgres-exporter`.
pub fn is_database_image(image: &str) -> bool {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = last.split(':').next().unwrap_or(last).to_ascii_lowercase();
    let mut words = name.split(['-', '_', '.']);
    let is_database = words.next().is_some_and(|first| DATABASES.binary_search(&first).is_ok());
    is_database && words.all(|word| COMPANIONS.binary_search(&word).is_err())
}

#[cfg(test)]
mod tests {
    use crate::drift::service_scope::database_image::{COMPANIONS, DATABASES, is_database_image};

    #[test]
    fn recognizes_database_images_and_their_companions() {
        assert!(DATABASES.is_sorted() && COMPANIONS.is_sorted());
        for (image, is_database) in [
            ("postgres", true),
            ("postgres:16-alpine", true),
            ("ghcr.io/railwayapp-templates/postgres-ssl:16", true),
            ("localhost:5000/library/redis@sha256:0123", true),
            ("bitnami/redis:7.2", true),
            ("valkey/valkey", true),
            ("MongoDB/mongodb-community-server", true),
            ("clickhouse/clickhouse-server:24", true),
            ("prometheuscommunity/postgres-exporter", false),
            ("mongo-express:1", false),
            ("rediscommander/redis-commander", false),
            ("dpage/pgadmin4", false),
            ("postgrest/postgrest", false),
            ("postgres/app", false),
            ("node:22", false),
            ("", false),
        ] {
            assert_eq!(is_database_image(image), is_database, "{image}");
        }
    }
}
