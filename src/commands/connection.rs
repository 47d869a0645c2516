//! The connection of a run to Railway: host, token, and values to redact.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::GlobalArgs;
use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::credentials::{self, CliLogin, Credentials, LoginTarget, TokenSources, railway_env};
use crate::io::endpoint::AllowedHosts;
use crate::io::railway::client::Client;
use crate::io::railway::debug_record::RecordingTransport;
use crate::io::railway::http::Endpoint;
use crate::io::railway::prefetch::PrefetchingTransport;
use crate::io::railway::transport::Transport;
use crate::io::world::World;

/// A connection to Railway. No request is sent before a client sends one.
pub(crate) struct Connection {
    /// The token and its source.
    pub(crate) credentials: Credentials,
    /// Redacts the values that are known so far.
    pub(crate) redactor: Redactor,
    transport: Box<dyn Transport>,
    allowed_hosts: AllowedHosts,
}

impl Connection {
    /// Finds the token for the host and the target of the run.
    pub(crate) fn open(global: &GlobalArgs, aim: &LoginTarget, world: &World<'_>) -> Result<Self, Error> {
        let endpoint = endpoint(global, world)?;
        let places = places(&endpoint, aim, world);
        Self::with(credentials::find(&places)?, &endpoint, world)
    }

    /// Opens a connection with that token.
    pub(crate) fn with(credentials: Credentials, endpoint: &Endpoint, world: &World<'_>) -> Result<Self, Error> {
        let redactor = Redactor::default();
        redactor.add("TOKEN", &credentials.token);
        let transport = (world.connect)(endpoint)?;
        let transport: Box<dyn Transport> = match &world.debug_log {
            Some(log) => Box::new(RecordingTransport::new(transport, Arc::clone(log))),
            None => transport,
        };
        let allowed_hosts = if endpoint.is_loopback() { AllowedHosts::Loopback } else { AllowedHosts::Public };
        Ok(Self { credentials, redactor, transport, allowed_hosts })
    }

    /// Returns a client with a time limit, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, world: &World<'w>, limit: Duration) -> Client<'c> {
        Client {
            transport: PrefetchingTransport::new(&*self.transport, world.clock),
            credentials: &self.credentials,
            clock: world.clock,
            status: world.status,
            limit: Cell::new(limit),
            remarks: RefCell::default(),
            allowed_hosts: self.allowed_hosts,
            redactor: &self.redactor,
            probed: RefCell::default(),
        }
    }
}

/// Returns Railway's endpoint, or the one of `--api-url`.
pub(crate) fn endpoint(global: &GlobalArgs, world: &World<'_>) -> Result<Endpoint, Error> {
    match &global.api_url {
        Some(url) => Endpoint::loopback(url),
        None => Ok(Endpoint::railway(railway_env(&world.variables).backboard())),
    }
}

/// Returns whether the Railway CLI's login may be sent to the endpoint.
pub(crate) fn cli_login(endpoint: &Endpoint) -> CliLogin {
    if endpoint.is_loopback() { CliLogin::Forbidden } else { CliLogin::Allowed }
}

/// Returns the places where a token for the endpoint may be stored.
pub(crate) fn places<'p>(endpoint: &'p Endpoint, aim: &'p LoginTarget, world: &'p World<'_>) -> TokenSources<'p> {
    TokenSources {
        variables: &world.variables,
        home: world.home.as_deref(),
        now: world.clock.now(),
        cli_login: cli_login(endpoint),
        keyring: world.keyring,
        host: endpoint.host(),
        api_url: endpoint.api_url(),
        target: aim,
    }
}
