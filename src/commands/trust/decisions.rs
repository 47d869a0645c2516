//! The trusted settings of a `doctor.toml`, with names in place of ids, for the user who is asked to accept it.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::project_selection::{NameOrId, RequestedName, TargetSources};
use crate::commands::trust::Acceptance;
use crate::drift::ResourceRef;
use crate::error::Error;
use crate::io::config::{At, Config, HeaderPart, HttpSection};
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::lookup::LocatedProject;
use crate::io::railway::transport::Scheme;
use crate::report::trust_summary::{TrustSummary, ValueRequest, text};

/// A `doctor.toml`, and the names of the resources whose ids it contains.
pub(crate) struct NamedDecisions<'c> {
    config: &'c Config,
    /// The project that values are sent to.
    pub(super) project: ResourceRef,
    /// Names by id.
    names: BTreeMap<String, String>,
}

impl<'c> NamedDecisions<'c> {
    /// Reads the names from the environment of the run. Sends one request if the file has the id of another one.
    pub(crate) fn of(client: &Client<'_>, config: &'c Config, shape: &Shape) -> Result<Self, Error> {
        let services = shape.services.iter().map(|service| &service.service);
        let mut names = by_id(services.chain([&shape.project, &shape.environment]));
        let mut environments_of_file = config.environments.keys().chain(config.environment.iter().map(|at| &at.value));
        let is_unknown_id =
            |text: &String| RequestedName::written(text, "").form == NameOrId::Id && !names.contains_key(text);
        // A project token has access to one environment only.
        if client.credentials.scheme == Scheme::Bearer && environments_of_file.any(is_unknown_id) {
            names.extend(environments(&client.project(&shape.project.id)?));
        }
        Ok(Self { config, project: shape.project.clone(), names })
    }

    /// Reads the names from the project, if no source names an environment.
    pub(super) fn without_environment(
        client: &Client<'_>,
        config: &'c Config,
        sources: &TargetSources,
    ) -> Result<Self, Error> {
        let project = sources.login_target().project.unwrap_or_default();
        let located = RequestedName::written(&project, &config.name).locate(client)?;
        let mut names = by_id([&located.project].into_iter());
        names.extend(environments(&located));
        Ok(Self { config, project: located.project, names })
    }

    /// Returns the text to read before accepting the file.
    pub(crate) fn text(&self, acceptance: &Acceptance, width: usize) -> String {
        let config = self.config;
        let protected = config.environments.iter().filter(|(_, section)| section.protected == Some(true));
        let keys: BTreeSet<String> =
            config.require.iter().flat_map(|section| &section.keys).map(|key| key.value.clone()).collect();
        let summary = TrustSummary {
            file: config.name.clone(),
            changes: match acceptance {
                Acceptance::Changed(changes) => changes.iter().map(|change| self.with_names(change)).collect(),
                _ => Vec::new(),
            },
            project: self.project.name.clone(),
            environment: config.environment.as_ref().map(|at| self.name(&at.value)),
            protected: protected.map(|(name, _)| self.name(name)).collect(),
            services: self.services(),
            files: self.files(),
            keys: keys.into_iter().collect(),
            requests: config.expect_http.iter().filter_map(|section| self.sending(section)).collect(),
        };
        text(&summary, width)
    }

    /// Returns the name for an id. Any other text is a name already.
    fn name(&self, text: &str) -> String {
        self.names.get(text).cloned().unwrap_or_else(|| text.to_owned())
    }

    fn with_names(&self, line: &str) -> String {
        let quoted = |text: &String| format!("{text:?}");
        self.names.iter().fold(line.to_owned(), |line, (id, name)| line.replace(&quoted(id), &quoted(name)))
    }

    /// Returns the services in the file by name, each with its alias.
    fn services(&self) -> Vec<String> {
        let aliased = self.config.services.iter().map(|(alias, section)| {
            let name = self.name(&section.name.value);
            if *alias == name { name } else { format!("{name} (as {alias})") }
        });
        let required = self.config.require.iter().flat_map(|section| &section.services);
        let expected = self.config.expect_http.iter().map(|section| &section.service);
        let others = required.chain(expected).filter(|at| !self.config.services.contains_key(&at.value));
        let all: BTreeSet<String> = aliased.chain(others.map(|at| self.name(&at.value))).collect();
        all.into_iter().collect()
    }

    /// Returns the env files in the file.
    fn files(&self) -> Vec<String> {
        let files: BTreeSet<String> = self.config.env_files().map(|at| at.value.clone()).collect();
        files.into_iter().collect()
    }

    /// Returns a request whose headers contain local values.
    fn sending(&self, section: &HttpSection) -> Option<ValueRequest> {
        let parts = section.headers.values().flatten();
        let keys: BTreeSet<String> = parts
            .filter_map(|part| match part {
                HeaderPart::Key(key) => Some(key.clone()),
                HeaderPart::Text(_) => None,
            })
            .collect();
        let request = format!("{} {}", section.method, section.path);
        let service = self.service_name(&section.service);
        let sending = ValueRequest { keys: keys.into_iter().collect(), request, service };
        (!sending.keys.is_empty()).then_some(sending)
    }

    /// Returns the name of a service that may be given by its alias.
    fn service_name(&self, at: &At<String>) -> String {
        let section = self.config.services.get(&at.value);
        self.name(section.map_or(&at.value, |section| &section.name.value))
    }
}

fn by_id<'n>(all: impl Iterator<Item = &'n ResourceRef>) -> BTreeMap<String, String> {
    all.map(|named| (named.id.clone(), named.name.clone())).collect()
}

fn environments(located: &LocatedProject) -> BTreeMap<String, String> {
    by_id(located.environments.iter().map(|place| &place.named))
}
