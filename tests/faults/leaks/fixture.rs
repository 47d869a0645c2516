//! The scenarios of the leak tests: values of every kind in `.env`, on Railway, in logs, commands and messages.

use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::leaks::railway_texts::{LOCAL, STORED};
use crate::run::{ids, with_production_token};

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
                 [[across]]\nkeys = [\"MODE\"]\nmust = \"exist\"\n\
                 [[ignore]]\nkeys = [\"SPACED\"]\nreason = \"blanks\"\nuntil = \"2020-01-01\"\n\
                 [[expect.log]]\nservice = \"worker\"\ncontains = \"never logged\"\nwithin = \"1s\"\n"
            }
        };
        Some(format!("project = \"{project}\"\nenvironment = \"{environment}\"\n{declared}"))
    }

    /// The project on Railway.
    pub(crate) fn estate(self) -> Estate {
        let [staging, production] = match self {
            Self::InSync => {
                let environment = |name, key| {
                    let variables = [("API_KEY", key), ("MODE", "mark4711-mode")];
                    let service = |name| SimService::named(name).repository("crew/shop").variables(&variables);
                    Environment::named(name).service(service("api")).service(service("worker"))
                };
                [environment("staging", "mark4711-stored"), environment("production", "mark4711-live")]
            }
            Self::Drift | Self::DriftWithoutConfig | Self::FailingDeployments => [self.drifted(), production()],
        };
        // An environment of a pull request, and one that is neither protected nor temporary.
        let [copy, preview] = ["pr-7", "preview"].map(|name| Environment::named(name).service(copied_api()));
        let all = [staging, production, copy.ephemeral(), preview];
        let project = all.into_iter().fold(Project::named("shop"), Project::environment);
        with_production_token(Estate::of("crew").project(project).with_tokens())
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
                ("DATABASE_URL", "postgres://app:mark4711-live@db.example.com:5432/mark4711"),
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

/// Returns the environment that is compared with [`Scenario::drifted`]: for each finding about a pair of environments,
/// something that causes it.
fn production() -> Environment {
    let api = SimService::named("api")
        .repository("crew/shop")
        .variables(&[
            ("API_KEY", "mark4711-stored"),
            ("LINES", "mark4711-upper\n  mark4711-below\n"),
            ("ODD", r#"it"s <mark4711-foreign> & $1 / 100% ü 'x'"#),
            ("SITE_URL", "https://user:mark4711-live@example.com/?a=b"),
            ("REFERENCE", "mark4711-literal"),
            ("DANGLING", "${{missing.THING}}mark4711-hanging"),
            ("ONLY_LIVE", "mark4711-only-live"),
            ("LONG_SECRET", LONG),
            ("DATABASE_URL", "postgres://app:mark4711-live@db.example.com:5432/mark4711"),
        ])
        .sealed("SEALED_LIVE", "mark4711-sealed-live");
    let worker = SimService::named("worker")
        .repository("crew/shop")
        .start("serve --key mark4711-fourth --url https://u:mark4711-fourth@example.com")
        .root("services/mark4711")
        .variables(&[("OTHER", "mark4711-other"), ("API_KEY", "mark4711-fourth")]);
    let mailer = SimService::named("mailer").variables(&[("MAIL_KEY", "mark4711-mail")]);
    Environment::named("production")
        .shared(&[("SHARED", "mark4711-shared-live")])
        .service(api)
        .service(worker)
        .service(mailer)
}

/// Returns a service with values copied from [`production`].
fn copied_api() -> SimService {
    SimService::named("api").repository("crew/shop").variables(&[
        ("API_KEY", "mark4711-stored"),
        ("LONG_SECRET", LONG),
        ("DATABASE_URL", "postgres://app:mark4711-live@db.example.com:5432/mark4711"),
        ("ONLY_COPY", "mark4711-only-here"),
    ])
}
