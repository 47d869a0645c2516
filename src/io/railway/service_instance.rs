//! A service instance, in full or without its deployments and settings. The types of all operations that list instances
//! are converted to it.

use crate::drift::Secret;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::ServiceSettings;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::optional_fields::OptionalField;
use crate::io::railway::requested_ids::Claim;
use crate::io::railway::response::{ErrorKind, GraphqlError};

/// Fields that Railway may reject, because of the account or the schema.
const OPTIONAL: [&str; 15] = [
    "activeDeployments",
    "canRedeploy",
    "cronSchedule",
    "customDomains",
    "deploymentStopped",
    "domains",
    "instances",
    "latestDeployment",
    "meta",
    "railwayConfigFile",
    "serviceDomains",
    "sleepApplication",
    "startCommand",
    "statusUpdatedAt",
    "verified",
];

/// The types that only these fields use.
const OPTIONAL_TYPES: [&str; 6] =
    ["AllDomains", "CustomDomain", "CustomDomainStatus", "Deployment", "DeploymentDeploymentInstance", "ServiceDomain"];

#[derive(Debug)]
pub(crate) struct ServiceInstance {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) deleted: bool,
    pub(crate) root_directory: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) deployed: Observed<Deployed>,
    pub(crate) settings: Observed<ServiceSettings>,
    pub(crate) domains: Observed<Vec<String>>,
    /// The environments and services that it and its deployments state.
    pub(crate) claims: Vec<Claim>,
}

/// A page of service instances.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) instances: Vec<ServiceInstance>,
    pub(crate) end: PageEnd,
}

/// The end of a page: whether there is another one, and its cursor.
#[derive(Debug)]
pub(crate) struct PageEnd {
    pub(crate) more: bool,
    pub(crate) cursor: Option<String>,
}

impl ServiceInstance {
    /// Marks a field as unavailable.
    fn mark_unavailable(&mut self, spare: OptionalField, why: &str) {
        match spare {
            // It is not a field of the service.
            OptionalField::Environments => {}
            OptionalField::Domains => self.domains = Observed::Unavailable(why.to_owned()),
            OptionalField::Setting(_) => self.settings = Observed::Unavailable(why.to_owned()),
        }
    }

    /// Marks its deployments, settings and domains as unavailable.
    pub(crate) fn without(self, why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            deployed: Observed::Unavailable(why()),
            settings: Observed::Unavailable(why()),
            domains: Observed::Unavailable(why()),
            ..self
        }
    }
}

/// Converts an instance without deployments and settings. A macro, because the generated types of the seven operations
/// differ only in name.
macro_rules! plain {
    ($node:expr) => {{
        let node = $node;
        let claims = vec![crate::io::railway::requested_ids::claim!(node)];
        let (image, repository) = node.source.map(|source| (source.image, source.repo)).unwrap_or_default();
        crate::io::railway::service_instance::ServiceInstance {
            claims,
            id: node.service_id,
            name: node.service_name,
            deleted: node.deleted_at.is_some(),
            root_directory: node.root_directory,
            image,
            repository,
            deployed: crate::drift::model::observed::Observed::NotRequested,
            settings: crate::drift::model::observed::Observed::NotRequested,
            domains: crate::drift::model::observed::Observed::NotRequested,
        }
    }};
}

/// Takes the settings out of a node, and leaves what `plain` needs.
macro_rules! settings {
    ($node:ident) => {
        crate::drift::runtime::ServiceSettings {
            root_directory: $node.root_directory.clone().filter(|directory| !directory.is_empty()),
            start_command: crate::io::railway::service_instance::command($node.start_command.take()),
            config_file: $node.railway_config_file.take().filter(|file| !file.is_empty()),
            files: Vec::new(),
            cron: $node.cron_schedule.take().filter(|schedule| !schedule.is_empty()),
            sleeps: $node.sleep_application.unwrap_or(false),
            configured: None,
        }
    };
}

/// Converts an instance with its settings, and without deployments and domains.
macro_rules! configured {
    ($node:expr) => {{
        let mut node = $node;
        let settings = crate::io::railway::service_instance::settings!(node);
        crate::io::railway::service_instance::ServiceInstance {
            settings: crate::drift::model::observed::Observed::Known(settings),
            ..crate::io::railway::service_instance::plain!(node)
        }
    }};
}

