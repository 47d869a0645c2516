//! Connections to databases, caches and brokers, and their normalised addresses.

use ring::digest;

use crate::drift::compare::backend::Backend;
use crate::drift::compare::backend::engine::{DefaultDatabase, Engine};
use crate::drift::compare::backend::host::{HostAndPort, MOST_HOSTS, public_host};
use crate::drift::compare::backend::managed::{self, Managed};
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::{Url, decoded};

/// Parameters that name the database.
pub(super) const DATABASE_PARAMETERS: [&str; 5] = ["database", "databasename", "dbname", "db", "initial catalog"];

/// Parameters that name a schema: a separate set of tables in a database.
const SCHEMA_PARAMETERS: [&str; 2] = ["schema", "currentschema"];

/// The schema that is used if none is named.
const DEFAULT_SCHEMA: &str = "public";

/// The proxy of Prisma. The key in a parameter selects the database.
const PRISMA_PROXY: &str = "accelerate.prisma-data.net";

/// The ports of Redis without TLS, and with it.
const REDIS: u16 = 6379;
const REDIS_TLS: u16 = 6380;

/// The domain of Azure's caches, which use both ports.
const AZURE_CACHES: &str = ".redis.cache.windows.net";

/// Where a client connects to.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) engine: &'static Engine,
    pub(super) host: String,
    /// The port, if the address has one.
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    /// The database, if the address names one.
    pub(super) database: Option<String>,
    pub(super) schema: Option<String>,
}

impl Connection {
    /// Returns a connection to a host.
    pub(super) fn new(engine: &'static Engine, address: HostAndPort<'_>) -> Self {
        let HostAndPort { host, port } = address;
        Self { engine, host: decoded(host), port, user: None, database: None, schema: None }
    }

    /// Returns one connection for each host of the URL.
    pub(super) fn all_of_url(engine: &'static Engine, url: &Url<'_>) -> Vec<Self> {
        // `postgres:///shop?host=db.acme.dev`
        let parameter = if url.hosts.is_empty() { url.parameter(&["host"]) } else { None };
        let port = || url.parameter(&["port"]).and_then(|port| port.parse().ok());
        let hosts = parameter.as_deref().unwrap_or(url.hosts).split(',').take(MOST_HOSTS);
        let connections = hosts.filter_map(|host| HostAndPort::parse(host.split('\\').next().unwrap_or(host)));
        connections
            .map(|address| Self {
                port: if parameter.is_some() { address.port.or_else(port) } else { address.port },
                user: url.user().or_else(|| url.parameter(&["user"])),
                database: url.path().or_else(|| url.parameter(&DATABASE_PARAMETERS)),
                schema: schema(url),
                ..Self::new(engine, address)
            })
            .map(|connection| connection.of_prisma(url))
            .map(|connection| match url.scheme.as_str() {
                "rediss" => Self { port: without_tls(connection.port), ..connection },
                _ => connection,
            })
            .collect()
    }

    /// Takes the key of Prisma's proxy as the database. The address contains only its digest, because it is a secret.
    fn of_prisma(self, url: &Url<'_>) -> Self {
        if self.host != PRISMA_PROXY {
            return self;
        }
        let key = url.parameter(&["api_key"]).unwrap_or_default();
        Self { database: Some(hex::encode(digest::digest(&digest::SHA256, key.as_bytes()))), ..self }
    }

    /// Returns the backend; `None` if the host is private or local, or if it is unknown which of its databases is used.
    pub(super) fn backend(&self, siblings: &Siblings<'_, '_>) -> Option<Backend> {
        let host = public_host(&self.host)?;
        let user = || self.user.clone().or_else(|| siblings.user(self.engine));
        let is_shared = managed::is_selected_by_user(&host);
        let account = if is_shared { Some(user()?) } else { None };
        let host = managed::canonical(&host, account.as_deref());
        match managed::classify(&host) {
            Some(Managed::Common) => return None,
            Some(Managed::Instance(kind)) => return Some(Backend::new(kind, host)),
            Some(Managed::Cluster) | None => {}
        }
        let database = self.database.clone().or_else(|| siblings.database(self.engine));
        let database = database.unwrap_or_else(|| match self.engine.default_database {
            DefaultDatabase::Named(name) => name.to_owned(),
            DefaultDatabase::OfUser => user().unwrap_or_default(),
        });
        if database.contains("${") {
            return None;
        }
        let account = account.map_or_else(String::new, |account| format!("{account}@"));
        let port = self.canonical_port(&host).map_or_else(String::new, |port| port.to_string());
        let schema = self.schema.as_ref().map_or_else(String::new, |schema| format!("?{schema}"));
        Some(Backend::new(self.engine.kind, format!("{account}{host}:{port}/{database}{schema}")))
    }

    /// Returns the port by which the server is known with and without TLS.
    fn canonical_port(&self, host: &str) -> Option<u16> {
        let port = if host.ends_with(AZURE_CACHES) { without_tls(self.port) } else { self.port };
        port.or(self.engine.port).map(|port| self.engine.canonical_port(port))
    }
}

/// Returns the port of the same Redis server without TLS. If nothing shows that the server uses TLS, a second server may
/// have the port.
fn without_tls(port: Option<u16>) -> Option<u16> {
    if port == Some(REDIS_TLS) { Some(REDIS) } else { port }
}

/// Returns the schema, or the cluster behind a shared host, that the parameters name.
fn schema(url: &Url<'_>) -> Option<String> {
    let schema = url.parameter(&SCHEMA_PARAMETERS).filter(|schema| schema != DEFAULT_SCHEMA);
    let in_options = |options: &String| options.contains("--cluster=") || options.contains("search_path=");
    schema.or_else(|| url.parameter(&["options"]).filter(in_options))
}
