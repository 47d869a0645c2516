//! Start commands, logs, responses and configuration files.

use jiff::ToSpan;
use serde_json::json;

use crate::drift::config_as_code::END;
use crate::drift::declared_state::{ExpectedLine, ExpectedResponse};
use crate::drift::model::deployment::{DeploymentSource, StartCommand};
use crate::drift::model::finding::Location;
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::{SettingValues, given};
use crate::drift::rules;
use crate::drift::runtime::{
    EdgeFeature, EndpointOutcome, JsonMismatch, LogCoverage, LogMatch, LogRead, ServiceSettings,
};
use crate::drift::test_support::{running, survey, target};
use crate::drift::{Secret, Survey};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    let rules = [
        start_command(),
        start_command_in_a_file(),
        log_line_missing(),
        endpoint_wrong(),
        edge_response(),
        unexpected_body(),
        config_file_retired(),
    ];
    rules.into_iter().flatten().collect()
}

fn location(line: usize) -> Location {
    Location { file: "doctor.toml".to_owned(), line }
}

/// Changes what the running deployment of `worker` was created from.
fn origin(found: &mut Survey, change: impl FnOnce(&mut DeploymentSource)) {
    if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
        change(&mut deployed.active[0].origin);
    }
}

fn settings(found: &mut Survey) -> &mut ServiceSettings {
    match &mut target(found, "worker").live.settings {
        Observed::Known(settings) => settings,
        _ => panic!("the settings are unknown"),
    }
}

/// Returns a running service with its command in the settings.
fn started(name: &'static str, parts: &[&str], set: Option<&str>, change: impl FnOnce(&mut Survey)) -> Circumstance {
    let mut found = survey(&[], &[("worker", &[])]);
    running(&mut found, "worker", "SUCCESS");
    origin(&mut found, |origin| origin.start = StartCommand::Set(Secret::new("celery worker")));
    let target = target(&mut found, "worker");
    target.declared.start_command = parts.iter().map(|&part| part.to_owned()).collect();
    let start_command = set.map(Secret::new);
    target.live.settings = Observed::Known(ServiceSettings { start_command, ..ServiceSettings::default() });
    change(&mut found);
    Circumstance::new(&rules::start_command::RULE, name, &found)
}

fn start_command() -> Vec<Circumstance> {
    let same = Some("celery worker");
    vec![
        started("set in the settings", &["-B"], same, |_| ()),
        started("several parts", &["-B", "--loglevel INFO"], same, |_| ()),
        started("no command is set", &["-B"], None, |found| {
            origin(found, |origin| origin.start = StartCommand::Unset);
        }),
        started("unknown settings", &["-B"], None, |found| {
            target(found, "worker").live.settings = Observed::Unavailable("permission denied".to_owned());
        }),
        started("corrected in the settings", &["-B"], Some("celery worker -B"), |_| ()),
        started("changed in the settings", &[], Some("celery beat"), |_| ()),
    ]
}

fn start_command_in_a_file() -> Vec<Circumstance> {
    let in_file = |name, file: &'static str, days: i64| {
        started(name, &["-B"], None, |found| {
            settings(found).config_file = Some(file.to_owned());
            found.today = END + days.days();
        })
    };
    let declared = |name, file: &str| {
        started(name, &["-B"], Some("celery worker"), |found| found.infrastructure = Some(file.to_owned()))
    };
    vec![
        in_file("set in railway.json", "railway.json", -1),
        in_file("set in railway.toml", "railway.toml", -1),
        started("set in an unknown file", &["-B"], None, |found| found.today = END - 1.day()),
        in_file("set in railway.json, which Railway no longer reads", "railway.json", 0),
        declared("declared in .railway/railway.ts", ".railway/railway.ts"),
        declared("declared in .railway/railway.py", ".railway/railway.py"),
        declared("declared in .railway/railway.go", ".railway/railway.go"),
    ]
}

fn log_line_missing() -> Vec<Circumstance> {
    let case = |name, read: Observed<LogRead>, cron: Option<&str>| {
        let mut found = survey(&[], &[("worker", &[])]);
        let target = target(&mut found, "worker");
        let contains = "boot_id stored".to_owned();
        target.declared.lines = vec![ExpectedLine { contains, within: None, place: Some(location(42)) }];
        target.live.lines = vec![read];
        let cron = cron.map(str::to_owned);
        target.live.settings = Observed::Known(ServiceSettings { cron, ..ServiceSettings::default() });
        Circumstance::new(&rules::log_line_missing::RULE, name, &found)
    };
    let read = |sought, reach, lines, replicas| {
        let span = ("2026-11-24T09:00:01.000Z".to_owned(), "2026-11-24T09:00:08.000Z".to_owned());
        Observed::Known(LogRead {
            outcome: sought,
            lines,
            span: Some(span).filter(|_| lines > 0),
            coverage: reach,
            replicas,
        })
    };
    let nowhere = |reach| read(LogMatch::Nowhere, reach, 12, Some(1));
    let late = LogMatch::Open("the deployment is 40 s old; the line may take up to 5 min".to_owned());
    vec![
        case("not in the whole log", nowhere(LogCoverage::Whole), None),
        case("one line", read(LogMatch::Nowhere, LogCoverage::Whole, 1, Some(1)), None),
        case("several replicas", read(LogMatch::Nowhere, LogCoverage::Whole, 12, Some(2)), None),
        case("empty log", read(LogMatch::Nowhere, LogCoverage::Whole, 0, None), None),
        case("not at the end of a long log", nowhere(LogCoverage::End), None),
        case("older than the retention", nowhere(LogCoverage::Kept), None),
        case("not yet", read(late, LogCoverage::Whole, 12, Some(1)), None),
        case("cron service", nowhere(LogCoverage::Whole), Some("0 * * * *")),
        case("log not available", Observed::Unavailable("permission denied".to_owned()), None),
    ]
}

