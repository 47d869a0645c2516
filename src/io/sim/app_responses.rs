//! The responses of the programs that run on the simulated Railway.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::io::endpoint::{Content, EndpointClient, EndpointHead, EndpointRequest, EndpointResponse};
use crate::io::sim::Sim;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Edge, Environment, SimService};

/// The header with the API key.
const KEY_HEADER: &str = "x-api-key";

impl EndpointClient for Sim {
    fn send(&self, request: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
        let host = request.address.host();
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
                Some((environment, deployment)) => respond(request, environment, deployment),
                // The response of Railway's edge if nothing is running.
                None => (404, json!({ "status": "error", "code": 404, "message": "Application not found" })),
            };
            let body = Some(Zeroizing::new(body.to_string().into_bytes()));
            Ok(EndpointResponse { status, body, head: EndpointHead { passed_edge: true, ..EndpointHead::default() } })
        })
    }
}

/// Returns the response that the edge sends instead of a service.
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

/// Responds like the program of the incident: 401 unless the request has the key that the deployment was created with;
/// then whether the worker has booted, which requires Beat.
fn respond(request: &EndpointRequest<'_>, environment: &Environment, deployment: &SimDeployment) -> (u16, Value) {
    let path = request.path.split('?').next().unwrap_or_default();
    if !path.starts_with("/api/v1/ops/") {
        return (200, json!({ "status": "ok" }));
    }
    let key = deployment.captured.get("STAGING_OPS_API_KEY").and_then(|captured| captured.rendered.as_ref());
    let shown = request.headers.iter().find(|(name, _)| name == KEY_HEADER).map(|(_, value)| value);
    if key.is_none() || shown != key {
        return (401, json!({ "detail": "Invalid staging API key" }));
    }
    let mut workers = environment.services.iter().filter(|service| service.name.contains("worker"));
    let worker = workers.find_map(running);
    let boots = worker.is_some_and(|worker| worker.start_command().split_whitespace().any(|word| word == "-B"));
    let boot = boots.then(|| json!({ "boot_id": worker.map(|worker| worker.id.clone()) }));
    (200, json!({ "status": "ok", "boot_info": boot }))
}
