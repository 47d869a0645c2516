//! Completes printed fixes in a linked worktree. `doctor fix` never reads a file of the main worktree by itself, so
//! these commands name it.

use std::collections::BTreeSet;

use crate::commands::gather::Gathered;
use crate::drift::model::finding::Finding;
use crate::drift::{ResourceRef, Target};
use crate::report::MAIN_WORKTREE;

/// Adds `--env-file` to the fixes of a run that read files of the main worktree. A fix for services with different
/// files is dropped, because `--env-file` applies to all services of a run.
pub(crate) fn name_files(findings: &mut [Finding], gathered: &Gathered) {
    if gathered.files.iter().all(|(_, origin)| origin != MAIN_WORKTREE) {
        return;
    }
    for finding in findings {
        for command in [&mut finding.next, &mut finding.to_add] {
            if command.as_ref().is_some_and(|arguments| arguments.first().is_some_and(|name| name == "fix")) {
                *command = command.take().and_then(|arguments| complete(arguments, &finding.services, gathered));
            }
        }
    }
}

/// Returns the arguments with the files of the services, and with the services if others have different files.
fn complete(mut arguments: Vec<String>, services: &[ResourceRef], gathered: &Gathered) -> Option<Vec<String>> {
    let targets = &gathered.survey.targets;
    let layers = |is_included: &dyn Fn(&Target) -> bool| -> BTreeSet<&[usize]> {
        targets.iter().filter(|target| is_included(target)).map(|target| target.layers.as_slice()).collect()
    };
    let names_services = arguments.iter().any(|argument| argument.starts_with("--service="));
    let of_all = layers(&|_| true);
    let of_finding = layers(&|target| services.is_empty() || services.contains(&target.service));
    let mut files = of_finding.iter();
    let (Some(files), None) = (files.next(), files.next()) else { return None };
    if of_all.len() > 1 && !names_services {
        let flag = |service: &ResourceRef| {
            let typed = gathered.selection.flags.iter().find(|(name, _)| *name == service.name);
            typed.map_or_else(|| format!("--service={}", service.name), |(_, flag)| flag.clone())
        };
        arguments.extend(services.iter().map(flag));
    }
    arguments.extend(files.iter().map(|&layer| format!("--env-file={}", gathered.files[layer].0)));
    Some(arguments)
}
