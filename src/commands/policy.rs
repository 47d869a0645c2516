//! Resolves the rule settings in `doctor.toml`: aliases and names become ids.

use std::collections::BTreeSet;

use crate::commands::env_files;
use crate::commands::service_selection::Services;
use crate::drift::engine::policy::{Ignore, Policy, Require};
use crate::error::Error;
use crate::io::config::{At, Config};

/// Returns the rule settings of `doctor.toml`, with ids in place of aliases and names.
pub(crate) fn policy(config: &Config, services: &Services) -> Result<Policy, Error> {
    let ids = |names: &[At<String>]| -> Result<Vec<String>, Error> {
        let id = |name| Ok(services.candidates[services.in_config(config, name)?].service.id.clone());
        // Remove duplicates.
        Ok(names.iter().map(id).collect::<Result<BTreeSet<_>, Error>>()?.into_iter().collect())
    };
    let texts = |list: &[At<String>]| list.iter().map(|at| at.value.clone()).collect();
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
        severity: config.severity.clone(),
        severity_lines: config.severity_lines.clone(),
        loader: config.loader.map(env_files::loader),
    })
}
