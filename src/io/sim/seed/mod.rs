//! The initial contents of a simulated Railway: the incident, copies of its key, two environments, ordinary projects,
//! and large ones.

pub mod incident;
pub mod ordinary;
pub mod rotation;
pub mod storefront;

use std::path::Path;

use serde_json::{Map, json};

use crate::io::sim::estate::{Environment, Estate, Project, SimService, TokenScope};

/// The account token of every seed.
pub const ACCOUNT_TOKEN: &str = "5e1d0000-acc0-4000-8000-000000000001";
/// The workspace token of every seed, for the first workspace.
pub const WORKSPACE_TOKEN: &str = "5e1d0000-3015-4000-8000-000000000002";
/// The login's token of every seed, for the first workspace.
pub const LOGIN_TOKEN: &str = "5e1d0000-1061-4000-8000-000000000003";
/// The project token of every seed, for the first environment of the first project.
pub const PROJECT_TOKEN: &str = "5e1d0000-9201-4000-8000-000000000004";

/// A project on Railway, and the local files in the directory in which `doctor` is run.
#[derive(Debug)]
pub struct Seed {
    /// A short name in kebab-case.
    pub name: &'static str,
    /// A description.
    pub about: &'static str,
    /// The contents of Railway.
    pub estate: fn() -> Estate,
    /// Path and text of each local file.
    pub files: &'static [(&'static str, &'static str)],
}

impl Estate {
    /// Adds one token of each kind; see the constants of this module.
    pub fn with_tokens(self) -> Self {
        let workspace = self.workspaces.first().map(|workspace| workspace.id.clone());
        let environment = self.projects.first().and_then(|project| {
            let environment = project.environments.first()?.id.clone();
            Some(TokenScope::Project { project: project.id.clone(), environment })
        });
        let reaches = [
            (ACCOUNT_TOKEN, Some(TokenScope::Account)),
            (WORKSPACE_TOKEN, workspace.clone().map(TokenScope::Workspace)),
            (LOGIN_TOKEN, workspace.map(|workspace| TokenScope::Login(vec![workspace]))),
            (PROJECT_TOKEN, environment),
        ];
        let known = reaches.into_iter().filter_map(|(token, reach)| Some((token, reach?)));
        known.fold(self, |estate, (token, reach)| estate.token(token, reach))
    }
}

/// A link of the Railway CLI, by names.
struct Link {
    project: &'static str,
    environment: &'static str,
}

/// Returns the Railway CLI's file after `railway login`, and `railway link` in this directory.
fn linked_cli_config(directory: &Path, estate: &mut Estate, link: &Link) -> String {
    let environment = estate.environment(link.project, link.environment).map(|environment| environment.id.clone());
    let project = estate.projects.iter().find(|project| project.name == link.project);
    let link = json!({
        "projectPath": directory, "name": link.project, "project": project.map(|project| &project.id),
        "environment": environment, "environmentName": link.environment,
    });
    let projects = Map::from_iter([(directory.display().to_string(), link)]);
    // In the year 2255, so that the demo's login does not expire.
    json!({ "projects": projects, "user": { "accessToken": LOGIN_TOKEN, "tokenExpiresAt": 9_000_000_000_u64 } })
        .to_string()
}

/// Returns Railway's Postgres, with the variables of its template.
fn postgres(password: &str) -> SimService {
    SimService::named("Postgres").image("ghcr.io/railwayapp-templates/postgres-ssl:17").variables(&[
        ("DATABASE_URL", "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}@${{PGHOST}}:${{PGPORT}}/${{PGDATABASE}}"),
        ("PGDATABASE", "${{POSTGRES_DB}}"),
        ("PGHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"),
        ("PGPORT", "5432"),
        ("PGUSER", "${{POSTGRES_USER}}"),
        ("POSTGRES_DB", "railway"),
        ("POSTGRES_PASSWORD", password),
        ("POSTGRES_USER", "postgres"),
    ])
}

