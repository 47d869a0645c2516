//! Checks what is declared of running services: lines of the log, and answers of endpoints.

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
    self, Address, BodyMode, Domain, EndpointClient, EndpointRequest, Front, PATIENCE, Suspicion,
};
use crate::io::railway::client::Client;
use crate::io::railway::deployment_log::{SearchMode, WantedLine};

/// What it takes to look.
#[derive(Clone, Copy)]
pub(crate) struct ExpectationChecker<'e> {
    /// The way to Railway.
    pub(crate) client: &'e Client<'e>,
    /// The way to services.
    pub(crate) probe: &'e dyn EndpointClient,
    /// What there is to look at.
    pub(crate) sights: &'e Expectations,
}

/// What there is to look at.
#[derive(Debug)]
pub(crate) struct Expectations {
    /// What is declared.
    pub(crate) declarations: Declarations,
    /// The domains that Railway reports, by the id of the service.
    pub(crate) domains: BTreeMap<String, Observed<Vec<Domain>>>,
    /// Whether local values may be sent.
    pub(crate) trust: TrustState,
    /// What stands in front of the services that were asked about, by their ids.
    pub(crate) fronts: RefCell<BTreeMap<String, Front>>,
}

/// The service that a request goes to, and where its local values come from.
#[derive(Clone, Copy)]
struct SentSubject<'s> {
    survey: &'s Survey,
    target: &'s Target,
}

/// Checks every declared line and endpoint of the services that run: one or two requests for each log, one for each
/// endpoint, none where nothing is declared.
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
        live.answers = answers;
    }
    checker.client.talk.done();
}

impl ExpectationChecker<'_> {
    /// What became of each declared line in the log of that deployment.
    pub(crate) fn lines(&self, target: &Target, running: &Deployment, manner: SearchMode) -> Vec<Observed<LogRead>> {
        let lines = &target.declared.lines;
        let wanted: Vec<WantedLine<'_>> =
            lines.iter().map(|line| WantedLine { contains: &line.contains, within: line.within }).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        self.client.talk.waiting(&format!("reading the log of {}", target.service.name));
        self.client.find_lines(running, &wanted, manner)
    }

    /// What became of each declared request.
    pub(crate) fn answers(&self, survey: &Survey, target: &Target) -> Vec<Observed<EndpointOutcome>> {
        let sections = self.sights.declarations.requests(&target.service.id).iter();
        sections.map(|section| Observed::Known(self.answer(section, survey, target))).collect()
    }

    /// What became of one of them.
    pub(crate) fn answer(&self, section: &HttpSection, survey: &Survey, target: &Target) -> EndpointOutcome {
        let address = match self.sights.domains.get(&target.service.id) {
            Some(Observed::Unavailable(why)) => {
                Err(format!("its domains can't be told: {}", self.client.scrubber.redact(why)))
            }
            Some(Observed::Known(domains)) => endpoint::choose(domains, self.client.neighbourhood),
            Some(Observed::NotRequested) | None => endpoint::choose(&[], self.client.neighbourhood),
        };
        let subject = SentSubject { survey, target };
        let asked = address
            .and_then(|address| Ok((headers(section, &self.sights.trust, subject)?, address)))
            .and_then(|(headers, address)| self.ask(section, &address, &headers, subject));
        asked.unwrap_or_else(EndpointOutcome::NotAsked)
    }

    fn ask(
        &self,
        section: &HttpSection,
        address: &Address,
        headers: &[(String, Secret)],
        subject: SentSubject<'_>,
    ) -> Result<EndpointOutcome, String> {
        if !matches!(section.method.as_str(), "GET" | "HEAD") && section.allow_effects != Some(true) {
            return Err(format!("{} may change something", section.method));
        }
        let patience = PATIENCE.min(self.client.remaining());
        if patience.is_zero() {
            return Err("the time was over".to_owned());
        }
        let json: Vec<(&str, &JsonPresence)> = section.json.iter().map(|(at, wanted)| (at.as_str(), wanted)).collect();
        let reading = if json.is_empty() { BodyMode::Status } else { BodyMode::Body };
        self.client.talk.waiting(&format!("asking {}", address.host()));
        let (method, path, status) = (&section.method, &section.path, section.status);
        let question = EndpointRequest { address, method, path, headers, status, reading, patience };
        let heard = self.probe.ask(&question);
        let suspicion = heard.as_ref().map_or(Suspicion::None, endpoint::suspicion);
        let answer = endpoint::judge(heard, &question, &json, self.client.scrubber);
        if endpoint::is_as_declared(&answer, &question) {
            Ok(answer)
        } else {
            Ok(self.of_edge(answer, suspicion, subject))
        }
    }

    /// The same response, as the edge's where something shows that it is. One request, where that may show it.
    fn of_edge(
        &self,
        answer: EndpointOutcome,
        suspicion: Suspicion,
        SentSubject { survey, target }: SentSubject<'_>,
    ) -> EndpointOutcome {
        let EndpointOutcome::Came { domain, status, faults, body, .. } = answer else { return answer };
        let feature = if suspicion.is_open() {
            let (environment, service) = (&survey.environment.id, &target.service.id);
            let mut fronts = self.sights.fronts.borrow_mut();
            let front = fronts.entry(service.clone()).or_insert_with(|| self.client.front(environment, service));
            suspicion.feature(front)
        } else {
            suspicion.feature(&Front::Unknown)
        };
        match feature {
            Some(feature) => EndpointOutcome::Edge { domain, status, feature },
            None => EndpointOutcome::Came { domain, status, faults, body, may_be_edge: suspicion.is_doubtful(status) },
        }
    }
}

