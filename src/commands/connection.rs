//! Connects one run with Railway: address, token, and what must not be printed.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::GlobalArgs;
use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::credentials::{self, CliLogin, Credentials, LoginTarget, Places, railway_env};
use crate::io::endpoint::AllowedHosts;
use crate::io::railway::client::Client;
use crate::io::railway::debug_record::RecordingTransport;
use crate::io::railway::http::Endpoint;
use crate::io::railway::prefetch::PrefetchingTransport;
use crate::io::railway::transport::Transport;
use crate::io::world::World;

/// The way to Railway. Nothing is sent until a client asks.
pub(crate) struct Connection {
    /// The token and where it came from.
    pub(crate) credentials: Credentials,
    /// The values known so far.
    pub(crate) scrubber: Redactor,
    wire: Box<dyn Transport>,
    neighbourhood: AllowedHosts,
}

impl Connection {
    /// Finds the token for the address and the target that are to be asked.
    pub(crate) fn open(global: &GlobalArgs, aim: &LoginTarget, world: &World<'_>) -> Result<Self, Error> {
        let endpoint = endpoint(global, world)?;
        let places = places(&endpoint, aim, world);
        Self::with(credentials::find(&places)?, &endpoint, world)
    }

    /// The way for that token.
    pub(crate) fn with(credentials: Credentials, endpoint: &Endpoint, world: &World<'_>) -> Result<Self, Error> {
        let scrubber = Redactor::default();
        scrubber.add("TOKEN", &credentials.token);
        let wire = (world.connect)(endpoint)?;
        let wire: Box<dyn Transport> = match &world.debug_log {
            Some(log) => Box::new(RecordingTransport::new(wire, Arc::clone(log))),
            None => wire,
        };
        let neighbourhood = if endpoint.is_loopback() { AllowedHosts::Loopback } else { AllowedHosts::Public };
        Ok(Self { credentials, scrubber, wire, neighbourhood })
    }

    /// A client with that much time, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, world: &World<'w>, limit: Duration) -> Client<'c> {
        Client {
            wire: PrefetchingTransport::new(&*self.wire, world.clock),
            credentials: &self.credentials,
            clock: world.clock,
            talk: world.talk,
            limit: Cell::new(limit),
            remarks: RefCell::default(),
            neighbourhood: self.neighbourhood,
            scrubber: &self.scrubber,
            probed: RefCell::default(),
        }
    }
}

/// The address that is to be asked.
pub(crate) fn endpoint(global: &GlobalArgs, world: &World<'_>) -> Result<Endpoint, Error> {
    match &global.api_url {
        Some(url) => Endpoint::loopback(url),
        None => Ok(Endpoint::railway(railway_env(&world.variables).backboard())),
    }
}

/// Where a token for it may be.
pub(crate) fn places<'p>(endpoint: &'p Endpoint, aim: &'p LoginTarget, world: &'p World<'_>) -> Places<'p> {
    Places {
        variables: &world.variables,
        home: world.home.as_deref(),
        now: world.clock.now(),
        cli_login: if endpoint.is_loopback() { CliLogin::Forbidden } else { CliLogin::Allowed },
        keyring: world.keyring,
        host: endpoint.host(),
        aim,
    }
}
