//! A service instance as the operations that list them agree on, in full and without how it runs.

use crate::drift::Secret;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::ServiceSettings;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::optional_fields::Spare;
use crate::io::railway::requested_ids::Claim;
use crate::io::railway::response::{ErrorKind, GraphqlError};

/// Fields of an instance, of its deployments and of its domains that some account or schema may refuse.
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

/// The types that only they lead to.
const OPTIONAL_TYPES: [&str; 6] =
    ["AllDomains", "CustomDomain", "CustomDomainStatus", "Deployment", "DeploymentDeploymentInstance", "ServiceDomain"];

/// A service instance.
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
    /// Where it and its deployments belong, by their own account.
    pub(crate) claims: Vec<Claim>,
}

/// One page of them.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) instances: Vec<ServiceInstance>,
    pub(crate) end: PageEnd,
}

/// A page's end: where the next one starts.
#[derive(Debug)]
pub(crate) struct PageEnd {
    pub(crate) more: bool,
    pub(crate) cursor: Option<String>,
}

impl ServiceInstance {
    /// Takes note that something of it can't be told.
    fn lose(&mut self, spare: Spare, why: &str) {
        match spare {
            Spare::Domains => self.domains = Observed::Unavailable(why.to_owned()),
            Spare::Setting(_) => self.settings = Observed::Unavailable(why.to_owned()),
        }
    }

    /// The same, where Railway refuses to tell how anything runs.
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

/// An instance without how it runs. The generated types of the six operations differ in name only.
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

/// An instance and how it runs.
macro_rules! full {
    ($node:expr) => {{
        let node = $node;
        let mut claims = vec![crate::io::railway::requested_ids::claim!(node)];
        claims.extend(node.latest_deployment.iter().map(|node| crate::io::railway::requested_ids::claim!(node)));
        claims.extend(node.active_deployments.iter().map(|node| crate::io::railway::requested_ids::claim!(node)));
        let latest = node.latest_deployment.map(|node| crate::io::railway::deployment_fields::deployment!(node));
        let active = node.active_deployments.into_iter();
        let active = active.map(|node| crate::io::railway::deployment_fields::deployment!(node)).collect();
        let custom = node.domains.custom_domains.into_iter().filter(|domain| domain.status.verified);
        let domains = node.domains.service_domains.into_iter().map(|domain| domain.domain);
        let domains = domains.chain(custom.map(|domain| domain.domain)).collect();
        let settings = crate::drift::runtime::ServiceSettings {
            start_command: crate::io::railway::service_instance::command(node.start_command),
            config_file: node.railway_config_file.filter(|file| !file.is_empty()),
            files: Vec::new(),
            cron: node.cron_schedule.filter(|schedule| !schedule.is_empty()),
            sleeps: node.sleep_application.unwrap_or(false),
            configured: None,
        };
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

/// A page of a listing, its nodes read by one of the two above.
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

pub(crate) use {full, listing, plain};

/// A start command may hold a credential.
pub(crate) fn command(text: Option<String>) -> Option<Secret> {
    text.filter(|text| !text.is_empty()).map(Secret::new)
}

impl Listing {
    /// An error if anything on the page belongs to another environment or service than it is listed for.
    pub(crate) fn require_environment(&self, client: &Client<'_>, environment: &str) -> Result<(), Error> {
        let mut instances = self.instances.iter();
        instances.try_for_each(|instance| client.require_claims(environment, &instance.id, &instance.claims))
    }

    /// Takes the refusals that stand beside the data: a deployment that could not be told is not one that is not there.
    /// Gives back those that are about something else.
    pub(crate) fn without(
        &mut self,
        beside: Vec<GraphqlError>,
        said: impl Fn(&GraphqlError) -> String,
    ) -> Vec<GraphqlError> {
        let mut others = Vec::new();
        for refusal in beside {
            let edge = refusal.path.iter().skip_while(|part| *part != "edges").nth(1);
            let index = edge.and_then(|edge| edge.parse::<usize>().ok());
            match index.and_then(|index| self.instances.get_mut(index)) {
                Some(instance) if refusal.path.iter().any(|part| part == "latestDeployment") => {
                    if let Observed::Known(deployed) = &mut instance.deployed {
                        deployed.untold = Some(said(&refusal));
                    }
                }
                instance => match Spare::of(&refusal) {
                    Some(spare) => {
                        let why = said(&refusal);
                        match instance {
                            Some(instance) => instance.lose(spare, &why),
                            None => self.instances.iter_mut().for_each(|instance| instance.lose(spare, &why)),
                        }
                    }
                    None => others.push(refusal),
                },
            }
        }
        others
    }
}

/// Whether a question that asks for less may pass: how services run is refused, or nobody knows what.
pub(crate) fn may_pass_when_plain(refusals: &[GraphqlError]) -> bool {
    let is_optional = |word: &str| OPTIONAL.contains(&word);
    let named = |refusal: &GraphqlError| refusal.path.iter().any(|part| is_optional(part));
    let quoted = |refusal: &GraphqlError| {
        let mut words = refusal.message.split('"').skip(1).step_by(2);
        refusal.kind == ErrorKind::Schema && words.any(|word| is_optional(word) || OPTIONAL_TYPES.contains(&word))
    };
    let vague = |refusal: &GraphqlError| {
        refusal.kind.is_of_size() || refusal.kind == ErrorKind::Problem && refusal.path.is_empty()
    };
    refusals.iter().any(|refusal| named(refusal) || quoted(refusal) || vague(refusal))
}
