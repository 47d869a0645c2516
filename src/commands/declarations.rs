//! Resolves the expectations in `doctor.toml` about running services: aliases and names become ids.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::service_selection::Services;
use crate::drift::Target;
use crate::drift::declared_state::{DeclaredState, ExpectedLine, ExpectedResponse};
use crate::drift::model::finding::Location;
use crate::error::Error;
use crate::io::config::{At, Config, HeaderPart, HttpSection};

/// The expectations about running services, by service id.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    of: BTreeMap<String, DeclaredState>,
    /// The complete requests, in the order of [`DeclaredState::requests`].
    requests: BTreeMap<String, Vec<HttpSection>>,
}

impl Declarations {
    /// Reads the expectations. A service that the environment does not have is an error at its location in the file.
    pub(crate) fn of(config: &Config, services: &Services) -> Result<Self, Error> {
        let mut all = Self::default();
        let id = |name: &At<String>| {
            let index = services.in_config(config, name)?;
            Ok::<_, Error>(services.candidates[index].service.id.clone())
        };
        let place = |at: &At<String>| Some(Location { file: config.name.clone(), line: at.line });
        for section in config.services.values() {
            if section.start_command_contains.is_empty() && section.commit.is_none() {
                continue;
            }
            let own = all.of.entry(id(&section.name)?).or_default();
            own.start_command.extend(section.start_command_contains.iter().map(|part| part.value.clone()));
            own.commit = section.commit.as_ref().map(|commit| commit.value.clone());
        }
        for section in &config.expect_log {
            let line = ExpectedLine {
                contains: section.contains.clone(),
                within: section.within,
                place: place(&section.service),
            };
            all.of.entry(id(&section.service)?).or_default().lines.push(line);
        }
        for section in &config.expect_http {
            let id = id(&section.service)?;
            let answer = ExpectedResponse {
                request: request(section),
                status: section.status,
                keys: keys(section),
                place: place(&section.service),
            };
            all.of.entry(id.clone()).or_default().requests.push(answer);
            all.requests.entry(id).or_default().push(section.clone());
        }
        Ok(all)
    }

    /// Returns the expectations about the service with that id.
    pub(crate) fn declared(&self, service: &str) -> DeclaredState {
        self.of.get(service).cloned().unwrap_or_default()
    }

    /// Returns the complete requests to that service.
    pub(crate) fn requests(&self, service: &str) -> &[HttpSection] {
        self.requests.get(service).map_or(&[], Vec::as_slice)
    }

    /// Returns a remark for each service that has expectations and is not in scope.
    pub(crate) fn out_of_scope_remarks(&self, targets: &[Target], services: &Services) -> Vec<String> {
        let in_scope = |id: &String| targets.iter().any(|target| target.service.id == *id);
        let known = services.candidates.iter().map(|candidate| &candidate.service);
        let skipped = known.filter(|service| self.of.contains_key(&service.id) && !in_scope(&service.id));
        skipped
            .map(|service| format!("the expectations for {} were not checked: it is not in scope", service.name))
            .collect()
    }
}

/// Returns method and path, without the query string, which may contain a credential.
fn request(section: &HttpSection) -> String {
    let path = section.path.split('?').next().unwrap_or_default();
    format!("{} {path}", section.method)
}

fn keys(section: &HttpSection) -> Vec<String> {
    let parts = section.headers.values().flatten();
    let keys: BTreeSet<&String> = parts
        .filter_map(|part| match part {
            HeaderPart::Key(key) => Some(key),
            HeaderPart::Text(_) => None,
        })
        .collect();
    keys.into_iter().cloned().collect()
}
