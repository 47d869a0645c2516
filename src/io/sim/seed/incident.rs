//! The incident that led to `doctor`: one rotated key, and two services that never got it.

use std::path::Path;

use serde_json::{Map, json};

use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{LOGIN_TOKEN, postgres, redis};

pub const PROJECT: &str = "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2";

/// The project's `.env`. Only the rotated key differs unexpectedly: the local database is an expected difference, and
/// the signing key is sealed.
pub const ENV_FILE: &str = "\
# agentverse, staging: the same names as on Railway
APP_ENV=staging
LOG_LEVEL=info

# The key for /api/v1/ops/...; rotated with step 3 of the drills
STAGING_OPS_API_KEY=staging-ops-step3-key-2026
OPS_DRILLS=worker-exit,queue-stall

# docker compose up -d postgres
DATABASE_URL=postgresql://agentverse:agentverse@localhost:5432/agentverse

JWT_SIGNING_KEY=Zm9yLWxvY2FsLXJ1bnMtb25seQ
";

/// The template of a new colleague, who has no `.env` yet.
pub const TEMPLATE: &str = "\
# agentverse, staging: the same names as on Railway
APP_ENV=staging
LOG_LEVEL=info

# The key for /api/v1/ops/...
STAGING_OPS_API_KEY=
OPS_DRILLS=

# docker compose up -d postgres redis
DATABASE_URL=postgresql://agentverse:agentverse@localhost:5432/agentverse
REDIS_URL=

# Any random text works for local runs
JWT_SIGNING_KEY=
";

/// The `doctor.toml` next to it: the checks that the team has added after the incident.
pub const CONFIG_FILE: &str = r#"# agentverse, staging: what must be true before a drill

[services.api]
name = "agentverse-api-staging"

[services.worker]
name = "agentverse-worker-staging"
start-command-contains = ["-B"]

[[require]]
keys     = ["STAGING_OPS_API_KEY"]
services = ["api", "worker"]

[[expect.log]]
service  = "worker"
contains = "Worker boot_id stored in Redis"
within   = "10s"

[[expect.http]]
service = "api"
request = "GET /api/v1/ops/chaos/worker-status"
headers = { X-API-Key = "$STAGING_OPS_API_KEY" }
status  = 200
json    = { "/boot_info" = "present" }
"#;

/// Returns the Railway CLI's file after `railway login`, and `railway link` in this directory.
pub fn cli_config(directory: &Path) -> String {
    let environment = estate().environment("agentverse", "staging").map(|staging| staging.id.clone());
    let link = json!({
        "projectPath": directory, "name": "agentverse", "project": PROJECT,
        "environment": environment, "environmentName": "staging",
    });
    let projects = Map::from_iter([(directory.display().to_string(), link)]);
    // In the year 2255, so that the demo's login does not expire.
    json!({ "projects": projects, "user": { "accessToken": LOGIN_TOKEN, "tokenExpiresAt": 9_000_000_000_u64 } })
        .to_string()
}

/// Returns the project `agentverse`, environment `staging`.
pub fn estate() -> Estate {
    let api = api(KEY_BEFORE).deployed(SimDeployment::serving("2026-11-17T08:41:12.318Z"));
    let running = SimDeployment::serving("2026-11-09T16:20:47.902Z")
        .meta("commitHash", COMMIT_BEFORE)
        // The previous key: it was replaced, but the worker was not redeployed.
        .had(KEY, "staging-ops-summer-key-2025");
    let worker = worker(KEY_BEFORE).start(START_COMMAND).deployed(running);
    agentverse(Environment::named("staging").service(api).service(worker))
}

/// The key that was rotated.
pub(super) const KEY: &str = "STAGING_OPS_API_KEY";
/// Its value before the rotation.
pub(super) const KEY_BEFORE: &str = "staging-ops-autumn-key-2025";

/// The start command of the worker, without `-B`: Celery Beat does not run. This is the other half of the incident.
const START_COMMAND: &str = "celery --app agentverse.tasks worker --loglevel INFO";

