//! The way to Railway for one run: address, token, and what must not be printed.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Global, Targeting};
use crate::drift::scrub::Scrubber;
use crate::error::Error;
use crate::outside::config::{At, Config};
use crate::outside::credentials::{self, Aim, CliLogin, Credentials, Places, railway_env};
use crate::outside::endpoint::Neighbourhood;
use crate::outside::railway::client::Client;
use crate::outside::railway::guess::Guessing;
use crate::outside::railway::http::Endpoint;
use crate::outside::railway::record::Recorded;
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
    /// Finds the token for the address and the target that are to be asked.
    pub(crate) fn open(global: &Global, aim: &Aim, world: &World<'_>) -> Result<Self, Error> {
        let endpoint = endpoint(global, world)?;
        let credentials = credentials::find(&places(&endpoint, aim, world))?;
        Self::with(credentials, &endpoint, world)
    }

    /// The way for that token.
    pub(crate) fn with(credentials: Credentials, endpoint: &Endpoint, world: &World<'_>) -> Result<Self, Error> {
        let scrubber = Scrubber::default();
        scrubber.learn("TOKEN", &credentials.token);
        let wire = (world.connect)(endpoint)?;
        let wire: Box<dyn Wire> = match &world.debug_log {
            Some(log) => Box::new(Recorded::new(wire, Arc::clone(log))),
            None => wire,
        };
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
            guessing: Guessing::default(),
        }
    }
}

/// The address that is to be asked.
pub(crate) fn endpoint(global: &Global, world: &World<'_>) -> Result<Endpoint, Error> {
    match &global.api_url {
        Some(url) => Endpoint::loopback(url),
        None => Ok(Endpoint::railway(railway_env(&world.variables).backboard())),
    }
}

/// Where a token for it may be.
pub(crate) fn places<'p>(endpoint: &'p Endpoint, aim: &'p Aim, world: &'p World<'_>) -> Places<'p> {
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

/// The target of a run as far as it is named: the first project, and the environment of the same place or one above it.
pub(crate) fn aim(flags: Option<&Targeting>, config: Option<&Config>, world: &World<'_>) -> Aim {
    let value = |at: Option<&At<String>>| at.map(|at| at.value.clone());
    let variable = |name: &str| world.variable(name).map(|id| id.trim().to_owned());
    let link = || credentials::link(&world.variables, world.home.as_deref(), &world.folder).ok().flatten();
    let named: [&dyn Fn() -> (Option<String>, Option<String>); 4] = [
        &|| flags.map(|flags| (flags.project.clone(), flags.environment.clone())).unwrap_or_default(),
        &|| {
            let config = config.map(|config| (value(config.project.as_ref()), value(config.environment.as_ref())));
            config.unwrap_or_default()
        },
        &|| (variable("RAILWAY_PROJECT_ID"), variable("RAILWAY_ENVIRONMENT_ID")),
        &|| link().map(|link| (Some(link.project_id), link.environment_id)).unwrap_or_default(),
    ];
    let mut aim = Aim::default();
    for place in named {
        let (project, environment) = place();
        aim.environment = aim.environment.or(environment);
        if project.is_some() {
            return Aim { project, ..aim };
        }
    }
    aim
}
