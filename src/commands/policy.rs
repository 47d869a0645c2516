//! Resolves the rule settings in `doctor.toml`: aliases and names become ids.

use std::collections::BTreeSet;

use crate::commands::config_file::correction;
use crate::commands::env_files;
use crate::commands::service_selection::Services;
use crate::drift::engine::policy::{Across, Ignore, Must, Policy, Require};
use crate::drift::similarity::close_matches;
use crate::error::Error;
use crate::io::config::{AcrossSection, At, Config, MustSetting};
use crate::io::railway::environment::Shape;

/// Refuses an environment that the project does not have, if all its environments are known and one has a similar name.
/// Otherwise, returns a remark on each: the section may be for an environment that does not exist yet.
pub(crate) fn check_environments(config: &Config, shape: &Shape) -> Result<Vec<String>, Error> {
    let Some(known) = &shape.environments else { return Ok(Vec::new()) };
    let sections = config.environments.values().map(|section| &section.name);
    let ignored = config.ignore.iter().flat_map(|section| &section.environments);
    let is_known = |at: &At<String>| known.iter().any(|known| [&known.id, &known.name].contains(&&at.value));
    let names: Vec<String> = known.iter().map(|known| known.name.clone()).collect();
    let candidates: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut remarks = Vec::new();
    for at in sections.chain(ignored).filter(|at| !is_known(at)) {
        let similar = close_matches(&at.value, &candidates, 1, 0.6);
        let what = format!("project {} has no environment `{}`", shape.project.name, at.value);
        let error = config.fault(at, what, correction(&similar, &names));
        if !similar.is_empty() {
            return Err(error);
        }
        remarks.push(error.to_string());
    }
    Ok(remarks)
}

/// Returns the rule settings of `doctor.toml`, with ids in place of aliases and names.
pub(crate) fn policy(config: &Config, services: &Services) -> Result<Policy, Error> {
    let ids = |names: &[At<String>]| -> Result<Vec<String>, Error> {
        let id = |name| Ok(services.candidates[services.in_config(config, name)?].service.id.clone());
        // Remove duplicates.
        Ok(names.iter().map(id).collect::<Result<BTreeSet<_>, Error>>()?.into_iter().collect())
    };
    let require = config
        .require
        .iter()
        .map(|require| {
            Ok(Require { keys: texts(&require.keys), services: ids(&require.services)?, line: require.line })
        })
        .collect::<Result<_, Error>>()?;
    let ignore = config
        .ignore
        .iter()
        .map(|ignore| {
            Ok(Ignore {
                keys: texts(&ignore.keys),
                services: ids(&ignore.services)?,
                environments: texts(&ignore.environments),
                rules: ignore.rules.clone(),
                reason: ignore.reason.clone(),
                until: ignore.until,
                line: ignore.line,
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Policy {
        require,
        ignore,
        across: config.across.iter().map(across).collect(),
        severity: config.severity.clone(),
        severity_lines: config.severity_lines.clone(),
        loader: config.loader.map(env_files::loader),
    })
}

fn across(section: &AcrossSection) -> Across {
    let must = match section.must {
        MustSetting::Agree => Must::Agree,
        MustSetting::Differ => Must::Differ,
        MustSetting::Exist => Must::Exist,
    };
    Across { keys: texts(&section.keys), must, line: section.line }
}

fn texts(list: &[At<String>]) -> Vec<String> {
    list.iter().map(|at| at.value.clone()).collect()
}
