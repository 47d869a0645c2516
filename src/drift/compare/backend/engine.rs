//! The engines of databases, caches and message brokers: schemes, ports, and words of keys.

use crate::drift::compare::backend::BackendKind;
use crate::drift::secret_like::name_parts;

/// An engine, or several that differ in nothing that an address contains.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) kind: BackendKind,
    /// The default port; `None` if there is none, or if the engine is unknown.
    pub(super) port: Option<u16>,
    schemes: &'static [&'static str],
    /// Words of keys and of driver names.
    pub(super) words: &'static [&'static str],
    pub(super) default_database: DefaultDatabase,
    /// Last words of the keys that name the database.
    pub(super) database_keys: &'static [&'static str],
}

/// The database that a client opens if the address names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefaultDatabase {
    Named(&'static str),
    /// The one with the name of the user.
    OfUser,
}

const DATABASE_KEYS: &[&str] = &["NAME", "DATABASE", "DB", "DB_NAME", "DBNAME", "DATABASE_NAME"];

/// Several programs may use one search engine, each with an index.
const INDEX_KEYS: &[&str] = &["INDEX", "INDEX_NAME", "INDEX_PREFIX", "COLLECTION"];

const NONE: DefaultDatabase = DefaultDatabase::Named("");

/// A database of which only the host is known.
pub(super) static UNKNOWN_DATABASE: Engine = DATABASE;

const DATABASE: Engine = Engine {
    kind: BackendKind::Database,
    port: None,
    schemes: &[],
    words: &[],
    default_database: NONE,
    database_keys: DATABASE_KEYS,
};

const BROKER: Engine = Engine { kind: BackendKind::Broker, database_keys: &[], ..DATABASE };

const CACHE: Engine = Engine { kind: BackendKind::Cache, database_keys: &[], ..DATABASE };

const AMQP: Engine =
    Engine { default_database: DefaultDatabase::Named("/"), database_keys: &["VHOST", "VIRTUAL_HOST"], ..BROKER };

const MONGODB: Engine = Engine { port: Some(27017), ..DATABASE };

