//! Asks the user to accept `doctor.toml` before any other prompt of a run that sends values. Otherwise, a refusal at the
//! end would discard what the user chose or typed.

use std::collections::BTreeSet;

use crate::commands::gather::Gathered;
use crate::commands::output_options::OutputOptions;
use crate::commands::trust::{NamedDecisions, ask};
use crate::drift::plan::bulk_selection::Consent;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::world::World;
use crate::report::Format;

/// The run that is about to send values.
#[derive(Clone, Copy)]
pub(crate) struct SendingRun<'s> {
    pub(crate) client: &'s Client<'s>,
    pub(crate) config: Option<&'s Config>,
    pub(crate) output: OutputOptions<'s>,
}

impl SendingRun<'_> {
    /// Shows what `doctor.toml` decides, and asks the user to accept it, if that is needed. Fails if the destination is
    /// not trusted afterwards. The time at the prompt does not count towards the time limit.
    pub(crate) fn confirm_trust(self, gathered: &mut Gathered, world: &mut World<'_>) -> Result<(), Error> {
        let trust = &gathered.expectations.trust;
        if let (Some(config), true) = (self.config, trust.needs_acceptance()) {
            let named = NamedDecisions::of(self.client, config, &gathered.selected.shape)?;
            let text = named.text(&trust.acceptance, world.terminal.width);
            if self.output.format == Format::Text && self.output.file.is_none() {
                world.print(&text)?;
            } else {
                text.lines().for_each(|line| world.status.print_line(line));
            }
            let before = world.clock.elapsed();
            ask(&gathered.survey.project, config, world)?;
            let limit = self.client.limit.get() + world.clock.elapsed().saturating_sub(before);
            self.client.limit.set(limit);
            gathered.expectations.trust.accept();
        }
        let objection = gathered.expectations.trust.objection(Consent::Prompt, &BTreeSet::new());
        objection.map_or(Ok(()), |objection| Err(objection.into_error()))
    }
}