const DOMAIN: &str = "api.up.railway.app";

fn response(name: &'static str, status: Option<u16>, stored: &str, outcome: EndpointOutcome) -> Circumstance {
    let mut found = survey(&["OPS_KEY=4f1c9a77"], &[("api", &[stored])]);
    let target = target(&mut found, "api");
    let (request, keys) = ("GET /ops".to_owned(), vec!["OPS_KEY".to_owned()]);
    target.declared.requests = vec![ExpectedResponse { request, status, keys, place: Some(location(7)) }];
    target.live.responses = vec![Observed::Known(outcome)];
    Circumstance::new(&rules::endpoint_wrong::RULE, name, &found)
}

fn responded(status: u16, faults: Vec<JsonMismatch>, may_be_edge: bool) -> EndpointOutcome {
    EndpointOutcome::Response { domain: DOMAIN.to_owned(), status, faults, body: None, may_be_edge }
}

fn endpoint_wrong() -> Vec<Circumstance> {
    let (same, old) = ("OPS_KEY=4f1c9a77", "OPS_KEY=b03e51d2");
    let none = EndpointOutcome::None { domain: DOMAIN.to_owned(), why: "no response within 10 s".to_owned() };
    let not_sent = EndpointOutcome::NotSent("it has no domain".to_owned());
    vec![
        response("another status", Some(200), same, responded(500, Vec::new(), false)),
        response("the service has another key", Some(200), old, responded(401, Vec::new(), false)),
        response("the edge may have responded", Some(200), same, responded(403, Vec::new(), true)),
        response("the edge may have responded, or another key", Some(200), old, responded(403, Vec::new(), true)),
        response("no response", Some(200), same, none),
        response("not sent", Some(200), same, not_sent),
    ]
}

fn edge_response() -> Vec<Circumstance> {
    let case = |name, status, feature| {
        let outcome = EndpointOutcome::Edge { domain: DOMAIN.to_owned(), status, feature };
        response(name, Some(200), "OPS_KEY=4f1c9a77", outcome)
    };
    vec![
        case("Under Attack Mode", 429, EdgeFeature::UnderAttackMode),
        case("browser check", 403, EdgeFeature::Challenge),
        case("sign-in", 401, EdgeFeature::SignIn),
        case("edge rule", 403, EdgeFeature::Rule),
        case("Cloudflare", 403, EdgeFeature::Cloudflare),
    ]
}

fn unexpected_body() -> Vec<Circumstance> {
    let case = |name, faults| response(name, Some(200), "OPS_KEY=4f1c9a77", responded(200, faults, false));
    let at = |pointer: &str| pointer.to_owned();
    vec![
        case("not JSON", vec![JsonMismatch::NotJson]),
        case("missing value", vec![JsonMismatch::Missing(at("/boot_info"))]),
        case(
            "unexpected and different values",
            vec![JsonMismatch::Present(at("/error")), JsonMismatch::Other(at("/version")), JsonMismatch::Other(at(""))],
        ),
    ]
}

fn config_file_retired() -> Vec<Circumstance> {
    let case = |name, file: Option<&str>, days: i64, change: fn(&mut Survey)| {
        let mut found = survey(&[], &[("worker", &[])]);
        running(&mut found, "worker", "SUCCESS");
        found.today = END + days.days();
        target(&mut found, "worker").live.settings = Observed::Known(ServiceSettings {
            configured: Some(SettingValues::default()),
            ..ServiceSettings::default()
        });
        set_by_file(&mut found, &json!({ "deploy": { "startCommand": "celery worker" } }));
        origin(&mut found, |origin| origin.config_file = file.map(str::to_owned));
        change(&mut found);
        Circumstance::new(&rules::config_file_retired::RULE, name, &found)
    };
    let file = Some("railway.json");
    let several = |found: &mut Survey| {
        set_by_file(found, &json!({ "deploy": { "cronSchedule": "0 * * * *", "healthcheckPath": "/up" } }));
    };
    vec![
        case("before the retirement", file, -1, |_| ()),
        case("before the retirement, several settings", file, -1, several),
        case("unknown file name", None, -1, |_| ()),
        case("not known to be read", file, -1, |found| origin(found, |origin| origin.given_by_file = None)),
        case("after the retirement", file, 1, |_| ()),
        case("after the retirement, other settings", file, 1, several),
        case("read after the retirement", file, 30, |found| {
            if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
                deployed.active[0].created_at = "2026-12-24T10:00:00.000Z".to_owned();
            }
        }),
    ]
}

fn set_by_file(found: &mut Survey, manifest: &serde_json::Value) {
    origin(found, |origin| {
        origin.settings = Some(SettingValues::of(manifest));
        origin.given_by_file = Some(given(Some(manifest), None));
    });
}