/// Returns Railway's Redis, with the variables of its template.
fn redis(password: &str) -> SimService {
    SimService::named("Redis").image("redis:8").variables(&[
        ("REDISHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"),
        ("REDISPORT", "6379"),
        ("REDISUSER", "default"),
        ("REDIS_PASSWORD", password),
        ("REDIS_URL", "redis://${{REDISUSER}}:${{REDIS_PASSWORD}}@${{REDISHOST}}:${{REDISPORT}}"),
    ])
}

/// Returns a project `large` with this number of services and of variables per service, and the `.env` that matches all
/// of them. Every tenth variable is a reference to a shared one.
pub fn generate(services: usize, variables: usize) -> (Estate, String) {
    let mut file = String::new();
    let (mut stored, mut shared) = (Vec::new(), Vec::new());
    for number in 0..variables {
        let name = format!("SETTING_{number:03}");
        let value = format!("value-{:010}", number * 1_999_999_973 % 9_999_999_967);
        file.extend([name.as_str(), "=", value.as_str(), "\n"]);
        if number % 10 == 9 {
            stored.push((name, format!("${{{{shared.COMMON_{number:03}}}}}")));
            shared.push((format!("COMMON_{number:03}"), value));
        } else {
            stored.push((name, value));
        }
    }
    let mut environment = Environment::named("production").shared(&borrowed(&shared));
    let stored = borrowed(&stored);
    for number in 0..services {
        let service = SimService::named(&format!("service-{number:04}")).repository("large/large").variables(&stored);
        environment.services.push(service);
    }
    (Estate::of("large").project(Project::named("large").environment(environment)).with_tokens(), file)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use crate::io::sim::estate::{Environment, Estate, SimVariable};
    use crate::io::sim::render::Renderer;
    use crate::io::sim::seed::{ACCOUNT_TOKEN, generate};

    /// How a key of the file compares with a service.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum KeySide {
        Equal,
        Differs,
        /// Differs from the rendered value of a reference.
        Reference,
        Sealed,
        Missing,
    }

    impl KeySide {
        pub(crate) fn sign(self) -> char {
            match self {
                Self::Equal => '=',
                Self::Differs => '~',
                Self::Reference => '$',
                Self::Sealed => '#',
                Self::Missing => '-',
            }
        }
    }

    /// Returns each key of a plain `.env` in the order of the file, and how it compares with the service.
    pub(crate) fn sides(
        estate: &Estate,
        environment: &Environment,
        service: &str,
        file: &str,
    ) -> Vec<(String, KeySide)> {
        let service = environment.services.iter().find(|known| known.name == service).expect("the service exists");
        let rendered = Renderer::new(&estate.projects[0], environment).variables(service);
        let assignments = file.lines().filter_map(|line| line.split('#').next().filter(|_| !line.starts_with('#')));
        let pairs = assignments.filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| {
                let value = value.trim().trim_matches(['\'', '"']);
                let side = match (service.variables.get(name), rendered.get(name)) {
                    (None, _) => KeySide::Missing,
                    (Some(SimVariable::Sealed(_)), _) => KeySide::Sealed,
                    (Some(_), Some(Some(text))) if text == value => KeySide::Equal,
                    (Some(SimVariable::Open(stored)), _) if stored.expose().contains("${{") => KeySide::Reference,
                    _ => KeySide::Differs,
                };
                (name.to_owned(), side)
            })
            .collect()
    }

    #[test]
    fn generated_project_matches_its_file() {
        let (estate, file) = generate(50, 40);
        let environment = &estate.projects[0].environments[0];
        assert_eq!((environment.services.len(), file.lines().count()), (50, 40));
        for service in &environment.services {
            let sides = sides(&estate, environment, &service.name, &file);
            assert!(sides.len() == 40 && sides.iter().all(|(_, side)| *side == KeySide::Equal), "{}", service.name);
        }
        assert_eq!(environment.shared.len(), 4);
        assert!(estate.tokens.iter().any(|token| token.text.expose() == ACCOUNT_TOKEN));
    }

    #[test]
    fn generated_values_are_distinct() {
        let (_, file) = generate(1, 100);
        let mut values: Vec<&str> = file.lines().filter_map(|line| line.split_once('=')).map(|pair| pair.1).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 100);
    }
}
