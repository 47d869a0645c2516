//! D408 endpoint-wrong: an endpoint does not respond as declared.

use crate::drift::declared_state::ExpectedResponse;
use crate::drift::model::cause::PossibleCause;
use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{
    CheckOutcome, Declaration, RuleCheck, commit_behind, deployment_unhealthy, log_line_missing, never_deployed,
    services_disagree, stale_deployment, start_command, value_differs,
};
use crate::drift::runtime::{EndpointOutcome, JsonMismatch};
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D408",
    name: "endpoint-wrong",
    severity: Severity::Error,
    summary: "An endpoint did not respond as declared",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 8, name: "endpoint" }),
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    items: Some(outcomes),
    declaration: Some(Declaration { name: "[[expect.http]]", is_made: is_declared }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

A service can fail even if every value is stored and deployed. `doctor` sends the declared request and checks the
response.

## Example

    [[expect.http]]
    service = \"api\"
    request = \"GET /api/v1/ops/chaos/worker-status\"
    headers = { X-API-Key = \"$STAGING_OPS_API_KEY\" }
    status  = 200
    json    = { \"/boot_info\" = \"present\" }

    api      responded to GET /api/v1/ops/chaos/worker-status with 401 instead of 200

Requests are sent only to domains that Railway reports for the service. A response proves that something responds
there, but not which deployment. If the request could not be sent (no domain, a value missing from the file), the
finding is a warning. Without a file, a request with a `$KEY` is skipped.

## Fix

A response from Railway's edge instead of the service (Under Attack Mode, Railway Authentication, an edge rule) is a
warning: it shows nothing about the service or its key.

401 and 403 usually mean that the service has a different key than the file: push it, or redeploy. If another finding
explains the response, this one is listed below it.

## Suppress

Remove the `[[expect.http]]` entry, or:

    [severity]
    endpoint-wrong = \"off\"
";

/// Precedes any cause that blames a key.
const MAY_BE_EDGE: &str =
    "the body is not JSON, so Railway's edge may have responded (Railway Authentication or an edge rule)";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().flat_map(of_target).collect()
}

fn of_target(target: &Target) -> impl Iterator<Item = Finding> {
    let pairs = target.declared.requests.iter().zip(&target.live.responses);
    pairs.filter_map(move |(expected, observed)| finding(target, expected, observed))
}

fn finding(target: &Target, expected: &ExpectedResponse, observed: &Observed<EndpointOutcome>) -> Option<Finding> {
    Some(Finding {
        services: vec![target.service.clone()],
        places: expected.place.clone().into_iter().collect(),
        ..of_answer(&target.service.name, expected, observed)?
    })
}

fn of_answer(name: &str, expected: &ExpectedResponse, observed: &Observed<EndpointOutcome>) -> Option<Finding> {
    let request = &expected.request;
    Some(match observed {
        Observed::NotRequested | Observed::Known(EndpointOutcome::NoLocalValue(_)) => return None,
        Observed::Unavailable(why) | Observed::Known(EndpointOutcome::NotSent(why)) => Finding {
            severity: Severity::Warning,
            reason: Some(why.clone()),
            summary: Some(Summary::Open(format!("{request} was not sent"))),
            ..Finding::new(&RULE, format!("{request} was not sent to {name}"))
        },
        Observed::Known(EndpointOutcome::None { domain, why }) => Finding {
            reason: Some(why.clone()),
            summary: Some(Summary::Wrong(format!("{request}: no response"))),
            possible_causes: no_response_causes(),
            ..Finding::new(&RULE, format!("{name} did not respond to {request} on {domain}"))
        },
        Observed::Known(EndpointOutcome::Edge { domain, status, feature }) => Finding {
            severity: Severity::Warning,
            reason: Some(feature.reason().to_owned()),
            advice: Some(feature.advice().to_owned()),
            summary: Some(Summary::Open(format!("{request}: {} responded with {status}", feature.responder()))),
            ..Finding::new(
                &RULE,
                format!("{request} on {domain} did not reach {name}: {} responded with {status}", feature.responder()),
            )
        },
        Observed::Known(EndpointOutcome::Response { domain, status, faults, body, may_be_edge }) => {
            let difference = unexpected_status(expected, *status).or_else(|| unexpected_body(*status, faults))?;
            Finding {
                reason: may_be_edge.then(|| MAY_BE_EDGE.to_owned()),
                summary: Some(Summary::Wrong(format!("{request}: {difference}"))),
                excerpt: body.clone(),
                possible_causes: wrong_response_causes(expected, *status),
                ..Finding::new(&RULE, format!("{name} responded to {request} on {domain} with {difference}"))
            }
        }
    })
}

/// Returns text such as `401 instead of 200`.
fn unexpected_status(expected: &ExpectedResponse, status: u16) -> Option<String> {
    let wanted = expected.status.filter(|&wanted| wanted != status)?;
    Some(format!("{status} instead of {wanted}"))
}

/// Returns text such as `200, but without /boot_info`.
fn unexpected_body(status: u16, faults: &[JsonMismatch]) -> Option<String> {
    if faults.is_empty() {
        return None;
    }
    let list = |[one, many]: [&str; 2], pick: fn(&JsonMismatch) -> Option<&str>| {
        let found: Vec<&str> = faults.iter().filter_map(pick).map(shown).collect();
        let phrase = if found.len() == 1 { one } else { many };
        (!found.is_empty()).then(|| format!("{phrase} {}", phrases::names(&found)))
    };
    let parts: Vec<String> = [
        faults.contains(&JsonMismatch::NotJson).then(|| "not JSON".to_owned()),
        list(["without"; 2], |fault| if let JsonMismatch::Missing(at) = fault { Some(at) } else { None }),
        list(["with an unexpected", "with unexpected"], |fault| {
            if let JsonMismatch::Present(at) = fault { Some(at) } else { None }
        }),
        list(["with a different value at", "with different values at"], |fault| {
            if let JsonMismatch::Other(at) = fault { Some(at) } else { None }
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Some(format!("{status}, but {}", phrases::names(&parts)))
}

/// The empty JSON pointer refers to the whole body.
fn shown(pointer: &str) -> &str {
    if pointer.is_empty() { "the root" } else { pointer }
}

/// Returns possible causes of a missing response.
fn no_response_causes() -> Vec<PossibleCause> {
    vec![
        PossibleCause::own(&never_deployed::RULE),
        PossibleCause::own(&deployment_unhealthy::RULE).uncertain(),
        PossibleCause::own(&start_command::RULE).uncertain(),
        PossibleCause::own(&stale_deployment::RULE).uncertain(),
    ]
}

/// Returns possible causes of a wrong response. After a 401 or 403, most likely the service does not have a key that
/// was sent. If only the body is wrong, another service may not have provided its part.
fn wrong_response_causes(expected: &ExpectedResponse, status: u16) -> Vec<PossibleCause> {
    let mut suspects = Vec::new();
    let is_refusal = matches!(status, 401 | 403);
    if is_refusal {
        suspects.extend(expected.keys.iter().map(|key| PossibleCause::own(&value_differs::RULE).about(key)));
        suspects.extend(expected.keys.iter().map(|key| PossibleCause::own(&services_disagree::RULE).about(key)));
        suspects.extend(expected.keys.iter().map(|key| PossibleCause::own(&stale_deployment::RULE).about(key)));
    }
    suspects.push(PossibleCause::own(&never_deployed::RULE));
    suspects.push(PossibleCause::own(&start_command::RULE));
    suspects.push(PossibleCause::own(&deployment_unhealthy::RULE).uncertain());
    suspects.push(PossibleCause::own(&commit_behind::RULE).uncertain());
    suspects.push(PossibleCause::own(&stale_deployment::RULE).uncertain());
    if expected.status.is_none_or(|wanted| wanted == status) {
        suspects.push(PossibleCause::of_another(&start_command::RULE));
        suspects.push(PossibleCause::of_another(&log_line_missing::RULE));
    }
    suspects
}

/// Returns the outcome of each declared request.
fn outcomes(target: &Target) -> Vec<CheckOutcome> {
    let requests = target.declared.requests.iter().enumerate();
    requests.map(|(index, expected)| outcome(target, expected, target.live.responses.get(index))).collect()
}

fn outcome(target: &Target, expected: &ExpectedResponse, observed: Option<&Observed<EndpointOutcome>>) -> CheckOutcome {
    let request = &expected.request;
    match observed {
        Some(observed) if of_answer(&target.service.name, expected, observed).is_some() => CheckOutcome::NotChecked,
        Some(Observed::Known(EndpointOutcome::NoLocalValue(key))) => {
            CheckOutcome::open(format!("{request} was not sent: there is no local file to take {key} from"))
        }
        Some(Observed::Known(EndpointOutcome::Response { status, .. })) => {
            CheckOutcome::good(format!("{request}: {status}"))
        }
        _ => {
            let why = target.live.deployed.unavailable().unwrap_or("not checked");
            CheckOutcome::open(format!("{request}: {why}"))
        }
    }
}

fn is_declared(survey: &Survey) -> bool {
    survey.targets.iter().any(|target| !target.declared.requests.is_empty())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::declared_state::ExpectedResponse;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::finding::{Location, Summary};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::endpoint_wrong::{MAY_BE_EDGE, RULE};
    use crate::drift::runtime::{EdgeFeature, EndpointOutcome, JsonMismatch};
    use crate::drift::test_support::{healthy, lines, survey, target};

    fn came(status: u16, faults: &[JsonMismatch]) -> Observed<EndpointOutcome> {
        Observed::Known(EndpointOutcome::Response {
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
        target.declared.requests = vec![ExpectedResponse { request: "GET /ops".to_owned(), status, keys, place }];
        target.live.responses = vec![answer];
        found
    }

    #[test]
    fn reports_each_unexpected_response() {
        let at = |fault: fn(String) -> JsonMismatch, pointer: &str| fault(pointer.to_owned());
        let why = "it has no domain".to_owned();
        let no_response = || EndpointOutcome::None {
            domain: "api.up.railway.app".to_owned(),
            why: "no response within 10 s".to_owned(),
        };
        let with = "error: api responded to GET /ops on api.up.railway.app with";
        for (answer, status, expected) in [
            (Observed::NotRequested, Some(200), String::new()),
            (came(200, &[]), Some(200), String::new()),
            (came(204, &[]), None, String::new()),
            (came(401, &[]), Some(200), format!("{with} 401 instead of 200")),
            (came(302, &[]), Some(200), format!("{with} 302 instead of 200")),
            (came(200, &[]), Some(401), format!("{with} 200 instead of 401")),
            (
                came(200, &[at(JsonMismatch::Missing, "/boot_info")]),
                Some(200),
                format!("{with} 200, but without /boot_info"),
            ),
            (
                came(
                    200,
                    &[at(JsonMismatch::Present, "/error"), at(JsonMismatch::Other, "/a"), at(JsonMismatch::Other, "")],
                ),
                None,
                format!("{with} 200, but with an unexpected /error and with different values at /a and the root"),
            ),
            (came(200, &[JsonMismatch::NotJson]), Some(200), format!("{with} 200, but not JSON")),
            (came(500, &[JsonMismatch::NotJson]), Some(200), format!("{with} 500 instead of 200")),
            (
                Observed::Known(no_response()),
                Some(200),
                "error: api did not respond to GET /ops on api.up.railway.app".to_owned(),
            ),
            (
                Observed::Known(EndpointOutcome::NotSent(why.clone())),
                Some(200),
                "warning: GET /ops was not sent to api".to_owned(),
            ),
            (
                edge(429, EdgeFeature::UnderAttackMode),
                Some(200),
                "warning: GET /ops on api.up.railway.app did not reach api: Railway's edge responded with 429"
                    .to_owned(),
            ),
            (
                edge(403, EdgeFeature::Cloudflare),
                Some(200),
                "warning: GET /ops on api.up.railway.app did not reach api: Cloudflare responded with 403".to_owned(),
            ),
            (Observed::Unavailable(why), Some(200), "warning: GET /ops was not sent to api".to_owned()),
        ] {
            let found = survey_of(answer, status);
            let actual = lines(&RULE, &found).concat().replace(" - [api] doctor.toml:7:", ":");
            assert_eq!(actual, expected);
        }
    }

    #[test]
    fn unexpected_response_has_a_summary() {
        let summary = check(&survey_of(came(500, &[]), Some(200))).remove(0).summary;
        assert_eq!(summary, Some(Summary::Wrong("GET /ops: 500 instead of 200".to_owned())));
    }

    #[test]
    fn rejected_request_is_caused_by_the_differing_key() {
        for (stored, status, follows) in [
            ("OPS_KEY=old", 401, Some("value-differs for OPS_KEY")),
            ("OPS_KEY=old", 403, Some("value-differs for OPS_KEY")),
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
    fn edge_response_never_blames_a_key() {
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
        let Observed::Known(EndpointOutcome::Response { domain, status, faults, body, .. }) = came(403, &[]) else {
            panic!()
        };
        let ambiguous = Observed::Known(EndpointOutcome::Response { domain, status, faults, body, may_be_edge: true });
        let finding = &check(&survey_of(ambiguous, Some(200)))[0];
        assert_eq!((finding.severity.name(), finding.reason.as_deref()), ("error", Some(MAY_BE_EDGE)));
    }

    #[test]
    fn request_without_a_response_has_a_summary_and_possible_causes() {
        let not_sent = EndpointOutcome::NotSent("it has no domain".to_owned());
        let no_response = EndpointOutcome::None {
            domain: "api.up.railway.app".to_owned(),
            why: "no response within 10 s".to_owned(),
        };
        let causes = ["never-deployed", "deployment-unhealthy", "start-command", "stale-deployment"];
        for (outcome, summary, reason, causes) in [
            (not_sent, Summary::Open("GET /ops was not sent".to_owned()), "it has no domain", &[][..]),
            (no_response, Summary::Wrong("GET /ops: no response".to_owned()), "no response within 10 s", &causes),
        ] {
            let finding = check(&survey_of(Observed::Known(outcome), Some(200))).remove(0);
            assert_eq!((finding.summary, finding.reason.as_deref()), (Some(summary), Some(reason)));
            let possible: Vec<_> = finding.possible_causes.iter().map(|cause| cause.rule.name).collect();
            assert_eq!(possible, causes);
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
