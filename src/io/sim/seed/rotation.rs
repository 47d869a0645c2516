//! The project of the incident after its fix, with the copies of the key that a rotation easily forgets.

use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, SimService};
use crate::io::sim::seed::incident::{self, KEY, KEY_BEFORE};

/// The key's value in the file, on Railway, and in every copy.
const VALUE: &str = "staging-ops-step3-key-2026";

/// Returns the project `agentverse`, environment `staging`. The files next to it are those of the incident.
pub fn estate() -> Estate {
    let staging = Environment::named("staging")
        .shared(&[("OPS_KEY", VALUE)])
        .service(api())
        .service(incident::worker(VALUE).start(&incident::start_command_with_beat()))
        .service(console())
        .service(drills())
        .service(reports())
        .service(status());
    incident::agentverse(staging)
}

/// Returns the API, which also has a list of its clients, and two values that are derived from the key: its id, which
/// is a part of it, and its hash.
fn api() -> SimService {
    incident::api(VALUE).variables(&[
        (
            "OPS_CLIENTS_JSON",
            r#"{"clients":[{"name":"drills","key":"staging-ops-step3-key-2026"},{"name":"grafana","key":"jT4wXb9QmZ2s"}]}"#,
        ),
        ("OPS_KEY_ID", "staging-ops-step3"),
        ("OPS_KEY_SHA256", "fe624b0fa76e08b3d8ce87d65c36d2c38a2c2161ed902b83e01265d89f9a0e93"),
    ])
}

/// Returns the operators' console, which sends the key as a password.
fn console() -> SimService {
    incident::from_repository("agentverse-console").start("node console/server.js").variables(&[
        ("API_URL", "https://${{agentverse-api-staging.RAILWAY_PUBLIC_DOMAIN}}"),
        ("OPS_AUTHORIZATION", "Basic b3BzOnN0YWdpbmctb3BzLXN0ZXAzLWtleS0yMDI2"),
        ("SESSION_TTL", "8h"),
    ])
}

/// Returns the service that runs the drills. It has the key under another name, and in the address that is called at
/// the end of a drill.
fn drills() -> SimService {
    incident::from_repository("agentverse-drills").start("python -m agentverse.drills").variables(&[
        (
            "CALLBACK_URL",
            "https://agentverse-api-staging.up.railway.app/api/v1/ops/drills/done?key=staging-ops-step3-key-2026&queue=ops",
        ),
        ("CHAOS_API_KEY", VALUE),
        ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
    ])
}

/// Returns the reports, which got the key, but were not deployed since.
fn reports() -> SimService {
    incident::from_repository("agentverse-reports")
        .start("python -m agentverse.reports")
        .variables(&[("DATABASE_URL", "${{Postgres.DATABASE_URL}}"), (KEY, VALUE)])
        .deployed(SimDeployment::serving("2026-11-11T10:02:33.504Z").had(KEY, KEY_BEFORE))
}

/// Returns the status page, which refers to the shared variable.
fn status() -> SimService {
    SimService::named("agentverse-status")
        .image("ghcr.io/agentverse/status:3.2")
        .variables(&[("PROBE_KEY", "${{shared.OPS_KEY}}"), ("PROBE_INTERVAL", "60")])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use ring::digest;

    use crate::io::sim::Sim;
    use crate::io::sim::estate::{Environment, SimVariable};
    use crate::io::sim::render::Renderer;
    use crate::io::sim::seed::incident::{ENV_FILE, KEY, KEY_BEFORE};
    use crate::io::sim::seed::rotation::{VALUE, estate};
    use crate::io::sim::seed::tests::{KeySide, sides};

    fn staging() -> Environment {
        estate().environment("agentverse", "staging").expect("the environment exists").clone()
    }

    /// Returns the stored text of a variable that is not sealed.
    fn stored(service: &str, key: &str) -> String {
        let mut staging = staging();
        match &staging.service_named(service).expect("the service exists").variables[key] {
            SimVariable::Open(text) => text.expose().to_owned(),
            SimVariable::Sealed(_) => panic!("{key} is sealed"),
        }
    }

    #[test]
    fn file_has_the_key_that_both_services_run_with() {
        let (estate, staging) = (estate(), staging());
        for service in ["agentverse-api-staging", "agentverse-worker-staging"] {
            let side = sides(&estate, &staging, service, ENV_FILE).into_iter().find(|(name, _)| name == KEY);
            assert_eq!(side, Some((KEY.to_owned(), KeySide::Equal)), "{service}");
        }
    }

    /// Every variable whose rendered value has the key in clear, in base64, or as a reference.
    #[test]
    fn copies_are_exactly_those_that_are_described() {
        let (estate, staging) = (estate(), staging());
        let mut renderer = Renderer::new(&estate.projects[0], &staging);
        let mut found = Vec::new();
        for service in &staging.services {
            for (key, value) in renderer.variables(service) {
                let value = value.unwrap_or_default();
                let decoded = BASE64_STANDARD.decode(value.trim_start_matches("Basic ")).unwrap_or_default();
                if [value, String::from_utf8_lossy(&decoded).into_owned()].iter().any(|text| text.contains(VALUE)) {
                    found.push(format!("{} {key}", service.name));
                }
            }
        }
        let expected = [
            "agentverse-api-staging OPS_CLIENTS_JSON",
            "agentverse-api-staging STAGING_OPS_API_KEY",
            "agentverse-worker-staging STAGING_OPS_API_KEY",
            "agentverse-console OPS_AUTHORIZATION",
            "agentverse-drills CALLBACK_URL",
            "agentverse-drills CHAOS_API_KEY",
            "agentverse-reports STAGING_OPS_API_KEY",
            "agentverse-status PROBE_KEY",
        ];
        assert_eq!(found, expected);
        assert_eq!(staging.shared.len(), 2);
    }

    #[test]
    fn near_misses_are_derived_from_the_key() {
        let id = stored("agentverse-api-staging", "OPS_KEY_ID");
        assert!(VALUE.starts_with(&id) && id != VALUE);
        let hash = digest::digest(&digest::SHA256, VALUE.as_bytes());
        let digits = hex::encode(hash.as_ref());
        assert_eq!(stored("agentverse-api-staging", "OPS_KEY_SHA256"), digits);
    }

    #[test]
    fn reports_run_with_an_older_key_than_the_stored_one() {
        assert_eq!(stored("agentverse-reports", KEY), VALUE);
        let sim = Sim::new(estate());
        let running = sim.change(|estate| {
            let reports = estate.service_named("agentverse-reports").expect("the service exists");
            let captured = &reports.deployments[0].captured[KEY];
            captured.rendered.as_ref().map(|value| value.expose().to_owned())
        });
        assert_eq!(running.as_deref(), Some(KEY_BEFORE));
    }
}
