//! Checks the expectations about running services: log lines and HTTP responses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::commands::declarations::Declarations;
use crate::commands::trust::TrustState;
use crate::drift::engine::loader_conflicts;
use crate::drift::model::deployment::Deployment;
use crate::drift::model::observed::Observed;
use crate::drift::plan::bulk_selection::Consent;
use crate::drift::runtime::{EndpointOutcome, LogRead};
use crate::drift::{Secret, Survey, Target};
use crate::io::config::{HeaderPart, HttpSection, JsonPresence};
use crate::io::endpoint::{
    self, Address, BodyMode, Domain, EdgeState, EndpointClient, EndpointRequest, PATIENCE, Suspicion,
};
use crate::io::railway::client::Client;
use crate::io::railway::deployment_log::{SearchMode, WantedLine};

/// Everything that a check of expectations needs.
#[derive(Clone, Copy)]
pub(crate) struct ExpectationChecker<'e> {
    /// The client for Railway.
    pub(crate) client: &'e Client<'e>,
    /// The client for the services.
    pub(crate) probe: &'e dyn EndpointClient,
    pub(crate) expectations: &'e Expectations,
}

/// The expectations in `doctor.toml`, and what is known about the services.
#[derive(Debug)]
pub(crate) struct Expectations {
    pub(crate) declarations: Declarations,
    /// The domains that Railway reports, by service id.
    pub(crate) domains: BTreeMap<String, Observed<Vec<Domain>>>,
    /// Whether local values may be sent.
    pub(crate) trust: TrustState,
    /// What is in front of the services, by service id, for services that were queried.
    pub(crate) fronts: RefCell<BTreeMap<String, EdgeState>>,
}

/// The service that receives a request, and the source of its local values.
#[derive(Clone, Copy)]
struct SentSubject<'s> {
    survey: &'s Survey,
    target: &'s Target,
}

/// Checks the expected log lines and responses of the services that run. Sends one or two requests for each log, one
/// for each endpoint, and none without expectations.
pub(crate) fn check_expectations(checker: ExpectationChecker<'_>, survey: &mut Survey) {
    for index in 0..survey.targets.len() {
        let target = &survey.targets[index];
        if target.declared.lines.is_empty() && target.declared.requests.is_empty() {
            continue;
        }
        let Some(running) = target.live.deployed.known().and_then(|deployed| deployed.running()).cloned() else {
            continue;
        };
        let lines = checker.lines(target, &running, SearchMode::AtOnce);
        let answers = checker.answers(survey, target);
        let live = &mut survey.targets[index].live;
        live.lines = lines;
        live.responses = answers;
    }
    checker.client.status.done();
}

impl ExpectationChecker<'_> {
    /// Searches the log of that deployment for each expected line.
    pub(crate) fn lines(&self, target: &Target, running: &Deployment, manner: SearchMode) -> Vec<Observed<LogRead>> {
        let lines = &target.declared.lines;
        let wanted: Vec<WantedLine<'_>> =
            lines.iter().map(|line| WantedLine { contains: &line.contains, within: line.within }).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        self.client.status.waiting(&format!("reading the log of {}", target.service.name));
        self.client.find_lines(running, &wanted, manner)
    }

    /// Sends each declared request.
    pub(crate) fn answers(&self, survey: &Survey, target: &Target) -> Vec<Observed<EndpointOutcome>> {
        let sections = self.expectations.declarations.requests(&target.service.id).iter();
        sections.map(|section| Observed::Known(self.answer(section, survey, target))).collect()
    }

    /// Sends one declared request.
    pub(crate) fn answer(&self, section: &HttpSection, survey: &Survey, target: &Target) -> EndpointOutcome {
        if let Some(key) = section.headers.values().flatten().find_map(local_key).filter(|_| !target.has_file()) {
            return EndpointOutcome::NoLocalValue(key.to_owned());
        }
        let address = match self.expectations.domains.get(&target.service.id) {
            Some(Observed::Unavailable(why)) => {
                Err(format!("its domains are unknown: {}", self.client.redactor.redact(why)))
            }
            Some(Observed::Known(domains)) => endpoint::choose(domains, self.client.allowed_hosts),
            Some(Observed::NotRequested) | None => endpoint::choose(&[], self.client.allowed_hosts),
        };
        let subject = SentSubject { survey, target };
        let outcome = address
            .and_then(|address| Ok((headers(section, &self.expectations.trust, subject)?, address)))
            .and_then(|(headers, address)| self.send(section, &address, &headers, subject));
        outcome.unwrap_or_else(EndpointOutcome::NotSent)
    }

    fn send(
        &self,
        section: &HttpSection,
        address: &Address,
        headers: &[(String, Secret)],
        subject: SentSubject<'_>,
    ) -> Result<EndpointOutcome, String> {
        if !matches!(section.method.as_str(), "GET" | "HEAD") && section.allow_effects != Some(true) {
            return Err(format!("{} may have side effects", section.method));
        }
        let time_limit = PATIENCE.min(self.client.remaining());
        if time_limit.is_zero() {
            return Err("the time limit was reached".to_owned());
        }
        let json: Vec<(&str, &JsonPresence)> = section.json.iter().map(|(at, wanted)| (at.as_str(), wanted)).collect();
        let reading = if json.is_empty() { BodyMode::Status } else { BodyMode::Body };
        self.client.status.waiting(&format!("requesting {}", address.host()));
        let (method, path, status) = (&section.method, &section.path, section.status);
        let request = EndpointRequest { address, method, path, headers, status, reading, attempt_timeout: time_limit };
        let response = self.probe.send(&request);
        let suspicion = response.as_ref().map_or(Suspicion::None, endpoint::suspicion);
        let answer = endpoint::evaluate(response, &request, &json, self.client.redactor);
        if endpoint::is_as_declared(&answer, &request) {
            Ok(answer)
        } else {
            Ok(self.attribute_to_edge(answer, suspicion, subject))
        }
    }

    /// Attributes the response to Railway's edge if there is evidence. May send one request to find it.
    fn attribute_to_edge(
        &self,
        answer: EndpointOutcome,
        suspicion: Suspicion,
        SentSubject { survey, target }: SentSubject<'_>,
    ) -> EndpointOutcome {
        let EndpointOutcome::Response { domain, status, faults, body, .. } = answer else { return answer };
        let feature = if suspicion.is_open() {
            let (environment, service) = (&survey.environment.id, &target.service.id);
            let mut fronts = self.expectations.fronts.borrow_mut();
            let front = fronts.entry(service.clone()).or_insert_with(|| self.client.front(environment, service));
            suspicion.feature(front)
        } else {
            suspicion.feature(&EdgeState::Unknown)
        };
        match feature {
            Some(feature) => EndpointOutcome::Edge { domain, status, feature },
            None => {
                EndpointOutcome::Response { domain, status, faults, body, may_be_edge: suspicion.is_doubtful(status) }
            }
        }
    }
}

