//! The questions, one after the other; Esc goes one back.

use std::collections::BTreeSet;
use std::path::Path;

use crate::commands::gather::Gathered;
use crate::commands::init::draft::InitDraft;
use crate::commands::init::gather_sides::SideReader;
use crate::drift::phrases::names;
use crate::drift::suggest::{Difference, DifferenceGroup, groups};
use crate::error::Error;
use crate::io::files;
use crate::io::terminal::prompt::PromptAnswer;
use crate::io::world::World;
use crate::report::{escape, init_lists as tell};

/// What became of a question.
enum Navigation {
    On,
    Back,
    /// There was nothing to ask.
    Past,
}

/// One question.
type InitStep = fn(&mut InitDraft, &SideReader<'_>, &mut World<'_>) -> Result<Navigation, Error>;

/// Whoever leaves has written nothing.
pub(super) fn left() -> Error {
    Error::NoConsent {
        what: "nobody said yes".to_owned(),
        cause: "no doctor.toml was written".to_owned(),
        help: "run it again when you want one".to_owned(),
    }
}

/// Looks at both sides; asks for the file where there are several, or none that is taken by itself.
pub(super) fn file(eyes: &SideReader<'_>, world: &mut World<'_>) -> Result<Gathered, Error> {
    let (named, services) = (&eyes.args.env_file, &eyes.args.targeting.service);
    let candidates = files::env_files(&world.folder);
    let (seen, used) = match eyes.gather(named, services, world) {
        Err(Error::NoEnvFile { .. }) if named.is_empty() && !candidates.is_empty() => (None, None),
        Err(error) => return Err(error),
        Ok(seen) => {
            let used = candidates.iter().position(|path| seen.paths.first() == Some(path));
            (Some(seen), used)
        }
    };
    let seen = match seen {
        Some(seen) if !named.is_empty() || candidates.len() < 2 => return Ok(seen),
        seen => seen,
    };
    let items: Vec<String> = candidates.iter().map(|path| shown(path, world)).collect();
    let prompt = match &seen {
        Some(seen) => format!("Which file goes with {}?", escape::line(&seen.survey.environment.name)),
        None => "Which file?".to_owned(),
    };
    let PromptAnswer::Given(picked) = world.ask.choose(&prompt, &items, used.unwrap_or(0))? else { return Err(left()) };
    match seen {
        Some(seen) if used == Some(picked) => Ok(seen),
        _ => eyes.gather(&candidates[picked..=picked], services, world),
    }
}

fn shown(path: &Path, world: &World<'_>) -> String {
    escape::line(&files::display_path(path, &world.folder)).into_owned()
}

/// Asks everything else.
pub(super) fn all(sketch: &mut InitDraft, eyes: &SideReader<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let steps: [InitStep; 3] = [services, required, excepted];
    world.talk.print_line("");
    let (mut at, mut forward) = (0, true);
    while let Some(step) = steps.get(at) {
        match step(sketch, eyes, world)? {
            Navigation::On => forward = true,
            Navigation::Back => forward = false,
            Navigation::Past => {}
        }
        at = if forward { at + 1 } else { at.checked_sub(1).ok_or_else(left)? };
    }
    Ok(())
}

fn services(sketch: &mut InitDraft, eyes: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    if sketch.is_named || sketch.services.is_empty() {
        return Ok(Navigation::Past);
    }
    let items = tell::services(&sketch.services);
    let prompt = "Which services?";
    let PromptAnswer::Given(picked) = world.ask.choose_many(prompt, &items, &sketch.chosen())? else {
        return Ok(Navigation::Back);
    };
    if !sketch.choose(&picked) {
        // Ids: a name may be taken for another service's.
        let ids: Vec<String> = picked.iter().map(|&index| sketch.services[index].0.id.clone()).collect();
        let files = sketch.seen.paths.clone();
        sketch.replace_sides(eyes.gather(&files, &ids, world)?);
    }
    Ok(Navigation::On)
}

fn required(sketch: &mut InitDraft, _: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    let (all, chosen) = sketch.shared();
    if all.is_empty() {
        return Ok(Navigation::Past);
    }
    let files: Vec<&str> = sketch.seen.files.iter().map(|(name, _)| name.as_str()).collect();
    let prompt = format!("Which keys must stay equal on all services and in {}?", escape::line(&names(&files)));
    let PromptAnswer::Given(picked) =
        world.ask.choose_many(&prompt, &tell::shared(&all, &sketch.sections()), &chosen)?
    else {
        return Ok(Navigation::Back);
    };
    sketch.require(picked.iter().map(|&index| all[index].key.clone()).collect::<BTreeSet<_>>());
    Ok(Navigation::On)
}

fn excepted(sketch: &mut InitDraft, eyes: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    loop {
        let (all, chosen) = sketch.differences();
        if all.is_empty() {
            return Ok(Navigation::Past);
        }
        let prompt = "Which keys differ on purpose?";
        let PromptAnswer::Given(picked) = world.ask.choose_many(prompt, &tell::differences(&all), &chosen)? else {
            return Ok(Navigation::Back);
        };
        let picked: Vec<&Difference> = picked.into_iter().map(|index| &all[index]).collect();
        if let Some(reasons) = reasons(groups(&picked), eyes, world)? {
            sketch.except(reasons);
            return Ok(Navigation::On);
        }
    }
}

/// A reason for each group; `None` goes back.
fn reasons(
    groups: Vec<DifferenceGroup>,
    eyes: &SideReader<'_>,
    world: &mut World<'_>,
) -> Result<Option<Vec<(DifferenceGroup, String)>>, Error> {
    let mut reasons = Vec::new();
    for group in groups {
        let Some(reason) = reason(&group, eyes, world)? else { return Ok(None) };
        reasons.push((group, reason));
    }
    Ok(Some(reasons))
}

fn reason(group: &DifferenceGroup, eyes: &SideReader<'_>, world: &mut World<'_>) -> Result<Option<String>, Error> {
    let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
    loop {
        let PromptAnswer::Given(reason) = world.ask.line_from(&tell::why(&keys), group.reason)? else {
            return Ok(None);
        };
        if eyes.connection.scrubber.redact(&reason) == reason {
            return Ok(Some(reason));
        }
        world.talk.print_line("That holds a value, and the file is for everybody to read: say it without.");
    }
}
