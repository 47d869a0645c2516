//! `doctor compare`: what it reads, how its arguments select it, how it ends, and what it never does.

mod demo;
mod environments;
mod exit_codes;
mod policy;
mod prefetch;
mod pull_requests;
mod requests;
mod services;
mod side_effects;
mod tokens;
mod transcript;

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::without_file::report;
use crate::drift::Secret;
use crate::io::sim::Sim;
use crate::io::sim::estate::{Environment, Estate, Project, SimService, Token, TokenScope};

/// A secret that should not be in two environments.
const SECRET: &str = "kV93xTzLq0PwMn72RbYcJd5S";

/// Returns a project `shop` with these environments.
fn shop(environments: impl IntoIterator<Item = Environment>) -> Sandbox {
    let project = environments.into_iter().fold(Project::named("shop"), Project::environment);
    Sandbox::new(Sim::new(Estate::of("crew").project(project).with_tokens()))
}

fn environment(name: &str, services: impl IntoIterator<Item = SimService>) -> Environment {
    services.into_iter().fold(Environment::named(name), Environment::service)
}

/// Returns `staging`, `live` and `production`, of which only `staging` has FLAG, and `production` another service.
fn three() -> Sandbox {
    let api = |region: &str| service("api", &[("REGION", region), ("PORT", "3000")]);
    let staging = environment("staging", [api("eu").variables(&[("FLAG", "on")])]);
    let production = environment("production", [api("us"), service("mailer", &[("FROM", "shop")])]);
    shop([staging, environment("live", [api("us")]), production])
}

/// Returns the id of an environment of the first project.
fn id_of(sandbox: &Sandbox, environment: &str) -> String {
    sandbox.sim.change(|estate| {
        let environments = &estate.projects[0].environments;
        environments.iter().find(|known| known.name == environment).expect("the environment exists").id.clone()
    })
}

/// Adds a valid token for an environment of the first project.
fn with_project_token(sandbox: Sandbox, text: &str, environment: &str) -> Sandbox {
    let environment = id_of(&sandbox, environment);
    sandbox.sim.change(|estate| {
        let reach = TokenScope::Project { project: estate.projects[0].id.clone(), environment };
        estate.tokens.push(Token { text: Secret::new(text), reach });
    });
    sandbox
}

/// Runs `compare` with `--format json`.
fn json(sandbox: &Sandbox, words: &[&str]) -> Ended {
    sandbox.run(&[&["compare"], words, &["--format", "json"]].concat())
}

/// Returns the findings of a run with `--format json`, such as `warning missing-in-environment FLAG api`.
#[track_caller]
fn findings(ended: &Ended) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let report = report(ended);
    let findings = report["findings"].as_array().expect("findings are a list").iter();
    findings
        .map(|finding| {
            let services: Vec<String> = finding["services"].as_array().expect("a list").iter().map(text).collect();
            let words = ["severity", "rule", "key"].map(|name| text(&finding[name]));
            format!("{} {}", words.join(" "), services.join("+")).trim_end().to_owned()
        })
        .collect()
}

/// Asserts the exit code and the findings of a run with `--format json`.
#[track_caller]
fn assert_found(ended: &Ended, code: u8, expected: &[&str]) {
    assert_eq!(
        (ended.code, findings(ended)),
        (code, expected.iter().map(|line| (*line).to_owned()).collect()),
        "{ended:?}"
    );
}

/// Returns the names of the services of a run with `--format json`, each with the number of its compared keys.
fn compared(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let services = report["services"].as_array().expect("services are a list").iter();
    services.map(|one| format!("{} {}", one["name"].as_str().expect("a name"), one["compared"])).collect()
}

/// Asserts that the run ends with an error before any result.
#[track_caller]
fn assert_refused(ended: &Ended, code: u8, parts: &[&str]) {
    assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{ended:?}");
    for part in parts {
        ended.assert_shows(part);
    }
}