/// Converts an instance with its deployments and settings.
macro_rules! full {
    ($node:expr) => {{
        let mut node = $node;
        let mut claims = vec![crate::io::railway::requested_ids::claim!(node)];
        claims.extend(node.latest_deployment.iter().map(|node| crate::io::railway::requested_ids::claim!(node)));
        claims.extend(node.active_deployments.iter().map(|node| crate::io::railway::requested_ids::claim!(node)));
        let latest = node.latest_deployment.map(|node| crate::io::railway::deployment_fields::deployment!(node));
        let active = node.active_deployments.into_iter();
        let active = active.map(|node| crate::io::railway::deployment_fields::deployment!(node)).collect();
        let custom = node.domains.custom_domains.into_iter().filter(|domain| domain.status.verified);
        let domains = node.domains.service_domains.into_iter().map(|domain| domain.domain);
        let domains = domains.chain(custom.map(|domain| domain.domain)).collect();
        let settings = crate::io::railway::service_instance::settings!(node);
        let (image, repository) = node.source.map(|source| (source.image, source.repo)).unwrap_or_default();
        crate::io::railway::service_instance::ServiceInstance {
            claims,
            id: node.service_id,
            name: node.service_name,
            deleted: node.deleted_at.is_some(),
            root_directory: node.root_directory,
            image,
            repository,
            deployed: crate::drift::model::observed::Observed::Known(crate::io::railway::deployment_fields::deployed(
                latest, active,
            )),
            settings: crate::drift::model::observed::Observed::Known(settings),
            domains: crate::drift::model::observed::Observed::Known(domains),
        }
    }};
}

/// Converts a page of a listing, with one of the macros above for its nodes.
macro_rules! listing {
    ($connection:expr, $instance:ident) => {{
        let connection = $connection;
        let end = crate::io::railway::service_instance::PageEnd {
            more: connection.page_info.has_next_page,
            cursor: connection.page_info.end_cursor,
        };
        let instances = connection.edges.into_iter().map(|edge| $instance!(edge.node)).collect();
        crate::io::railway::service_instance::Listing { instances, end }
    }};
}

pub(crate) use {configured, full, listing, plain, settings};

/// Returns a start command as a secret, because it may contain a credential.
pub(crate) fn command(text: Option<String>) -> Option<Secret> {
    text.filter(|text| !text.is_empty()).map(Secret::new)
}

impl Listing {
    /// Returns an error if anything on the page belongs to another environment or service than it is listed for.
    pub(crate) fn require_environment(&self, client: &Client<'_>, environment: &str) -> Result<(), Error> {
        let mut instances = self.instances.iter();
        instances.try_for_each(|instance| client.require_claims(environment, &instance.id, &instance.claims))
    }

    /// Marks what the errors beside the data are about as unavailable, so that a deployment that Railway could not
    /// return is not taken for a missing one. Returns the errors that are about something else.
    pub(crate) fn without(
        &mut self,
        beside: Vec<GraphqlError>,
        describe: impl Fn(&GraphqlError) -> String,
    ) -> Vec<GraphqlError> {
        let mut others = Vec::new();
        for refusal in beside {
            let edge = refusal.path.iter().skip_while(|part| *part != "edges").nth(1);
            let index = edge.and_then(|edge| edge.parse::<usize>().ok());
            match index.and_then(|index| self.instances.get_mut(index)) {
                Some(instance) if refusal.path.iter().any(|part| part == "latestDeployment") => {
                    if let Observed::Known(deployed) = &mut instance.deployed {
                        deployed.unavailable = Some(describe(&refusal));
                    }
                }
                instance => match OptionalField::of(&refusal) {
                    Some(spare) => {
                        let why = describe(&refusal);
                        match instance {
                            Some(instance) => instance.mark_unavailable(spare, &why),
                            None => {
                                for instance in &mut self.instances {
                                    instance.mark_unavailable(spare, &why);
                                }
                            }
                        }
                    }
                    None => others.push(refusal),
                },
            }
        }
        others
    }
}

/// Returns whether a query without deployments and settings may succeed: an error is about these, or it names no field.
pub(crate) fn may_pass_when_plain(refusals: &[GraphqlError]) -> bool {
    let is_optional = |name: &str| OPTIONAL.contains(&name);
    let has_path = |refusal: &GraphqlError| refusal.path.iter().any(|part| is_optional(part));
    let is_quoted = |refusal: &GraphqlError| {
        let mut names = refusal.message.split('"').skip(1).step_by(2);
        refusal.kind == ErrorKind::Schema && names.any(|name| is_optional(name) || OPTIONAL_TYPES.contains(&name))
    };
    let is_unspecific = |refusal: &GraphqlError| {
        refusal.kind.is_of_size() || refusal.kind == ErrorKind::Problem && refusal.path.is_empty()
    };
    refusals.iter().any(|refusal| has_path(refusal) || is_quoted(refusal) || is_unspecific(refusal))
}
