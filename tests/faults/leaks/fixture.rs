//! The scenarios of the leak tests: values of every kind in `.env`, on Railway, in logs, commands and messages.

use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::leaks::railway_texts::{LOCAL, STORED};
use crate::run::ids;

/// How `.env` and Railway differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    InSync,
    /// Every kind of difference.
    Drift,
    /// The same, without a `doctor.toml`.
    DriftWithoutConfig,
    /// The same, and deployments fail with values in their logs.
    FailingDeployments,
}

/// Key, local value and stored value.
type TestValue = (&'static str, &'static str, &'static str);

/// Quotes, dollars, line breaks, escapes and letters that encodings treat differently. Each line contains a marker.
const VALUES: [TestValue; 9] = [
    ("API_KEY", "mark4711-local", "mark4711-stored"),
    ("MODE", "mark4711-mode", "mark4711-mode"),
    ("ODD", r#"'it"s <mark4711-quaint> & $1 / 100% ü'"#, r#"it"s <mark4711-strange> & $1 / 100% ü 'x'"#),
    ("LINES", "\"mark4711-first\nmark4711-second\"", "mark4711-upper\n  mark4711-lower\n"),
    ("SPACED", "mark4711-spaced", " mark4711-spaced "),
    ("ESCAPES", "mark4711-plain", "\u{1b}[31mmark4711-red\u{1b}[0m\u{202e}"),
    ("SITE_URL", "https://user:mark4711-local@example.com/", "https://user:mark4711-stored@example.com/?a=b"),
    ("JSON", "'{\"key\": \"mark4711-local\"}'", "{\"key\":\"mark4711-stored\"}"),
    ("LONG_SECRET", LONG, "mark4711-short"),
];

/// Longer than a line of output.
const LONG: &str = "mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711\
                    mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711mark4711";

/// Lines that no loader, or not every loader, accepts as an assignment.
const BROKEN: &str = "mark4711 stands alone\n=mark4711-keyless\nSAME=mark4711-once\nSAME=mark4711-twice\nLIVE=${HOME}mark4711-live\n\
                      'odd key'=mark4711-odd\nOPEN=\"mark4711 never closed\n";

impl Scenario {
    /// The content of `.env`.
    pub(crate) fn env(self) -> String {
        let line = |(key, local, _): TestValue| format!("{key}={local}\n");
        match self {
            Self::InSync => "API_KEY=mark4711-stored\nMODE=mark4711-mode\n".to_owned(),
            Self::Drift | Self::DriftWithoutConfig | Self::FailingDeployments => {
                let lines: String = VALUES.into_iter().map(line).collect();
                format!(
                    "{lines}REFERENCE=mark4711-literal\nSEALED=mark4711-mine\nMISSING_KEY=mark4711-missing\n{BROKEN}"
                )
            }
        }
    }

    /// The content of `doctor.toml`, if there is one.
    pub(crate) fn config(self) -> Option<String> {
        let [project, environment] = ids();
        let declared = match self {
            Self::InSync => "",
            Self::DriftWithoutConfig => return None,
            Self::Drift | Self::FailingDeployments => {
                "[services.api]\n[services.worker]\nstart-command-contains = [\"-B\"]\n\
                 [[require]]\nkeys = [\"API_KEY\", \"NOT_THERE\"]\nservices = [\"api\", \"worker\"]\n\
                 [[ignore]]\nkeys = [\"SPACED\"]\nreason = \"blanks\"\nuntil = \"2020-01-01\"\n\
                 [[expect.log]]\nservice = \"worker\"\ncontains = \"never logged\"\nwithin = \"1s\"\n"
            }
        };
        Some(format!("project = \"{project}\"\nenvironment = \"{environment}\"\n{declared}"))
    }

    /// The project on Railway.
    pub(crate) fn estate(self) -> Estate {
        let environment = match self {
            Self::InSync => {
                let variables = [("API_KEY", "mark4711-stored"), ("MODE", "mark4711-mode")];
                let service = |name| SimService::named(name).repository("crew/shop").variables(&variables);
                Environment::named("staging").service(service("api")).service(service("worker"))
            }
            Self::Drift | Self::DriftWithoutConfig | Self::FailingDeployments => self.drifted(),
        };
        Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()
    }

    fn drifted(self) -> Environment {
        let stored: Vec<(&str, &str)> = VALUES.iter().map(|&(key, _, stored)| (key, stored)).collect();
        let plan = match self {
            Self::FailingDeployments => {
                LOCAL.iter().chain(STORED).fold(StatusTimeline::failing_build("got mark4711-local"), |plan, line| {
                    plan.building("FAILED", &[line]).with_log("FAILED", &[line])
                })
            }
            _ => StatusTimeline::through(&["SUCCESS"]),
        };
        let old = SimDeployment::serving("2026-11-09T16:20:47.902Z")
            .had("API_KEY", "mark4711-older")
            .meta("commitMessage", "Use mark4711-stored for mark4711-local");
        let api = SimService::named("api")
            .repository("crew/shop")
            .variables(&stored)
            .variables(&[
                ("REFERENCE", "pre-mark4711-${{shared.SHARED}}-${{worker.OTHER}}"),
                ("DANGLING", "${{missing.THING}}mark4711-dangling"),
                ("ONLY_HERE", "mark4711-only-here"),
                ("PLACEHOLDER", "<mark4711>"),
            ])
            .sealed("SEALED", "mark4711-sealed")
            .plan(plan.clone());
        let worker = SimService::named("worker")
            .repository("crew/shop")
            .start("serve --key mark4711-third --url https://u:mark4711-third@example.com")
            .variables(&[("OTHER", "mark4711-other"), ("API_KEY", "mark4711-third"), ("MODE", "mark4711-mode")])
            .deployed(old)
            .plan(plan);
        let worker = LOCAL.iter().chain(STORED).fold(worker, |worker, line| worker.logs(line));
        Environment::named("staging").shared(&[("SHARED", "mark4711-shared")]).service(api).service(worker)
    }
}
