//! A checkout may be anybody's: local values leave only for a project that is known from outside of it.

use crate::drift::Named;
use crate::error::Error;
use crate::outside::config::Config;
use crate::outside::credentials;
use crate::outside::trusted::{self, Standing, Subject};
use crate::outside::world::World;

/// Who says that the project is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Also somebody other than the checkout.
    Known,
    /// The user has accepted its `doctor.toml`.
    Accepted,
    /// Only its `doctor.toml`.
    CheckoutAlone,
    /// Only its `doctor.toml`, which is not as it was when the user accepted it.
    Changed,
}

impl Trust {
    /// Who says so, given the project and who named it.
    pub(crate) fn of(
        config: Option<&Config>,
        (project, origin): (&Named, &str),
        world: &World<'_>,
    ) -> Result<Self, Error> {
        let Some(config) = config.filter(|config| origin == config.name) else { return Ok(Self::Known) };
        let is_it = |text: &str| text == project.id || text == project.name;
        let link = credentials::link(&world.variables, world.home.as_deref(), &world.folder)?;
        let linked = link.is_some_and(|link| is_it(&link.project_id));
        if linked || world.variable("RAILWAY_PROJECT_ID").is_some_and(is_it) {
            return Ok(Self::Known);
        }
        let subject = Subject { project, digest: config.digest, path: &config.path };
        // What can't be read accepts nothing; `doctor trust` says why.
        Ok(match trusted::standing(world.state.as_deref(), &subject) {
            Ok(Standing::Accepted) => Self::Accepted,
            Ok(Standing::Changed) => Self::Changed,
            Ok(Standing::Never) | Err(_) => Self::CheckoutAlone,
        })
    }

    /// Whether local values may be sent.
    pub(crate) fn is_enough(self) -> bool {
        matches!(self, Self::Known | Self::Accepted)
    }
}