/// The headers of a request with local values put in, or why it is not sent.
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

/// A local value that the service may be shown: it has that key itself, and project, environment and file are known from
/// outside the checkout.
fn value<'s>(key: &str, trust: &TrustState, subject: SentSubject<'s>) -> Result<&'s Secret, String> {
    let SentSubject { survey, target } = subject;
    let Some(local) = survey.local(target, key) else {
        return Err(format!("{key} is in none of its files"));
    };
    if target.variable(key).is_none() {
        return Err(format!("{key} is no variable of it, so that its value is not for it"));
    }
    // A check sends by itself: no person sees it first.
    if let Some(objection) = trust.objection(Consent::GivenBefore, &BTreeSet::from([local.file.name.as_str()])) {
        return Err(format!("{key} is not sent: {}", objection.in_a_sentence()));
    }
    if loader_conflicts::open(survey).contains_key(&(local.file.name.as_str(), local.entry.line)) {
        return Err(format!("loaders don't read {key} alike, so that it is not sent"));
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
        let of_file = refused.clone().known().naming([file.to_owned()].into(), Vec::new());
        for (key, trust, expected) in [
            ("OPS_KEY", &known, Ok("k")),
            (
                "OPS_KEY",
                &refused,
                Err(
                    "OPS_KEY is not sent: run `doctor trust`, or name it yourself: `--project=shop --environment=staging` \
                     (only doctor.toml names the project shop and the environment staging, and you have not accepted it)",
                ),
            ),
            (
                "OPS_KEY",
                &of_file,
                Err(
                    "OPS_KEY is not sent: run `doctor trust`, or name it yourself: `--env-file=.env` (only doctor.toml \
                     names the file .env, and you have not accepted it)",
                ),
            ),
            ("OPS_KEY", &accepted, Ok("k")),
            ("DATABASE_URL", &known, Err("DATABASE_URL is no variable of it, so that its value is not for it")),
            ("WORKER_KEY", &known, Err("WORKER_KEY is in none of its files")),
            ("ONLY_THERE", &known, Err("ONLY_THERE is in none of its files")),
            ("PATH", &known, Err("PATH is in none of its files")),
        ] {
            let sent = headers(&section(key), trust, SentSubject { survey: &found, target: &found.targets[0] });
            let sent = sent.as_ref().map(|headers| headers[0].1.expose()).map_err(String::as_str);
            assert_eq!(sent, expected, "{key}");
        }
    }
}
