//! The way to Railway for one run: address, token, and what must not be printed.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::cli::Global;
use crate::drift::scrub::Scrubber;
use crate::error::Error;
use crate::outside::credentials::{self, CliLogin, Credentials, railway_env};
use crate::outside::endpoint::Neighbourhood;
use crate::outside::railway::client::Client;
use crate::outside::railway::http::Endpoint;
use crate::outside::railway::wire::Wire;
use crate::outside::world::World;

/// The way to Railway. Nothing is sent until a client asks.
pub(crate) struct Connection {
    /// The token and where it came from.
    pub(crate) credentials: Credentials,
    /// The values known so far.
    pub(crate) scrubber: Scrubber,
    wire: Box<dyn Wire>,
    neighbourhood: Neighbourhood,
}

impl Connection {
    /// Finds the token for the address that is to be asked.
    pub(crate) fn open(global: &Global, world: &World<'_>) -> Result<Self, Error> {
        let endpoint = match &global.api_url {
            Some(url) => Endpoint::loopback(url)?,
            None => Endpoint::railway(railway_env(&world.variables).backboard()),
        };
        let login = if endpoint.is_loopback() { CliLogin::Forbidden } else { CliLogin::Allowed };
        let credentials = credentials::find(&world.variables, world.home.as_deref(), world.clock.now(), login)?;
        let scrubber = Scrubber::default();
        scrubber.learn("TOKEN", &credentials.token);
        let wire = (world.connect)(&endpoint)?;
        let neighbourhood = if endpoint.is_loopback() { Neighbourhood::Loopback } else { Neighbourhood::Public };
        Ok(Self { credentials, scrubber, wire, neighbourhood })
    }

    /// A client with that much time, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, world: &World<'w>, limit: Duration) -> Client<'c> {
        Client {
            wire: &*self.wire,
            credentials: &self.credentials,
            clock: world.clock,
            talk: world.talk,
            limit: Cell::new(limit),
            allowance: Cell::default(),
            heard_time: Cell::default(),
            requests: Cell::new(0),
            remarks: RefCell::default(),
            neighbourhood: self.neighbourhood,
            scrubber: &self.scrubber,
            probed: RefCell::default(),
        }
    }
}
