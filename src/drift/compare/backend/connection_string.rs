//! Connection strings that are no URLs: `host=… dbname=…`, `Server=…;Database=…`, `user:password@tcp(host)/name`.

use crate::drift::compare::backend::bucket;
use crate::drift::compare::backend::connection::{Connection, DATABASE_PARAMETERS};
use crate::drift::compare::backend::engine::{self, Engine};
use crate::drift::compare::backend::host::HostAndPort;
use crate::drift::compare::backend::key_words::AddressKey;
use crate::drift::compare::backend::parameters::Parameters;
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::{Url, decoded};
use crate::drift::compare::backend::{Backend, BackendKind};

/// Names of the parameter for the host.
const HOST_PARAMETERS: [&str; 7] = ["host", "hostaddr", "server", "data source", "addr", "address", "network address"];

/// Names of the parameter for the user.
const USER_PARAMETERS: [&str; 5] = ["user", "username", "user id", "userid", "uid"];

/// Names of the parameter for a URL: a namespace of Service Bus, an account of Cosmos DB.
const URL_PARAMETERS: [&str; 2] = ["endpoint", "accountendpoint"];

/// Returns the backend that a connection string leads to; `None` if the text is not one.
pub(super) fn backend(text: &str, siblings: &Siblings<'_, '_>) -> Option<Backend> {
    of_go_driver(text)
        .or_else(|| of_oracle(text))
        .or_else(|| of_parameters(&Parameters::parse(text)?, siblings))
        .and_then(|connection| connection.backend(siblings))
        .or_else(|| bucket::from_account(&Parameters::parse(text)?, siblings))
}

/// Parses `user:password@tcp(host:3306)/shop?parseTime=true`, as the driver of Go for `MySQL` writes it.
fn of_go_driver(text: &str) -> Option<Connection> {
    let (user, rest) = text.rsplit_once("@tcp(")?;
    let (address, rest) = rest.split_once(")/")?;
    let database = rest.split('?').next().filter(|name| !name.is_empty()).map(decoded);
    let user = user.split(':').next().map(str::to_owned);
    Some(Connection { user, database, ..Connection::new(engine::by_scheme("mysql")?, HostAndPort::parse(address)?) })
}

/// Parses `jdbc:oracle:thin:@host:1521:shop` and `jdbc:oracle:thin:@//host:1521/shop`.
fn of_oracle(text: &str) -> Option<Connection> {
    let (_, address) = text.strip_prefix("jdbc:oracle:thin:")?.rsplit_once('@')?;
    let address = address.trim_start_matches('/');
    let at = address.rfind(['/', ':'])?;
    let (host, database) = (&address[..at], &address[at + 1..]);
    let (host, database) = match database.parse::<u16>() {
        Ok(_) => (address, None),
        Err(_) => (host, Some(database.to_owned())),
    };
    Some(Connection { database, ..Connection::new(engine::by_scheme("oracle")?, HostAndPort::parse(host)?) })
}

fn of_parameters(parameters: &Parameters<'_>, siblings: &Siblings<'_, '_>) -> Option<Connection> {
    let database = parameters.value(&DATABASE_PARAMETERS).map(str::to_owned);
    if let Some(url) = parameters.value(&URL_PARAMETERS).and_then(Url::parse) {
        return of_endpoint(&url, parameters);
    }
    let host = parameters.value(&HOST_PARAMETERS)?;
    let user = parameters.value(&USER_PARAMETERS).map(str::to_owned);
    let engine = engine_of(parameters, siblings)?;
    // SQL Server separates the port with a comma, and has named instances: `tcp:host,1433`, `host\instance`.
    let host = host.trim_start_matches("tcp:");
    let (host, port) = host.split_once(',').unwrap_or((host, ""));
    let address = HostAndPort::parse(host.split('\\').next().unwrap_or(host))?;
    let port = port.trim().parse().ok().or(address.port);
    let port = port.or_else(|| parameters.value(&["port"])?.parse().ok());
    Some(Connection { port, user, database, ..Connection::new(engine, address) })
}

/// Parses `Endpoint=sb://acme.servicebus.windows.net/;…` and `AccountEndpoint=https://acme.documents.azure.com:443/;…`.
fn of_endpoint(url: &Url<'_>, parameters: &Parameters<'_>) -> Option<Connection> {
    let engine = match url.scheme.as_str() {
        "sb" => engine::by_scheme("sb")?,
        _ if url.hosts.contains(".documents.azure.com") => &engine::UNKNOWN_DATABASE,
        _ => return None,
    };
    let database = parameters.value(&["entitypath"]).or_else(|| parameters.value(&DATABASE_PARAMETERS));
    let address = HostAndPort::parse(url.hosts)?;
    Some(Connection { database: database.map(str::to_owned), ..Connection::new(engine, address) })
}

/// Returns the engine by the names of the parameters, or by the key.
fn engine_of(parameters: &Parameters<'_>, siblings: &Siblings<'_, '_>) -> Option<&'static Engine> {
    let by_key = || AddressKey::parse(siblings.key).map(|key| key.engine).filter(|engine| !engine.is_generic());
    let has = |names: &[&str]| parameters.value(names).is_some();
    let is_of_database = has(&DATABASE_PARAMETERS) || has(&USER_PARAMETERS);
    let port = || parameters.value(&["port"]).filter(|_| is_of_database)?.parse().ok();
    let by_port = || engine::by_port(port()?, BackendKind::Database);
    if let Some(engine) = by_key().or_else(by_port) {
        return Some(engine);
    }
    let scheme = if has(&["dbname"]) || (has(&["host"]) && has(&["database"])) {
        "postgres"
    } else if has(&["uid"]) && !has(&["driver"]) {
        "mysql"
    } else if has(&["initial catalog", "data source", "user id", "integrated security", "trusted_connection"])
        || (has(&["server"]) && has(&["database"]))
    {
        "sqlserver"
    } else {
        return None;
    };
    engine::by_scheme(scheme)
}
