//! Prints the result of `init` as JSON. Writes the file only with `--yes`.

use crate::commands::init::Proposal;
use crate::commands::init::write::{FileOutcome, WrittenFile};
use crate::error::{Error, Exit};
use crate::io::world::World;
use crate::report::json::drafted::{Drafted, drafted};

pub(super) fn print(proposal: &Proposal<'_>, remarks: &[String], world: &mut World<'_>) -> Result<Exit, Error> {
    let name = &proposal.target.location.name;
    let (has_changes, is_confirmed) = (proposal.has_changes, proposal.args.yes);
    let written = if has_changes && is_confirmed {
        world.interrupt.begin_writing();
        let written = proposal.writer().write(&proposal.complete, world);
        world.interrupt.end_writing();
        Some(written?)
    } else {
        None
    };
    let mut remarks = remarks.to_vec();
    let objection = written.as_ref().and_then(|written| written.outcome.objection());
    remarks.extend(objection.map(|why| format!("{name} is not accepted yet: {why}")));
    remarks.extend(written.as_ref().and_then(WrittenFile::loss));
    let (tracked, unignored) = proposal.exposed.names();
    let exit = if has_changes && !is_confirmed { Exit::Usage } else { Exit::Clean };
    let document = drafted(Drafted {
        file: name,
        written: written.is_some(),
        accepted: written.is_some_and(|written| written.outcome == FileOutcome::Accepted),
        draft: &proposal.draft,
        text: proposal.complete.text.expose(),
        tracked,
        unignored,
        remarks: &remarks,
        next: if exit == Exit::Clean { proposal.check.clone() } else { proposal.command_without_prompt(world) },
        exit_code: exit.code(),
    });
    world.print(&document)?;
    if exit == Exit::Clean { Ok(exit) } else { Err(proposal.not_confirmed(world)) }
}
