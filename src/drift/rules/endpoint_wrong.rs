//! D408 endpoint-wrong: a declared request is not answered as declared.

use crate::drift::declared_state::ExpectedAnswer;
use crate::drift::model::cause::PossibleCause;
use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{
    CheckOutcome, Declaration, RuleCheck, commit_behind, deployment_unhealthy, log_line_missing, never_deployed,
    stale_deployment, start_command, value_differs,
};
use crate::drift::runtime::{EndpointOutcome, JsonFault};
use crate::drift::{Survey, Target, phrases};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D408",
    name: "endpoint-wrong",
    severity: Severity::Error,
    summary: "A declared request was not answered as declared",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 8, name: "endpoint" }),
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck {
    passed,
    declaration: Some(Declaration { name: "[[expect.http]]", is_made: is_declared }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

Everything can be stored and deployed, and the service can still refuse the one request that matters. This asks it.

## Example

    [[expect.http]]
    service = \"api\"
    request = \"GET /api/v1/ops/chaos/worker-status\"
    headers = { X-API-Key = \"$STAGING_OPS_API_KEY\" }
    status  = 200
    json    = { \"/boot_info\" = \"present\" }

    api      answered GET /api/v1/ops/chaos/worker-status with 401 instead of 200

Only a domain that Railway reports for the service is asked. An answer proves that something answers there, not which
deployment. Where the request could not be made at all (no domain, a value that the file lacks), that is a warning.

## How to mend it

What Railway's edge answers in the place of the service (Under Attack Mode, Railway Authentication, an edge rule) is a
warning: it shows nothing of the service or its key.

401 and 403 mean most often that the service has another key than the file: push it, or redeploy. Where another finding
explains the answer, it stands above this one.

## How to silence it

Remove the `[[expect.http]]`, or:

    [severity]
    endpoint-wrong = \"off\"
";

/// Said before anything is said about a key.
const MAY_BE_EDGE: &str =
    "it is not JSON, so that Railway's edge may have answered (Railway Authentication, an edge rule)";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().flat_map(of_target).collect()
}

fn of_target(target: &Target) -> impl Iterator<Item = Finding> {
    let pairs = target.declared.requests.iter().zip(&target.live.answers);
    pairs.filter_map(move |(expected, learned)| finding(target, expected, learned))
}

fn finding(target: &Target, expected: &ExpectedAnswer, learned: &Observed<EndpointOutcome>) -> Option<Finding> {
    Some(Finding {
        services: vec![target.service.clone()],
        places: expected.place.clone().into_iter().collect(),
        ..of_answer(&target.service.name, expected, learned)?
    })
}

fn of_answer(name: &str, expected: &ExpectedAnswer, learned: &Observed<EndpointOutcome>) -> Option<Finding> {
    let request = &expected.request;
    Some(match learned {
        Observed::NotRequested => return None,
        Observed::Unavailable(why) | Observed::Known(EndpointOutcome::NotAsked(why)) => Finding {
            severity: Severity::Warning,
            reason: Some(why.clone()),
            gist: Some(Summary::Open(format!("{request} was not asked: {why}"))),
            ..Finding::new(&RULE, format!("{name} was not asked for {request}"))
        },
        Observed::Known(EndpointOutcome::None { domain, why }) => Finding {
            reason: Some(why.clone()),
            gist: Some(Summary::Wrong(format!("{request} was not answered"))),
            suspects: silent(),
            ..Finding::new(&RULE, format!("{name} did not answer {request} on {domain}"))
        },
        Observed::Known(EndpointOutcome::Edge { domain, status, feature }) => Finding {
            severity: Severity::Warning,
            reason: Some(feature.reason().to_owned()),
            advice: Some(feature.advice().to_owned()),
            gist: Some(Summary::Open(format!("{request}: {} answered {status} in its place", feature.responder()))),
            ..Finding::new(
                &RULE,
                format!("{request} on {domain} did not reach {name}: {} answered {status}", feature.responder()),
            )
        },
        Observed::Known(EndpointOutcome::Came { domain, status, faults, body, may_be_edge }) => {
            let words = refusal(expected, *status).or_else(|| wrong_body(*status, faults))?;
            Finding {
                reason: may_be_edge.then(|| MAY_BE_EDGE.to_owned()),
                gist: Some(Summary::Wrong(format!("{request}: {words}"))),
                excerpt: body.clone(),
                suspects: answered(expected, *status),
                ..Finding::new(&RULE, format!("{name} answered {request} on {domain} with {words}"))
            }
        }
    })
}

/// `401 instead of 200`.
fn refusal(expected: &ExpectedAnswer, status: u16) -> Option<String> {
    let wanted = expected.status.filter(|&wanted| wanted != status)?;
    Some(format!("{status} instead of {wanted}"))
}

/// `200, but without /boot_info`.
fn wrong_body(status: u16, faults: &[JsonFault]) -> Option<String> {
    if faults.is_empty() {
        return None;
    }
    let list = |pick: fn(&JsonFault) -> Option<&str>| {
        let found: Vec<&str> = faults.iter().filter_map(pick).map(shown).collect();
        (!found.is_empty()).then(|| phrases::names(&found))
    };
    let missing = list(|fault| if let JsonFault::Missing(at) = fault { Some(at) } else { None });
    let present = list(|fault| if let JsonFault::Present(at) = fault { Some(at) } else { None });
    let other = list(|fault| if let JsonFault::Other(at) = fault { Some(at) } else { None });
    let parts: Vec<String> = [
        faults.contains(&JsonFault::NotJson).then(|| "not with JSON".to_owned()),
        missing.map(|names| format!("without {names}")),
        present.map(|names| format!("with {names}")),
        other.map(|names| format!("with something else at {names}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some(format!("{status}, but {}", parts.join(", ")))
}

/// The empty pointer is the whole answer.
fn shown(pointer: &str) -> &str {
    if pointer.is_empty() { "the whole answer" } else { pointer }
}

/// What makes a service not answer.
fn silent() -> Vec<PossibleCause> {
    vec![
        PossibleCause::own(&never_deployed::RULE),
        PossibleCause::own(&deployment_unhealthy::RULE).perhaps(),
        PossibleCause::own(&start_command::RULE).perhaps(),
        PossibleCause::own(&stale_deployment::RULE).perhaps(),
    ]
}

/// What makes a service answer wrongly. A key that it was sent and does not have is the likeliest where it refuses; what
/// its answer lacks may be another service's to provide.
fn answered(expected: &ExpectedAnswer, status: u16) -> Vec<PossibleCause> {
    let mut suspects = Vec::new();
    let is_refusal = matches!(status, 401 | 403);
    if is_refusal {
        suspects.extend(expected.keys.iter().map(|key| PossibleCause::own(&value_differs::RULE).about(key)));
        suspects.extend(expected.keys.iter().map(|key| PossibleCause::own(&stale_deployment::RULE).about(key)));
    }
    suspects.push(PossibleCause::own(&never_deployed::RULE));
    suspects.push(PossibleCause::own(&start_command::RULE));
    suspects.push(PossibleCause::own(&deployment_unhealthy::RULE).perhaps());
    suspects.push(PossibleCause::own(&commit_behind::RULE).perhaps());
    suspects.push(PossibleCause::own(&stale_deployment::RULE).perhaps());
    if expected.status.is_none_or(|wanted| wanted == status) {
        suspects.push(PossibleCause::of_another(&start_command::RULE));
        suspects.push(PossibleCause::of_another(&log_line_missing::RULE));
    }
    suspects
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    let wanted = target.declared.requests.len();
    let came = target.live.answers.iter().filter_map(|answer| match answer.known()? {
        EndpointOutcome::Came { status, .. } => Some(*status),
        EndpointOutcome::None { .. } | EndpointOutcome::NotAsked(_) | EndpointOutcome::Edge { .. } => None,
    });
    match came.collect::<Vec<_>>().as_slice() {
        _ if wanted == 0 => CheckOutcome::NotMade,
        [status] if wanted == 1 => CheckOutcome::good(format!("{}: {status}", target.declared.requests[0].request)),
        statuses if statuses.len() == wanted => {
            CheckOutcome::good(format!("{wanted} requests were answered as declared"))
        }
        _ => CheckOutcome::open(target.live.deployed.unavailable().unwrap_or("not looked at")),
    }
}

fn is_declared(survey: &Survey) -> bool {
    survey.targets.iter().any(|target| !target.declared.requests.is_empty())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::declared_state::ExpectedAnswer;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::finding::Location;
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::endpoint_wrong::RULE;
    use crate::drift::runtime::{EdgeFeature, EndpointOutcome, JsonFault};
    use crate::drift::test_support::{healthy, lines, survey, target};

    fn came(status: u16, faults: &[JsonFault]) -> Observed<EndpointOutcome> {
        Observed::Known(EndpointOutcome::Came {
            domain: "api.up.railway.app".to_owned(),
            status,
            faults: faults.to_vec(),
            body: None,
            may_be_edge: false,
        })
    }

    fn edge(status: u16, feature: EdgeFeature) -> Observed<EndpointOutcome> {
        Observed::Known(EndpointOutcome::Edge { domain: "api.up.railway.app".to_owned(), status, feature })
    }

    fn survey_of(answer: Observed<EndpointOutcome>, status: Option<u16>) -> Survey {
        let mut found = survey(&["OPS_KEY=new"], &[("api", &["OPS_KEY=new"])]);
        let target = target(&mut found, "api");
        let place = Some(Location { file: "doctor.toml".to_owned(), line: 7 });
        let keys = vec!["OPS_KEY".to_owned()];
        target.declared.requests = vec![ExpectedAnswer { request: "GET /ops".to_owned(), status, keys, place }];
        target.live.answers = vec![answer];
        found
    }

    #[test]
    fn reports_each_unexpected_response() {
        let at = |fault: fn(String) -> JsonFault, pointer: &str| fault(pointer.to_owned());
        let why = "it has no domain".to_owned();
        let silent =
            || EndpointOutcome::None { domain: "api.up.railway.app".to_owned(), why: "no answer in 10 s".to_owned() };
        let with = "error: api answered GET /ops on api.up.railway.app with";
        for (answer, status, expected) in [
            (Observed::NotRequested, Some(200), String::new()),
            (came(200, &[]), Some(200), String::new()),
            (came(204, &[]), None, String::new()),
            (came(401, &[]), Some(200), format!("{with} 401 instead of 200")),
            (came(302, &[]), Some(200), format!("{with} 302 instead of 200")),
            (came(200, &[]), Some(401), format!("{with} 200 instead of 401")),
            (
                came(200, &[at(JsonFault::Missing, "/boot_info")]),
                Some(200),
                format!("{with} 200, but without /boot_info"),
            ),
            (
                came(200, &[at(JsonFault::Present, "/error"), at(JsonFault::Other, "/a"), at(JsonFault::Other, "")]),
                None,
                format!("{with} 200, but with /error, with something else at /a and the whole answer"),
            ),
            (came(200, &[JsonFault::NotJson]), Some(200), format!("{with} 200, but not with JSON")),
            (came(500, &[JsonFault::NotJson]), Some(200), format!("{with} 500 instead of 200")),
            (
                Observed::Known(silent()),
                Some(200),
                "error: api did not answer GET /ops on api.up.railway.app".to_owned(),
            ),
            (
                Observed::Known(EndpointOutcome::NotAsked(why.clone())),
                Some(200),
                "warning: api was not asked for GET /ops".to_owned(),
            ),
            (
                edge(429, EdgeFeature::UnderAttackMode),
                Some(200),
                "warning: GET /ops on api.up.railway.app did not reach api: Railway's edge answered 429".to_owned(),
            ),
            (
                edge(403, EdgeFeature::Cloudflare),
                Some(200),
                "warning: GET /ops on api.up.railway.app did not reach api: Cloudflare answered 403".to_owned(),
            ),
            (Observed::Unavailable(why), Some(200), "warning: api was not asked for GET /ops".to_owned()),
        ] {
            let found = survey_of(answer, status);
            let told = lines(&RULE, &found).concat().replace(" - [api] doctor.toml:7:", ":");
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn refused_request_is_caused_by_the_differing_key() {
        for (stored, status, follows) in [
            ("OPS_KEY=old", 401, Some("it follows from value-differs of OPS_KEY")),
            ("OPS_KEY=old", 403, Some("it follows from value-differs of OPS_KEY")),
            ("OPS_KEY=old", 404, None),
            ("OPS_KEY=new", 401, None),
        ] {
            let mut found = survey_of(came(status, &[]), Some(200));
            let stored = survey(&[], &[("api", &[stored])]).targets.remove(0).stored;
            target(&mut found, "api").stored = stored;
            let findings = examine(&found).findings;
            let wrong = findings.iter().find(|finding| finding.rule.code == RULE.code).unwrap();
            assert_eq!(wrong.reason.as_deref(), follows, "{status}");
        }
    }

    #[test]
    fn edge_response_is_not_caused_by_a_key() {
        for feature in [EdgeFeature::SignIn, EdgeFeature::Rule, EdgeFeature::Challenge] {
            let mut found = survey_of(edge(401, feature), Some(200));
            target(&mut found, "api").stored = survey(&[], &[("api", &["OPS_KEY=old"])]).targets.remove(0).stored;
            let findings = examine(&found).findings;
            let wrong = findings.iter().find(|finding| finding.rule.code == RULE.code).unwrap();
            assert_eq!(wrong.reason.as_deref(), Some(feature.reason()));
            assert_eq!(wrong.advice.as_deref(), Some(feature.advice()));
        }
    }

    #[test]
    fn possible_edge_response_is_noted_in_the_reason() {
        let Observed::Known(EndpointOutcome::Came { domain, status, faults, body, .. }) = came(403, &[]) else {
            panic!()
        };
        let doubtful = Observed::Known(EndpointOutcome::Came { domain, status, faults, body, may_be_edge: true });
        let finding = &check(&survey_of(doubtful, Some(200)))[0];
        assert_eq!(
            (finding.severity.name(), finding.reason.as_deref()),
            ("error", Some(crate::drift::rules::endpoint_wrong::MAY_BE_EDGE))
        );
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