const ENGINES: &[Engine] = &[
    Engine {
        port: Some(5432),
        schemes: &["postgres", "postgresql", "pgsql", "postgis", "psql", "ecto", "timescale", "timescaledb", "prisma"],
        words: &["POSTGRES", "POSTGRESQL", "PG", "PGSQL", "PSQL", "TIMESCALE"],
        default_database: DefaultDatabase::OfUser,
        ..DATABASE
    },
    Engine {
        port: Some(3306),
        schemes: &["mysql", "mysql2", "mysqlx", "mariadb"],
        words: &["MYSQL", "MARIADB"],
        ..DATABASE
    },
    Engine { port: Some(1433), schemes: &["sqlserver", "mssql"], words: &["MSSQL", "SQLSERVER"], ..DATABASE },
    Engine {
        port: Some(26257),
        schemes: &["cockroach", "cockroachdb"],
        words: &["COCKROACH", "COCKROACHDB"],
        ..DATABASE
    },
    Engine { port: Some(5439), schemes: &["redshift"], words: &["REDSHIFT"], ..DATABASE },
    Engine { port: Some(1521), schemes: &["oracle"], words: &["ORACLE"], ..DATABASE },
    Engine { schemes: &["mongodb"], words: &["MONGO", "MONGODB"], ..MONGODB },
    // The port is in the DNS.
    Engine { port: None, schemes: &["mongodb+srv"], words: &["MONGO", "MONGODB"], ..MONGODB },
    Engine {
        port: Some(9000),
        schemes: &["clickhouse", "clickhouses", "clickhousedb", "ch"],
        words: &["CLICKHOUSE"],
        default_database: DefaultDatabase::Named("default"),
        ..DATABASE
    },
    Engine { port: Some(9042), schemes: &["cassandra", "scylla"], words: &["CASSANDRA", "SCYLLA"], ..DATABASE },
    Engine { port: Some(443), schemes: &["libsql"], words: &["LIBSQL", "TURSO"], ..DATABASE },
    Engine { port: Some(11210), schemes: &["couchbase", "couchbases"], words: &["COUCHBASE"], ..DATABASE },
    Engine { port: Some(5984), schemes: &["couchdb"], words: &["COUCHDB"], ..DATABASE },
    Engine { port: Some(7687), schemes: &["neo4j", "bolt"], words: &["NEO"], ..DATABASE },
    Engine {
        port: Some(9200),
        schemes: &["elasticsearch", "opensearch"],
        words: &["ELASTIC", "ELASTICSEARCH", "OPENSEARCH", "BONSAI", "SEARCHBOX", "FOUNDELASTICSEARCH"],
        database_keys: INDEX_KEYS,
        ..DATABASE
    },
    Engine { port: Some(8086), schemes: &["influxdb"], words: &["INFLUX", "INFLUXDB"], ..DATABASE },
    Engine { port: Some(28015), schemes: &["rethinkdb"], words: &["RETHINKDB"], ..DATABASE },
    Engine { port: Some(8529), schemes: &["arangodb"], words: &["ARANGO", "ARANGODB"], ..DATABASE },
    // Databases with clients for HTTP only.
    Engine {
        words: &[
            "CHROMA",
            "MEILI",
            "MEILISEARCH",
            "MILVUS",
            "PINECONE",
            "QDRANT",
            "SOLR",
            "SUPABASE",
            "SURREALDB",
            "TYPESENSE",
            "WEAVIATE",
        ],
        database_keys: INDEX_KEYS,
        ..DATABASE
    },
    Engine {
        port: Some(6379),
        schemes: &["redis", "rediss", "valkey", "valkeys", "keydb", "rediscache", "sentinel"],
        words: &["REDIS", "VALKEY", "KEYDB", "DRAGONFLY"],
        default_database: DefaultDatabase::Named("0"),
        database_keys: &["DB", "DATABASE", "DB_INDEX", "DB_NUMBER"],
        ..CACHE
    },
    Engine {
        port: Some(11211),
        schemes: &["memcached", "memcache"],
        words: &["MEMCACHED", "MEMCACHE", "MEMCACHIER"],
        ..CACHE
    },
    Engine { port: Some(5672), schemes: &["amqp", "amqps"], words: &["RABBITMQ", "RABBIT", "AMQP"], ..AMQP },
    Engine { port: Some(9092), schemes: &["kafka"], words: &["KAFKA", "REDPANDA"], ..BROKER },
    Engine { port: Some(4222), schemes: &["nats"], words: &["NATS"], ..BROKER },
    Engine { port: Some(61613), schemes: &["stomp", "stomps"], words: &["STOMP"], ..BROKER },
    Engine { port: Some(1883), schemes: &["mqtt", "mqtts"], words: &["MQTT", "MOSQUITTO"], ..BROKER },
    Engine { port: Some(6650), schemes: &["pulsar"], words: &["PULSAR"], ..BROKER },
    // Azure Service Bus
    Engine { port: Some(5672), schemes: &["sb"], ..BROKER },
];

/// What a key names without its engine: `DB_HOST`.
const GENERIC: &[Engine] = &[
    Engine { words: &["DB", "DATABASE", "RDS", "SQL", "TYPEORM"], ..DATABASE },
    Engine { words: &["CACHE"], ..CACHE },
    Engine { words: &["BROKER", "MQ", "QUEUE"], ..BROKER },
];

/// Ports for TLS, each with the port of the same server without it: AMQP, MQTT, STOMP, `ClickHouse`, Couchbase.
const TLS_PORTS: [(u16, u16); 5] = [(5671, 5672), (8883, 1883), (61614, 61613), (9440, 9000), (11207, 11210)];

/// Ports of `ClickHouse` for HTTP. They serve the same databases as the one for its own protocol.
const CLICKHOUSE_HTTP: [u16; 2] = [8123, 8443];

impl Engine {
    /// Returns the port by which a server is known with and without TLS, and by all of its protocols.
    pub(super) fn canonical_port(&self, port: u16) -> u16 {
        if self.port == Some(9000) && CLICKHOUSE_HTTP.contains(&port) {
            return 9000;
        }
        TLS_PORTS.iter().find(|(secure, _)| *secure == port).map_or(port, |(_, plain)| *plain)
    }
}

impl Engine {
    /// Returns whether the engine is unknown, and only the kind is known.
    pub(super) fn is_generic(&self) -> bool {
        GENERIC.iter().any(|generic| generic.words == self.words)
    }
}

