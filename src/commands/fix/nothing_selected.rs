//! Why the flags of a run select no change, and which flags would.

use crate::commands::fix::FixRun;
use crate::drift::Variable;
use crate::drift::phrases::{count, names};
use crate::drift::plan::offer::{Direction, Proposal};

/// Returns the reasons, as sentences without a full stop; none if both sides agree.
pub(super) fn reasons(run: &FixRun<'_>, proposals: &[Proposal<'_>], ways: &[Direction]) -> Vec<String> {
    let named = run.terms.named.iter();
    if ways.contains(&Direction::Push) {
        return named.filter_map(|key| not_pushed(run, key)).collect();
    }
    if !ways.contains(&Direction::Pull) {
        return Vec::new();
    }
    let mut reasons: Vec<String> = named.filter_map(|key| not_pulled(run, key)).collect();
    let unnamed = proposals.iter().filter(|proposal| !is_local(run, proposal.key));
    let unnamed = unnamed.filter(|proposal| proposal.offers.iter().any(|offer| offer.way == Direction::Pull)).count();
    if run.terms.named.is_empty() && unnamed > 0 {
        let them = if unnamed == 1 { "it" } else { "each" };
        let verb = if unnamed == 1 { "is" } else { "are" };
        reasons.push(format!(
            "{} {verb} only on Railway; to add {them} to the file, name {them} with `--only KEY`",
            count(unnamed, "key")
        ));
    }
    reasons
}

fn not_pushed(run: &FixRun<'_>, key: &str) -> Option<String> {
    if is_local(run, key) {
        return None;
    }
    let files: Vec<&str> = run.gathered().files.iter().map(|(file, _)| file.as_str()).collect();
    let can_be_pulled = run.holders(key).any(|(_, variable)| !matches!(variable, Variable::Sealed));
    let instead = if can_be_pulled { "; `--pull` writes Railway's value to the file" } else { "" };
    Some(format!("{key} is not in {}, so it can't be pushed{instead}", names(&files)))
}

fn not_pulled(run: &FixRun<'_>, key: &str) -> Option<String> {
    let holders: Vec<_> = run.holders(key).collect();
    if holders.is_empty() {
        let instead = if is_local(run, key) { "; `--push --add --service NAME` adds it to a service" } else { "" };
        return Some(format!("no service in scope has {key}, so it can't be pulled{instead}"));
    }
    let is_sealed = holders.iter().all(|(_, variable)| matches!(variable, Variable::Sealed));
    let services: Vec<&str> = holders.iter().map(|(service, _)| *service).collect();
    let instead =
        if is_local(run, key) { format!("; `--push --allow-sealed {key}` overwrites it") } else { String::new() };
    is_sealed.then(|| format!("{key} is sealed on {}, so it can't be pulled{instead}", names(&services)))
}

fn is_local(run: &FixRun<'_>, key: &str) -> bool {
    run.survey().readable().any(|target| run.survey().local(target, key).is_some())
}
