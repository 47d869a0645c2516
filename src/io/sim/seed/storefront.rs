//! A shop with the mistakes that are typical of two environments: its staging environment writes into production's
//! database, uses production's payment key, and lacks what production has.

use std::path::Path;

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Link, linked_cli_config, postgres, redis};

pub const PROJECT: &str = "7d1c52e0-3f0b-4b8e-9a64-2c5f0e8b1a37";

/// The `doctor.toml` of the shop: what its worker needs, and what must not be the same in both environments.
pub const CONFIG_FILE: &str = r#"# storefront: what both environments need

[[require]]
keys     = ["EVENTS_TOPIC"]
services = ["api", "worker"]

[[across]]
keys = ["SESSION_SECRET"]
must = "differ"
"#;

/// The passwords of the databases, each in one environment.
const STAGING_POSTGRES: &str = "Vb4tKq8LmZr2Xw7C";
const PRODUCTION_POSTGRES: &str = "yN6dPf3HsJ9aGe5T";
const STAGING_REDIS: &str = "cU8wRk1BvQ5xMz4D";
const PRODUCTION_REDIS: &str = "tL2hSg7FjY9pEo6A";
/// The public addresses of the databases.
const STAGING_PROXY: &str = "shinkansen.proxy.rlwy.net:30417";
const PRODUCTION_PROXY: &str = "gondola.proxy.rlwy.net:51892";
/// Used in both environments, which is one of the mistakes.
const PAYMENTS_KEY: &str = "pay_9fT3kWq7ZbV1mXs5Rc8LdN2h";

/// Returns the Railway CLI's file after `railway login`, and `railway link` to staging in this directory.
pub fn cli_config(directory: &Path) -> String {
    let link = Link { project: "storefront", environment: "staging" };
    linked_cli_config(directory, &mut estate(), &link)
}

/// Returns the project `storefront` with its environments `staging` and `production`.
pub fn estate() -> Estate {
    let project = Project::named("storefront").id(PROJECT).environment(staging()).environment(production());
    Estate::of("storefront").project(project).with_tokens()
}

fn staging() -> Environment {
    // A literal that was set to debug with production's data, and never removed.
    let database = format!("postgresql://postgres:{PRODUCTION_POSTGRES}@{PRODUCTION_PROXY}/railway");
    // The address of staging's own Redis, copied before references were used.
    let redis_url = format!("redis://default:{STAGING_REDIS}@redis.railway.internal:6379");
    let api = api("staging").domain("storefront-api-staging.up.railway.app").variables(&[
        ("DATABASE_URL", &database),
        ("DEBUG_PANEL", "on"),
        ("SESSION_SECRET", "Wk5rBz8qTn1vHc4xJd7m"),
    ]);
    let worker = worker("staging")
        .start("celery --app storefront.tasks worker --concurrency 2")
        .variables(&[("REDIS_URL", &redis_url)]);
    environment("staging", "debug")
        .service(api)
        .service(worker)
        .service(web().domain("storefront-staging.up.railway.app"))
        .service(cron("staging").cron("0 * * * *"))
        .service(public_postgres(STAGING_POSTGRES, STAGING_PROXY))
        .service(redis(STAGING_REDIS))
}

