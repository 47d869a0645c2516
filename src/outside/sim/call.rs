//! What the programs of the simulated Railway answer to those who call them.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::outside::endpoint::{Content, Head, Heard, Probe, Question};
use crate::outside::sim::Sim;
use crate::outside::sim::deployment::Deployment;
use crate::outside::sim::estate::{Edge, Environment, Service};

/// The header that the programs know their callers by.
const KEY_HEADER: &str = "x-api-key";

impl Probe for Sim {
    fn ask(&self, question: &Question<'_>) -> Result<Heard, String> {
        let host = question.address.host();
        self.change(|estate| {
            let environments = || estate.projects.iter().flat_map(|project| &project.environments);
            let served = environments().find_map(|environment| {
                let mut services = environment.services.iter();
                let service = services.find(|service| service.domain.as_deref() == Some(host))?;
                Some((environment, service))
            });
            if let Some(edge) = served.and_then(|(_, service)| service.edge.as_ref()) {
                return Ok(of_edge(edge));
            }
            let (status, body) = match served.and_then(|(environment, service)| Some((environment, running(service)?)))
            {
                Some((environment, deployment)) => answer(question, environment, deployment),
                // What Railway's edge says where nothing runs.
                None => (404, json!({ "status": "error", "code": 404, "message": "Application not found" })),
            };
            let body = Some(Zeroizing::new(body.to_string().into_bytes()));
            Ok(Heard { status, body, head: Head { passed_edge: true, ..Head::default() } })
        })
    }
}

/// What the edge answers in the place of a service.
fn of_edge(edge: &Edge) -> Heard {
    let (status, body, location) = match edge {
        Edge::UnderAttack | Edge::Challenge => (429, "<!DOCTYPE html><title>Checking your browser</title>\n", None),
        Edge::Authentication => (302, "", Some("https://railway.com/login".to_owned())),
        Edge::Rule(status, body) | Edge::Page(status, body) => (*status, body.as_str(), None),
    };
    let content = if body.starts_with('<') { Content::Html } else { Content::Other };
    let head = Head { passed_edge: true, is_challenge: false, content, location };
    Heard { status, body: Some(Zeroizing::new(body.as_bytes().to_vec())), head }
}

fn running(service: &Service) -> Option<&Deployment> {
    service.deployments.iter().rev().find(|known| known.active && known.status == "SUCCESS")
}

/// As the program of the incident does: the key that its deployment was created with, or no entry; then whether the worker
/// has said that it booted, which only one with Beat does.
fn answer(question: &Question<'_>, environment: &Environment, deployment: &Deployment) -> (u16, Value) {
    let path = question.path.split('?').next().unwrap_or_default();
    if !path.starts_with("/api/v1/ops/") {
        return (200, json!({ "status": "ok" }));
    }
    let key = deployment.captured.get("STAGING_OPS_API_KEY").and_then(|captured| captured.rendered.as_ref());
    let shown = question.headers.iter().find(|(name, _)| name == KEY_HEADER).map(|(_, value)| value);
    if key.is_none() || shown != key {
        return (401, json!({ "detail": "Invalid staging API key" }));
    }
    let mut workers = environment.services.iter().filter(|service| service.name.contains("worker"));
    let worker = workers.find_map(running);
    let boots = worker.is_some_and(|worker| worker.start_command().split_whitespace().any(|word| word == "-B"));
    let boot = boots.then(|| json!({ "boot_id": worker.map(|worker| worker.id.clone()) }));
    (200, json!({ "status": "ok", "boot_info": boot }))
}
