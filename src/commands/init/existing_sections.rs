//! The services of an existing `doctor.toml`, for new sections that refer to them.

use std::collections::BTreeMap;

use crate::commands::gather::Gathered;
use crate::commands::service_selection::Services;
use crate::drift::ResourceRef;
use crate::drift::suggest::Section;
use crate::io::config::{Config, ServiceSection};

/// Returns the services in scope, by their alias; without `[services]`, by their name.
pub(super) fn existing_sections(config: &Config, gathered: &Gathered) -> Vec<Section> {
    let aliases = aliases_by_id(config, &Services::of(&gathered.selected.shape, Some(config)));
    let has_exact_name = |alias: &str, service: &ResourceRef| {
        let name = config.services.get(alias).map(|section| section.name.value.as_str());
        name == Some(service.name.as_str()) || name == Some(service.id.as_str())
    };
    let section = |service: &ResourceRef| {
        let alias = match aliases.get(&service.id) {
            Some(alias) if has_exact_name(alias, service) => (*alias).to_owned(),
            // An alias refers only to an exact name.
            Some(_) => service.name.clone(),
            None if config.services.is_empty() => service.name.clone(),
            None => return None,
        };
        Some(Section { alias, name: service.name.clone(), service: service.clone(), files: Vec::new() })
    };
    gathered.survey.targets.iter().filter_map(|target| section(&target.service)).collect()
}

/// Returns the alias of each service that `doctor.toml` names, by the id of the service.
pub(super) fn aliases_by_id<'c>(config: &'c Config, services: &Services) -> BTreeMap<String, &'c str> {
    let of = |(alias, section): (&'c String, &'c ServiceSection)| {
        let index = services.in_config(config, &section.name).ok()?;
        Some((services.candidates[index].service.id.clone(), alias.as_str()))
    };
    config.services.iter().filter_map(of).collect()
}