fn production() -> Environment {
    let api = api("production")
        .domain("storefront-api.up.railway.app")
        .variables(&[
            ("APM_LICENSE_KEY", "apm-6Hn2Vt9KqXw4Zr7B"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("SESSION_SECRET", "gP3yLf9sUa6eKo2tXw8Q"),
        ])
        .sealed("TOKEN_SIGNING_KEY", "mR7cJv2nDh5zWq8bTk4S");
    let worker = worker("production")
        .start("celery --app storefront.tasks worker --concurrency 8")
        .variables(&[("EVENTS_TOPIC", "orders.placed"), ("REDIS_URL", "${{Redis.REDIS_URL}}")]);
    environment("production", "info")
        .service(api)
        .service(worker)
        .service(web().domain("storefront.up.railway.app"))
        .service(cron("production").cron("30 2 * * *"))
        .service(mailer())
        .service(public_postgres(PRODUCTION_POSTGRES, PRODUCTION_PROXY))
        .service(redis(PRODUCTION_REDIS))
}

fn environment(name: &str, log_level: &str) -> Environment {
    Environment::named(name).shared(&[("LOG_LEVEL", log_level), ("TIME_ZONE", "Europe/Lisbon")])
}

/// Returns the API with what is right in both environments, and the payment key.
fn api(environment: &str) -> SimService {
    from_repository("api").start("uvicorn storefront.main:app --host :: --port $PORT").variables(&[
        ("APP_ENV", environment),
        ("CURRENCY", "EUR"),
        ("EVENTS_TOPIC", "orders.placed"),
        ("FEATURE_WISHLIST", "true"),
        ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
        ("PAYMENTS_SECRET_KEY", PAYMENTS_KEY),
        ("PUBLIC_URL", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
        ("REDIS_URL", "${{Redis.REDIS_URL}}"),
        ("TIME_ZONE", "${{shared.TIME_ZONE}}"),
    ])
}

fn worker(environment: &str) -> SimService {
    from_repository("worker").variables(&[
        ("APP_ENV", environment),
        ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
        ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
        ("QUEUE", "orders"),
        ("TASK_TIME_LIMIT", "300"),
    ])
}

fn web() -> SimService {
    from_repository("web").start("node server.js").variables(&[
        ("ASSETS_URL", "https://assets.storefront.example"),
        ("NEXT_PUBLIC_API_URL", "https://${{api.RAILWAY_PUBLIC_DOMAIN}}"),
        ("NEXT_PUBLIC_CURRENCY", "EUR"),
        ("NODE_ENV", "production"),
        ("PORT", "3000"),
    ])
}

fn cron(environment: &str) -> SimService {
    from_repository("cron").start("python -m storefront.reports").variables(&[
        ("APP_ENV", environment),
        ("BATCH_SIZE", "500"),
        ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
        ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
    ])
}

fn mailer() -> SimService {
    from_repository("mailer").start("node mailer.js").variables(&[
        ("APP_ENV", "production"),
        ("MAIL_FROM", "orders@storefront.example"),
        ("REDIS_URL", "${{Redis.REDIS_URL}}"),
        ("SMTP_HOST", "smtp.storefront.example"),
    ])
}

fn from_repository(name: &str) -> SimService {
    SimService::named(name).repository("storefront/storefront")
}

/// Returns a Postgres that can also be reached from outside Railway, through a TCP proxy.
fn public_postgres(password: &str, proxy: &str) -> SimService {
    let address = format!("postgresql://${{{{PGUSER}}}}:${{{{POSTGRES_PASSWORD}}}}@{proxy}/${{{{PGDATABASE}}}}");
    postgres(password).variables(&[("DATABASE_PUBLIC_URL", &address)])
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use serde_json::Value;

    use crate::io::sim::estate::{Environment, Estate, SimService, SimVariable};
    use crate::io::sim::render::Renderer;
    use crate::io::sim::seed::storefront::{CONFIG_FILE, PROJECT, cli_config, estate};

    /// The stored variables of a service: `None` if sealed.
    type Stored = BTreeMap<String, Option<String>>;

    fn service<'e>(environment: &'e Environment, name: &str) -> &'e SimService {
        environment.services.iter().find(|service| service.name == name).expect("the service exists")
    }

    /// Returns the variables of a service in staging, and in production.
    fn stored(estate: &Estate, name: &str) -> [Stored; 2] {
        [0, 1].map(|side| {
            let variables = &service(&estate.projects[0].environments[side], name).variables;
            let text = |variable: &SimVariable| match variable {
                SimVariable::Open(text) => Some(text.expose().to_owned()),
                SimVariable::Sealed(_) => None,
            };
            variables.iter().map(|(key, variable)| (key.clone(), text(variable))).collect()
        })
    }

    /// Returns the rendered value of a variable of this environment: 0 is staging, 1 is production.
    fn rendered(estate: &Estate, side: usize, name: &str, key: &str) -> String {
        let environment = &estate.projects[0].environments[side];
        let mut variables = Renderer::new(&estate.projects[0], environment).variables(service(environment, name));
        variables.remove(key).flatten().expect("the variable has a value")
    }

    #[test]
    fn references_resolve() {
        let estate = estate();
        let project = &estate.projects[0];
        let mut references = 0;
        for environment in &project.environments {
            for service in &environment.services {
                let rendered = Renderer::new(project, environment).variables(service);
                for (key, variable) in &service.variables {
                    let SimVariable::Open(stored) = variable else { continue };
                    let text = rendered[key].as_deref().expect("no value depends on a sealed one");
                    // An unresolved reference renders empty.
                    let is_whole = !["${{", "://@", ":@", "@:", "@/"].iter().any(|gap| text.contains(gap));
                    assert!(is_whole && !text.is_empty() && text != "https://", "{} {key}", service.name);
                    references += usize::from(stored.expose().contains("${{"));
                }
            }
        }
        assert!(references > 20, "{references}");
    }

    #[test]
    fn keys_differ_only_where_planted() {
        let estate = estate();
        let mut found = BTreeSet::new();
        for name in ["api", "worker", "web", "cron", "Postgres", "Redis"] {
            let [staging, production] = stored(&estate, name);
            let keys: BTreeSet<&String> = staging.keys().chain(production.keys()).collect();
            let differing = keys.into_iter().filter(|key| staging.get(*key) != production.get(*key));
            found.extend(differing.map(|key| (name, key.as_str().to_owned())));
        }
        let expected = [
            ("api", "APM_LICENSE_KEY"),
            ("api", "APP_ENV"),
            ("api", "DATABASE_URL"),
            ("api", "DEBUG_PANEL"),
            ("api", "SESSION_SECRET"),
            ("api", "TOKEN_SIGNING_KEY"),
            ("cron", "APP_ENV"),
            ("worker", "APP_ENV"),
            ("worker", "EVENTS_TOPIC"),
            ("worker", "REDIS_URL"),
            ("Postgres", "DATABASE_PUBLIC_URL"),
            ("Postgres", "POSTGRES_PASSWORD"),
            ("Redis", "REDIS_PASSWORD"),
        ];
        assert_eq!(found, expected.map(|(name, key)| (name, key.to_owned())).into());
    }

    #[test]
    fn staging_api_leads_to_database_of_production() {
        let estate = estate();
        let [staging, production] = stored(&estate, "api").map(|mut variables| variables.remove("DATABASE_URL"));
        assert_eq!(production.flatten().as_deref(), Some("${{Postgres.DATABASE_URL}}"));
        assert_eq!(staging.flatten(), Some(rendered(&estate, 1, "Postgres", "DATABASE_PUBLIC_URL")));
        // The worker uses the database of the same environment.
        assert_eq!(rendered(&estate, 0, "worker", "DATABASE_URL"), rendered(&estate, 0, "Postgres", "DATABASE_URL"));
    }

    #[test]
    fn redis_literal_equals_what_reference_would_render() {
        let estate = estate();
        let [staging, production] = stored(&estate, "worker").map(|mut variables| variables.remove("REDIS_URL"));
        assert_eq!(staging.flatten(), Some(rendered(&estate, 0, "Redis", "REDIS_URL")));
        assert_eq!(production.flatten().as_deref(), Some("${{Redis.REDIS_URL}}"));
    }

    #[test]
    fn payment_key_is_shared_and_signing_key_is_sealed_in_production_only() {
        let [staging, production] = stored(&estate(), "api");
        assert!(staging["PAYMENTS_SECRET_KEY"].is_some());
        assert_eq!(staging["PAYMENTS_SECRET_KEY"], production["PAYMENTS_SECRET_KEY"]);
        assert_eq!((staging.get("TOKEN_SIGNING_KEY"), production.get("TOKEN_SIGNING_KEY")), (None, Some(&None)));
    }

    #[test]
    fn mailer_and_two_settings_differ() {
        let estate = estate();
        let [staging, production] = [0, 1].map(|side| &estate.projects[0].environments[side]);
        let names = |environment: &Environment| -> BTreeSet<String> {
            environment.services.iter().map(|service| service.name.clone()).collect()
        };
        assert_eq!(names(production).difference(&names(staging)).collect::<Vec<_>>(), ["mailer"]);
        assert!(names(staging).is_subset(&names(production)));
        let mut differing = Vec::new();
        for left in &staging.services {
            let right = service(production, &left.name);
            assert_eq!(left.id, right.id, "{}", left.name);
            if left.start_command != right.start_command {
                differing.push((left.name.as_str(), "start command"));
            }
            if left.cron != right.cron {
                differing.push((left.name.as_str(), "schedule"));
            }
        }
        assert_eq!(differing, [("worker", "start command"), ("cron", "schedule")]);
    }

    #[test]
    fn declarations_are_one_violated_need_and_one_met_expectation() {
        let config: toml::Table = CONFIG_FILE.parse().expect("the file is TOML");
        let keys = |section: &str| config[section][0]["keys"][0].as_str().expect("a key").to_owned();
        let [staging, production] = stored(&estate(), "worker");
        let needed = keys("require");
        assert!(!staging.contains_key(&needed) && production.contains_key(&needed));
        let [staging, production] = stored(&estate(), "api");
        let separate = keys("across");
        assert_eq!(config["across"][0]["must"].as_str(), Some("differ"));
        assert!(staging[&separate].is_some() && staging[&separate] != production[&separate]);
    }

    #[test]
    fn directory_is_linked_to_staging() {
        let config: Value = serde_json::from_str(&cli_config(Path::new("/work"))).expect("the file is JSON");
        let link = &config["projects"]["/work"];
        let staging = estate().projects[0].environments[0].id.clone();
        assert_eq!((link["project"].as_str(), link["environment"].as_str()), (Some(PROJECT), Some(staging.as_str())));
    }
}