/// Returns the engine of a scheme. A driver or option next to it is ignored: `postgresql+asyncpg`, `rediss+sentinel`,
/// `jdbc:mysql`, `db+postgresql`.
pub(super) fn by_scheme(scheme: &str) -> Option<&'static Engine> {
    let exact = |part: &str| ENGINES.iter().find(|engine| engine.schemes.contains(&part));
    // Testcontainers start a database, and `unix` and `socket` name one on this machine.
    let mut parts = scheme.split(['+', ':', '-']);
    if parts.clone().any(|part| matches!(part, "tc" | "unix" | "socket")) {
        return None;
    }
    exact(scheme).or_else(|| parts.find_map(exact))
}

/// Returns the engine that the words name. A name of an engine precedes a word such as DB.
pub(super) fn by_words(words: &[String]) -> Option<&'static Engine> {
    let named = |engines: &'static [Engine]| {
        engines.iter().find(|engine| words.iter().any(|word| engine.words.contains(&word.as_str())))
    };
    named(ENGINES).or_else(|| named(GENERIC))
}

/// Returns the engine of a driver: `pgsql`, `django.db.backends.mysql`; `None` if it is unknown.
pub(super) fn by_driver(driver: &str) -> Option<&'static Engine> {
    by_words(&name_parts(&driver.to_lowercase())).filter(|engine| !engine.is_generic())
}

/// Returns the engine with that default port and kind.
pub(super) fn by_port(port: u16, kind: BackendKind) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| engine.port == Some(port) && engine.kind == kind)
}

#[cfg(test)]
mod tests {
    use crate::drift::compare::backend::BackendKind::{self, Broker, Cache, Database};
    use crate::drift::compare::backend::engine::{by_driver, by_scheme};

    #[test]
    fn schemes_have_a_kind_and_a_port() {
        for (scheme, expected) in [
            ("postgres", Some((Database, Some(5432)))),
            ("postgresql+asyncpg", Some((Database, Some(5432)))),
            ("postgres+psycopg2", Some((Database, Some(5432)))),
            ("prisma+postgres", Some((Database, Some(5432)))),
            ("db+postgresql", Some((Database, Some(5432)))),
            ("jdbc:postgresql", Some((Database, Some(5432)))),
            ("jdbc:mysql:loadbalance", Some((Database, Some(3306)))),
            ("r2dbc:mariadb", Some((Database, Some(3306)))),
            ("mysql2", Some((Database, Some(3306)))),
            ("mongodb", Some((Database, Some(27017)))),
            ("mongodb+srv", Some((Database, None))),
            ("mssql+pyodbc", Some((Database, Some(1433)))),
            ("cockroachdb", Some((Database, Some(26257)))),
            ("clickhouse", Some((Database, Some(9000)))),
            ("cassandra", Some((Database, Some(9042)))),
            ("libsql", Some((Database, Some(443)))),
            ("couchbases", Some((Database, Some(11210)))),
            ("neo4j+s", Some((Database, Some(7687)))),
            ("bolt", Some((Database, Some(7687)))),
            ("rediss", Some((Cache, Some(6379)))),
            ("redis-sentinel", Some((Cache, Some(6379)))),
            ("valkey", Some((Cache, Some(6379)))),
            ("keydb", Some((Cache, Some(6379)))),
            ("memcached", Some((Cache, Some(11211)))),
            ("amqp", Some((Broker, Some(5672)))),
            ("amqps", Some((Broker, Some(5672)))),
            ("kafka+ssl", Some((Broker, Some(9092)))),
            ("nats", Some((Broker, Some(4222)))),
            ("stomp", Some((Broker, Some(61613)))),
            ("mqtt", Some((Broker, Some(1883)))),
            ("redis+socket", None),
            ("jdbc:tc:postgresql", None),
            ("smtp", None),
            ("ssh", None),
            ("sqlite", None),
            ("grpc", None),
            ("", None),
        ] {
            let found: Option<(BackendKind, Option<u16>)> = by_scheme(scheme).map(|engine| (engine.kind, engine.port));
            assert_eq!(found, expected, "{scheme}");
        }
    }

    #[test]
    fn drivers_name_an_engine() {
        for (driver, port) in [
            ("pgsql", Some(5432)),
            ("django.db.backends.postgresql", Some(5432)),
            ("org.postgresql.Driver", Some(5432)),
            ("mysql2", Some(3306)),
            ("com.mysql.cj.jdbc.Driver", Some(3306)),
            ("MongoDB", Some(27017)),
            ("sqlite", None),
            ("db", None),
            ("default", None),
        ] {
            assert_eq!(by_driver(driver).and_then(|engine| engine.port), port, "{driver}");
        }
    }
}
