//! The questions of `init`. Esc returns to the previous one.

use std::collections::BTreeSet;

use crate::commands::gather::Gathered;
use crate::commands::init::draft::InitDraft;
use crate::commands::init::gather_sides::SideReader;
use crate::commands::prompts;
use crate::drift::suggest::{Difference, DifferenceGroup, groups};
use crate::error::Error;
use crate::io::files;
use crate::io::terminal::prompt::PromptAnswer;
use crate::io::world::World;

/// The result of a question.
enum Navigation {
    On,
    Back,
    /// The question does not apply.
    Past,
}

/// A question.
type InitStep = fn(&mut InitDraft, &SideReader<'_>, &mut World<'_>) -> Result<Navigation, Error>;

/// Gathers both sides for a new `doctor.toml`. Asks for the file if there are several, or if none is the default.
pub(super) fn file(sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Gathered, Error> {
    let (named, services) = (&sides.args.files.env_file, &sides.args.targeting.service);
    let candidates = files::env_files(&world.directory);
    let gathered = sides.gather(named, services, world)?;
    let has_file = gathered.paths.iter().any(|path| path.symlink_metadata().is_ok());
    let used = candidates.iter().position(|path| gathered.paths.first() == Some(path));
    if has_file && (!named.is_empty() || candidates.len() < 2) {
        return Ok(gathered);
    }
    let shown: Vec<String> = candidates.iter().map(|path| files::display_path(path, &world.directory)).collect();
    let answer = world.prompt.choose(
        &prompts::env_file(&gathered.survey.environment.name),
        &prompts::names_to_choose(shown.iter().map(String::as_str)),
        used.unwrap_or(0),
    )?;
    let PromptAnswer::Given(picked) = answer else { return Err(Error::Cancelled) };
    if used == Some(picked) { Ok(gathered) } else { sides.gather(&candidates[picked..=picked], services, world) }
}

/// Asks all other questions.
pub(super) fn all(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let steps: [InitStep; 3] = [services, required, excepted];
    world.status.print_line("");
    let (mut at, mut forward) = (0, true);
    while let Some(step) = steps.get(at) {
        match step(draft, sides, world)? {
            Navigation::On => forward = true,
            Navigation::Back => forward = false,
            Navigation::Past => {}
        }
        at = if forward { at + 1 } else { at.checked_sub(1).ok_or(Error::Cancelled)? };
    }
    Ok(())
}

fn services(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    if !sides.args.targeting.service.is_empty() || draft.services.is_empty() {
        return Ok(Navigation::Past);
    }
    let answer = world.prompt.choose_many(
        prompts::services_to_compare(draft.scope()),
        &prompts::services(&draft.services),
        &draft.chosen(),
    )?;
    let PromptAnswer::Given(picked) = answer else { return Ok(Navigation::Back) };
    if !draft.choose(&picked) {
        // Ids, because a name may match another service.
        let ids: Vec<String> = picked.iter().map(|&index| draft.services[index].0.id.clone()).collect();
        let files = draft.file_flags();
        draft.replace_sides(sides.gather(&files, &ids, world)?);
    }
    Ok(Navigation::On)
}

fn required(draft: &mut InitDraft, _: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    let (all, chosen) = draft.shared();
    let is_suggested = all.iter().any(|one| one.is_suggested);
    if all.is_empty() || draft.is_extension && !is_suggested {
        return Ok(Navigation::Past);
    }
    let files: Vec<&str> = draft.gathered.files.iter().map(|(name, _)| name.as_str()).collect();
    let answer = world.prompt.choose_many(
        &prompts::required_keys(&files),
        &prompts::keys_to_require(&all, &draft.sections()),
        &chosen,
    )?;
    let PromptAnswer::Given(picked) = answer else { return Ok(Navigation::Back) };
    let keys: BTreeSet<String> = picked.iter().map(|&index| all[index].key.clone()).collect();
    draft.require(keys);
    Ok(Navigation::On)
}

fn excepted(draft: &mut InitDraft, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Navigation, Error> {
    loop {
        let (all, chosen) = draft.differences();
        let is_suggested = all.iter().any(|one| one.intent.is_some());
        if all.is_empty() || draft.is_extension && !is_suggested {
            return Ok(Navigation::Past);
        }
        let answer = world.prompt.choose_many(prompts::EXPECTED_DIFFERENCES, &prompts::differences(&all), &chosen)?;
        let PromptAnswer::Given(picked) = answer else { return Ok(Navigation::Back) };
        let picked: Vec<&Difference> = picked.into_iter().map(|index| all[index]).collect();
        if let Some(reasons) = reasons(groups(&picked), sides, world)? {
            draft.except(reasons);
            return Ok(Navigation::On);
        }
    }
}

/// Asks for the reason of the group without a known one; `None` means back.
fn reasons(
    groups: Vec<DifferenceGroup>,
    sides: &SideReader<'_>,
    world: &mut World<'_>,
) -> Result<Option<Vec<(DifferenceGroup, String)>>, Error> {
    let mut reasons = Vec::new();
    for group in groups {
        let reason = if group.is_known { Some(group.reason.to_owned()) } else { reason(&group, sides, world)? };
        let Some(reason) = reason else { return Ok(None) };
        reasons.push((group, reason));
    }
    Ok(Some(reasons))
}

fn reason(group: &DifferenceGroup, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Option<String>, Error> {
    let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
    loop {
        let PromptAnswer::Given(reason) = world.prompt.line_from(&prompts::reason(&keys), group.reason)? else {
            return Ok(None);
        };
        if sides.session.connection.redactor.redact(&reason) == reason {
            return Ok(Some(reason));
        }
        world.status.print_line(prompts::REASON_HAS_VALUE);
    }
}
