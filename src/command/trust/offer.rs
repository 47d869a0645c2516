//! What somebody accepts with a `doctor.toml`: where local values can go, from which files, by which requests.

use crate::drift::Named;
use crate::outside::config::{At, Config, HeaderPart, HttpSection};
use crate::outside::trusted::Standing;
use crate::report::offer::{Offer, Sending, text};

/// The text to be read before saying yes.
pub(super) fn offer(config: &Config, project: &Named, standing: Standing, width: usize) -> String {
    let offer = Offer {
        file: config.name.clone(),
        changed: standing == Standing::Changed,
        project: project.clone(),
        environment: config.environment.as_ref().map(|at| at.value.clone()),
        services: services(config),
        files: files(config),
        sendings: config.expect_http.iter().filter_map(|section| sending(section, config)).collect(),
    };
    text(&offer, width)
}

/// Every service that the file names, by its name on Railway.
fn services(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = config.services.values().map(|section| section.name.value.clone()).collect();
    let required = config.require.iter().flat_map(|section| &section.services);
    let expected = config.expect_http.iter().map(|section| &section.service);
    names.extend(required.chain(expected).map(|at| called(at, config)));
    names.sort_unstable();
    names.dedup();
    names
}

/// Every file that it names; the default where it names none.
fn files(config: &Config) -> Vec<String> {
    let services = config.services.values().filter_map(|section| section.env_file.as_ref());
    let environments = config.environments.values().filter_map(|section| section.env_file.as_ref());
    let named = config.env_file.iter().chain(services).chain(environments).flatten();
    let mut files: Vec<String> = named.map(|at| at.value.clone()).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// A request that carries local values.
fn sending(section: &HttpSection, config: &Config) -> Option<Sending> {
    let parts = section.headers.values().flatten();
    let mut keys: Vec<String> = parts
        .filter_map(|part| match part {
            HeaderPart::Key(key) => Some(key.clone()),
            HeaderPart::Text(_) => None,
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let request = format!("{} {}", section.method, section.path);
    (!keys.is_empty()).then(|| Sending { keys, request, service: called(&section.service, config) })
}

/// The service's name on Railway, where an alias stands for it.
fn called(at: &At<String>, config: &Config) -> String {
    config.services.get(&at.value).map_or_else(|| at.value.clone(), |section| section.name.value.clone())
}
