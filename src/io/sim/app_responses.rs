//! What the programs of the simulated Railway answer to those who call them.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::io::endpoint::{Content, EndpointClient, EndpointHead, EndpointRequest, EndpointResponse};
use crate::io::sim::Sim;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Edge, Environment, SimService};

/// The header that the programs know their callers by.
const KEY_HEADER: &str = "x-api-key";

impl EndpointClient for Sim {
    fn ask(&self, question: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
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
            Ok(EndpointResponse { status, body, head: EndpointHead { passed_edge: true, ..EndpointHead::default() } })
        })
    }
}

/// Returns what the edge answers in the place of a service.
fn of_edge(edge: &Edge) -> EndpointResponse {
    let (status, body, location) = match edge {
        Edge::UnderAttack | Edge::Challenge => (429, "<!DOCTYPE html><title>Checking your browser</title>\n", None),
        Edge::Authentication => (302, "", Some("https://railway.com/login".to_owned())),
        Edge::Rule(status, body) | Edge::Page(status, body) => (*status, body.as_str(), None),
    };
    let content = if body.starts_with('<') { Content::Html } else { Content::Other };
    let head = EndpointHead { passed_edge: true, is_challenge: false, content, location };
    EndpointResponse { status, body: Some(Zeroizing::new(body.as_bytes().to_vec())), head }
}

fn running(service: &SimService) -> Option<&SimDeployment> {
    service.deployments.iter().rev().find(|known| known.active && known.status == "SUCCESS")
}

/// As the program of the incident does: the key that its deployment was created with, or no entry; then whether the worker
/// has said that it booted, which only one with Beat does.
fn answer(question: &EndpointRequest<'_>, environment: &Environment, deployment: &SimDeployment) -> (u16, Value) {
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
