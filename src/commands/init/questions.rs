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
use crate::report::{escape, init_lists};

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
pub(super) fn file(sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Gathered, Error> {
    let (named, services) = (&sides.args.files.env_file, &sides.args.targeting.service);
    let candidates = files::env_files(&world.folder);
    let (gathered, used) = match sides.gather(named, services, world) {
        Err(Error::NoEnvFile { .. }) if named.is_empty() && !candidates.is_empty() => (None, None),
        Err(error) => return Err(error),
        Ok(gathered) => {
            let used = candidates.iter().position(|path| gathered.paths.first() == Some(path));
            (Some(gathered), used)
        }
    };
    let gathered = match gathered {
        Some(gathered) if !named.is_empty() || candidates.len() < 2 => return Ok(gathered),
        gathered => gathered,
    };
    let items: Vec<String> = candidates.iter().map(|path| shown(path, world)).collect();
    let prompt = match &gathered {
        Some(gathered) => format!("Which file goes with {}?", escape::line(&gathered.survey.environment.name)),
        None => "Which file?".to_owned(),
    };
    let PromptAnswer::Given(picked) = world.ask.choose(&prompt, &items, used.unwrap_or(0))? else { return Err(left()) };
    match gathered {
        Some(gathered) if used == Some(picked) => Ok(gathered),
        _ => sides.gather(&candidates[picked..=picked], services, world),
    }
}

fn shown(path: &Path, world: &World<'_>) -> String {
    escape::line(&files::display_path(path, &world.folder)).into_owned()
}

/// Asks everything else.
pub(super) fn all(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let steps: [InitStep; 3] = [services, required, excepted];
    world.talk.print_line("");
    let (mut at, mut forward) = (0, true);
    while let Some(step) = steps.get(at) {
        match step(draft, sides, world)? {
            Navigation::On => forward = true,
            Navigation::Back => forward = false,
            Navigation::Past => {}
        }
        at = if forward { at + 1 } else { at.checked_sub(1).ok_or_else(left)? };
    }
    Ok(())
}

fn services(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    if draft.is_named || draft.services.is_empty() {
        return Ok(Navigation::Past);
    }
    let items = init_lists::services(&draft.services);
    let prompt = "Which services?";
    let PromptAnswer::Given(picked) = world.ask.choose_many(prompt, &items, &draft.chosen())? else {
        return Ok(Navigation::Back);
    };
    if !draft.choose(&picked) {
        // Ids: a name may be taken for another service's.
        let ids: Vec<String> = picked.iter().map(|&index| draft.services[index].0.id.clone()).collect();
        let files = draft.gathered.paths.clone();
        draft.replace_sides(sides.gather(&files, &ids, world)?);
    }
    Ok(Navigation::On)
}

fn required(draft: &mut InitDraft, _: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    let (all, chosen) = draft.shared();
    if all.is_empty() {
        return Ok(Navigation::Past);
    }
    let files: Vec<&str> = draft.gathered.files.iter().map(|(name, _)| name.as_str()).collect();
    let prompt = format!("Which keys must stay equal on all services and in {}?", escape::line(&names(&files)));
    let PromptAnswer::Given(picked) =
        world.ask.choose_many(&prompt, &init_lists::shared(&all, &draft.sections()), &chosen)?
    else {
        return Ok(Navigation::Back);
    };
    draft.require(picked.iter().map(|&index| all[index].key.clone()).collect::<BTreeSet<_>>());
    Ok(Navigation::On)
}

fn excepted(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    loop {
        let (all, chosen) = draft.differences();
        if all.is_empty() {
            return Ok(Navigation::Past);
        }
        let prompt = "Which keys differ on purpose?";
        let PromptAnswer::Given(picked) = world.ask.choose_many(prompt, &init_lists::differences(&all), &chosen)?
        else {
            return Ok(Navigation::Back);
        };
        let picked: Vec<&Difference> = picked.into_iter().map(|index| &all[index]).collect();
        if let Some(reasons) = reasons(groups(&picked), sides, world)? {
            draft.except(reasons);
            return Ok(Navigation::On);
        }
    }
}

/// A reason for each group; `None` goes back.
fn reasons(
    groups: Vec<DifferenceGroup>,
    sides: &SideReader<'_>,
    world: &mut World<'_>,
) -> Result<Option<Vec<(DifferenceGroup, String)>>, Error> {
    let mut reasons = Vec::new();
    for group in groups {
        let Some(reason) = reason(&group, sides, world)? else { return Ok(None) };
        reasons.push((group, reason));
    }
    Ok(Some(reasons))
}

fn reason(group: &DifferenceGroup, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Option<String>, Error> {
    let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
    loop {
        let PromptAnswer::Given(reason) = world.ask.line_from(&init_lists::why(&keys), group.reason)? else {
            return Ok(None);
        };
        if sides.session.connection.scrubber.redact(&reason) == reason {
            return Ok(Some(reason));
        }
        world.talk.print_line("That holds a value, and the file is for everybody to read: say it without.");
    }
}