/// Returns the key whose local value is a part of a header.
fn local_key(part: &HeaderPart) -> Option<&str> {
    match part {
        HeaderPart::Key(key) => Some(key),
        HeaderPart::Text(_) => None,
    }
}

/// Returns the headers of a request with local values filled in, or why the request is not sent.
fn headers(
    section: &HttpSection,
    trust: &TrustState,
    subject: SentSubject<'_>,
) -> Result<Vec<(String, Secret)>, String> {
    let header = |parts: &[HeaderPart]| {
        let mut text = Zeroizing::new(String::new());
        for part in parts {
            match part {
                HeaderPart::Text(own) => text.push_str(own.expose()),
                HeaderPart::Key(key) => text.push_str(value(key, trust, subject)?.expose()),
            }
        }
        Ok::<_, String>(Secret::new(text.as_str()))
    };
    section.headers.iter().map(|(name, parts)| Ok((name.clone(), header(parts)?))).collect()
}

/// Returns the local value of a key if it may be sent to the service: the service has that key itself, and project,
/// environment and file are trusted.
fn value<'s>(key: &str, trust: &TrustState, subject: SentSubject<'s>) -> Result<&'s Secret, String> {
    let SentSubject { survey, target } = subject;
    let Some(local) = survey.local(target, key) else {
        return Err(format!("none of its files has {key}"));
    };
    if target.variable(key).is_none() {
        return Err(format!("it has no variable {key}, so the local value is not sent"));
    }
    // A check sends values without a prompt.
    if let Some(objection) = trust.objection(Consent::Flag, &BTreeSet::from([local.file.name.as_str()])) {
        return Err(format!("{key} is not sent: {}", objection.summary()));
    }
    if loader_conflicts::open(survey).contains_key(&(local.file.name.as_str(), local.entry.line)) {
        return Err(format!("loaders disagree on the value of {key}, so it is not sent"));
    }
    Ok(&local.entry.value)
}

#[cfg(test)]
mod tests {
    use crate::commands::expectations::{SentSubject, headers};
    use crate::commands::trust::TrustState;
    use crate::drift::test_support::{layer, out_of_scope, survey, target};
    use crate::io::config::{At, HeaderPart, HttpSection};

    fn section(key: &str) -> HttpSection {
        HttpSection {
            service: At { value: "api".to_owned(), line: 1, column: 1 },
            method: "GET".to_owned(),
            path: "/".to_owned(),
            allow_effects: None,
            headers: [("x-api-key".to_owned(), vec![HeaderPart::Key(key.to_owned())])].into(),
            status: Some(200),
            json: [].into(),
        }
    }

    #[test]
    fn header_values_require_key_on_service_and_trusted_project() {
        let mut found = survey(&["OPS_KEY=k", "DATABASE_URL=d"], &[("api", &["OPS_KEY=old", "ONLY_THERE=x"])]);
        layer(&mut found, "worker.env", &["WORKER_KEY=w"], &["worker"]);
        out_of_scope(&mut found, "worker", &["WORKER_KEY"]);
        target(&mut found, "api");
        let known = TrustState::default();
        let (file, refused) = TrustState::unaccepted();
        let mut accepted = refused.clone();
        accepted.accept();
        let of_file = refused.clone().known().with_names([file.to_owned()].into(), Vec::new());
        for (key, trust, expected) in [
            ("OPS_KEY", &known, Ok("k")),
            (
                "OPS_KEY",
                &refused,
                Err("OPS_KEY is not sent: run `doctor trust`, or use: `--project=shop --environment=staging` (only \
                     doctor.toml names the project shop and the environment staging, and you have not accepted it)"),
            ),
            (
                "OPS_KEY",
                &of_file,
                Err("OPS_KEY is not sent: run `doctor trust`, or use: `--env-file=.env` (only doctor.toml names the \
                     file .env, and you have not accepted it)"),
            ),
            ("OPS_KEY", &accepted, Ok("k")),
            ("DATABASE_URL", &known, Err("it has no variable DATABASE_URL, so the local value is not sent")),
            ("WORKER_KEY", &known, Err("none of its files has WORKER_KEY")),
            ("ONLY_THERE", &known, Err("none of its files has ONLY_THERE")),
            ("PATH", &known, Err("none of its files has PATH")),
        ] {
            let sent = headers(&section(key), trust, SentSubject { survey: &found, target: &found.targets[0] });
            let sent = sent.as_ref().map(|headers| headers[0].1.expose()).map_err(String::as_str);
            assert_eq!(sent, expected, "{key}");
        }
    }
}