/// Returns the start command that the worker needs.
pub fn start_command_with_beat() -> String {
    format!("{START_COMMAND} -B")
}

/// The commit that added the worker's boot line and Beat. The worker was never deployed with it.
const COMMIT: &str = "371a158c06be94d2f7a05e31b8d49c6fa2e7130b";
/// The commit that the worker still runs.
const COMMIT_BEFORE: &str = "b90c4e7712fd3a58e6b1047c9a35d2e8f60714ca";

/// Returns the project with this environment, to which the databases and the log level are added.
pub(super) fn agentverse(environment: Environment) -> Estate {
    let environment = environment
        .shared(&[("LOG_LEVEL", "info")])
        .service(postgres("d2Xq9vLr4TtWbn7K"))
        .service(redis("Hs81mPzcV5ejQy3u"));
    Estate::of("agentverse").project(Project::named("agentverse").id(PROJECT).environment(environment)).with_tokens()
}

/// Returns the API with this value of [`KEY`].
pub(super) fn api(key: &str) -> SimService {
    from_repository("agentverse-api-staging")
        .start("uvicorn agentverse.main:app --host :: --port $PORT --proxy-headers")
        .domain("agentverse-api-staging.up.railway.app")
        .variables(&[
            ("APP_ENV", "staging"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
            ("OPS_DRILLS", "worker-exit,queue-stall"),
            ("PUBLIC_URL", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
            ("REDIS_URL", "${{Redis.REDIS_URL}}"),
            (KEY, key),
        ])
        .sealed("JWT_SIGNING_KEY", "uV7hT0dXw2kQ9rBz")
        .logs("Started server process [1]")
        .logs("Application startup complete.")
}

/// Returns the worker with this value of [`KEY`], and without a start command.
pub(super) fn worker(key: &str) -> SimService {
    from_repository("agentverse-worker-staging")
        .variables(&[
            ("APP_ENV", "staging"),
            ("CELERY_BROKER_URL", "${{Redis.REDIS_URL}}/1"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
            ("OPS_DRILLS", "worker-exit,queue-stall"),
            ("REDIS_URL", "${{Redis.REDIS_URL}}"),
            (KEY, key),
        ])
        .sealed("JWT_SIGNING_KEY", "uV7hT0dXw2kQ9rBz")
        .logs("celery@worker v5.4.0 (opalescent)")
        .logs_with("-B", "beat: Starting...")
        .logs_with("-B", "Worker boot_id stored in Redis")
        .logs("celery@worker ready.")
}

/// Returns a service that is built from the project's repository.
pub(super) fn from_repository(name: &str) -> SimService {
    SimService::named(name).repository("agentverse/agentverse").commit(COMMIT)
}

#[cfg(test)]
mod tests {
    use crate::io::sim::seed::incident::{ENV_FILE, estate};
    use crate::io::sim::seed::tests::{KeySide, sides};

    #[test]
    fn only_rotated_key_differs() {
        let mut estate = estate();
        let staging = estate.environment("agentverse", "staging").expect("the environment exists").clone();
        for service in ["agentverse-api-staging", "agentverse-worker-staging"] {
            let differing: Vec<(String, KeySide)> = sides(&estate, &staging, service, ENV_FILE)
                .into_iter()
                .filter(|(_, side)| *side != KeySide::Equal)
                .collect();
            let expected = [
                ("STAGING_OPS_API_KEY", KeySide::Differs),
                ("DATABASE_URL", KeySide::Reference),
                ("JWT_SIGNING_KEY", KeySide::Sealed),
            ];
            assert_eq!(differing, expected.map(|(name, side)| (name.to_owned(), side)), "{service}");
        }
    }

    #[test]
    fn rotated_key_is_near_top_of_file() {
        let line = ENV_FILE.lines().position(|line| line == "STAGING_OPS_API_KEY=staging-ops-step3-key-2026");
        assert_eq!(line, Some(5));
    }
}
