//! A checkout may be anybody's: local values leave only for a project that is known from outside of it.

use crate::drift::Named;
use crate::error::Error;
use crate::outside::config::Config;
use crate::outside::credentials;
use crate::outside::world::World;

/// Who says that the project is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Also somebody other than the checkout.
    Known,
    /// Only its `doctor.toml`.
    CheckoutAlone,
}

impl Trust {
    /// Who says so, given the project and who named it.
    pub(crate) fn of(
        config: Option<&Config>,
        (project, origin): (&Named, &str),
        world: &World<'_>,
    ) -> Result<Self, Error> {
        if config.is_none_or(|config| origin != config.name) {
            return Ok(Self::Known);
        }
        let is_it = |text: &str| text == project.id || text == project.name;
        let link = credentials::link(&world.variables, world.home.as_deref(), &world.folder)?;
        let linked = link.is_some_and(|link| is_it(&link.project_id));
        let known = linked || world.variable("RAILWAY_PROJECT_ID").is_some_and(is_it);
        Ok(if known { Self::Known } else { Self::CheckoutAlone })
    }
}
