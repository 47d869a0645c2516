//! Keys that differ, possibly intentionally: candidates for `[[ignore]]`.
//!
//! Only errors and warnings are candidates. A difference that is a note needs no entry.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{ComparisonOutcome, Pair, pairs};
use crate::drift::engine::run_rules::examine;
use crate::drift::expected_differences::ExpectedDifference;
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::drift::suggest::intent::{
    Intent, is_app_id, is_development, is_for_local_program, is_generated, is_port, is_server_setting, is_setting,
    provider,
};
use crate::drift::suggest::{Exception, Section, aliases_of, can_be_named, gathered};
use crate::drift::{ResourceRef, Secret, Severity, Survey};

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    /// The services on which it differs; empty if no service has it.
    pub services: Vec<ResourceRef>,
    /// How it differs.
    pub kind: DifferenceKind,
    /// Whether another service has the same value as the file, so that it must still be compared.
    pub agrees_elsewhere: bool,
    /// Why it is probably intentional; `None` if it may be a fault.
    pub intent: Option<Intent>,
    /// The rules that report it. Only these are ignored.
    pub rules: BTreeSet<&'static str>,
}

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// No service has it.
    Missing,
    /// A service stores a different value.
    Values,
}

/// Keys that differ for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceGroup {
    /// The keys.
    pub differences: Vec<Difference>,
    /// The suggested reason.
    pub reason: &'static str,
    /// Whether the reason is known from the values, so that the user need not be asked for it.
    pub is_known: bool,
}

impl Difference {
    /// Returns a short description of the difference.
    pub fn description(&self) -> &'static str {
        match (self.intent, self.kind) {
            (Some(intent), _) => intent.description(),
            (None, DifferenceKind::Missing) => "on none of these services",
            (None, DifferenceKind::Values) => "a different value on Railway",
        }
    }

    /// Returns whether a service stores a different value for no apparent reason.
    pub fn is_value(&self) -> bool {
        self.kind == DifferenceKind::Values && self.intent.is_none()
    }
}

/// Returns every key with an error or a warning about a difference that no `[[require]]` covers: those that look
/// intentional first, then by name. This runs all rules.
pub fn differences(survey: &Survey) -> Vec<Difference> {
    let mut found: BTreeMap<String, Difference> = BTreeMap::new();
    let mut explained = BTreeSet::new();
    for finding in examine(survey).findings {
        let Some((kind, key)) = kind(&finding).zip(finding.key) else { continue };
        if !can_be_named(&key) {
            continue;
        }
        if finding.reason.is_some() {
            explained.insert(key.clone());
        }
        let one = found.entry(key.clone()).or_insert_with(|| difference(&key, kind));
        one.kind = one.kind.max(kind);
        one.rules.insert(finding.rule.name);
        if kind == DifferenceKind::Values {
            one.services.extend(finding.services);
        }
    }
    let evidence = Evidence::of(survey);
    let mut found: Vec<Difference> = found.into_values().collect();
    for one in &mut found {
        one.agrees_elsewhere = evidence.agreeing.contains(one.key.as_str());
        one.intent = evidence.intent(one).filter(|_| !explained.contains(&one.key));
    }
    found.sort_by_key(|one| (one.intent.is_none(), one.kind));
    found
}

/// Returns the kind of difference that an error or a warning reports.
fn kind(finding: &Finding) -> Option<DifferenceKind> {
    if finding.required || finding.severity < Severity::Warning {
        return None;
    }
    let has = |mark| finding.rule.has_mark(mark);
    match (has(Mark::Differs), has(Mark::MissingOnRailway)) {
        (true, _) => Some(DifferenceKind::Values),
        (false, true) => Some(DifferenceKind::Missing),
        (false, false) => None,
    }
}

fn difference(key: &str, kind: DifferenceKind) -> Difference {
    Difference {
        key: key.to_owned(),
        services: Vec::new(),
        kind,
        agrees_elsewhere: false,
        intent: None,
        rules: BTreeSet::new(),
    }
}

/// What the values of all keys show about the files.
#[derive(Default)]
struct Evidence<'s> {
    /// Keys that a service has with the local value.
    agreeing: BTreeSet<&'s str>,
    /// The pairs of each key that differs.
    differing: BTreeMap<&'s str, Vec<Pair<'s>>>,
    /// Names of files with values for development.
    development: BTreeSet<&'s str>,
    /// Providers with a test key in a file.
    in_test: BTreeSet<String>,
    /// Providers with a local address in a file.
    with_local_server: BTreeSet<String>,
    /// Providers with another OAuth app in a file.
    with_other_app: BTreeSet<String>,
    /// Providers with any key on Railway.
    on_railway: BTreeSet<String>,
}

impl<'s> Evidence<'s> {
    fn of(survey: &'s Survey) -> Self {
        let stored_keys = survey.catalogue.services.values().flatten();
        let mut evidence =
            Self { on_railway: stored_keys.filter_map(|key| provider(key)).collect(), ..Self::default() };
        for pair in pairs(survey) {
            match pair.verdict(survey) {
                ComparisonOutcome::Equal => {
                    evidence.agreeing.insert(pair.key);
                }
                ComparisonOutcome::Differs => {
                    if is_app_id(pair.key) {
                        evidence.with_other_app.extend(provider(pair.key));
                    }
                    evidence.differing.entry(pair.key).or_default().push(pair);
                }
                ComparisonOutcome::ExpectedDifference(difference) => evidence.add_expected(pair, difference),
                _ => {}
            }
        }
        evidence
    }

    fn add_expected(&mut self, pair: Pair<'s>, difference: ExpectedDifference) {
        let is_development = match difference {
            ExpectedDifference::TestKey => {
                self.in_test.extend(provider(pair.key));
                true
            }
            ExpectedDifference::Host => {
                self.with_local_server.extend(provider(pair.key));
                true
            }
            ExpectedDifference::Key => is_development_pair(pair),
            _ => false,
        };
        if is_development {
            self.development.insert(pair.local.file.name.as_str());
        }
    }

    /// Returns why a difference is probably intentional. Services that differ among themselves are a fault.
    fn intent(&self, one: &Difference) -> Option<Intent> {
        let is_of = |providers: &BTreeSet<String>| provider(&one.key).is_some_and(|own| providers.contains(&own));
        if one.kind == DifferenceKind::Missing {
            // A server that Railway also has needs its port there, too.
            let is_local_port = || is_port(&one.key) && (!is_of(&self.on_railway) || is_of(&self.with_local_server));
            return (is_for_local_program(&one.key) || is_local_port()).then_some(Intent::LocalProgram);
        }
        let pairs = self.differing.get(one.key.as_str())?;
        let stored: BTreeSet<Option<&str>> =
            pairs.iter().map(|pair| pair.variable.effective().map(Secret::expose)).collect();
        if one.agrees_elsewhere || stored.len() > 1 || stored.contains(&None) {
            return None;
        }
        let is_in_development = pairs.iter().all(|pair| self.development.contains(pair.local.file.name.as_str()));
        let is_of_app = is_app_id(&one.key) || one.key.ends_with("_CLIENT_SECRET") || one.key.ends_with("_APP_SECRET");
        match () {
            () if is_in_development && is_generated(&one.key) => Some(Intent::OwnSecret),
            () if is_of(&self.in_test) => Some(Intent::TestAccount),
            () if is_server_setting(&one.key) && is_of(&self.with_local_server) => Some(Intent::LocalServer),
            () if is_in_development && is_of_app && is_of(&self.with_other_app) => Some(Intent::OtherApp),
            () if pairs.iter().all(|pair| is_development_pair(*pair)) => Some(Intent::Development),
            () if is_in_development && pairs.iter().all(|pair| is_setting_pair(*pair)) => Some(Intent::Development),
            () => None,
        }
    }
}

fn is_development_pair(pair: Pair<'_>) -> bool {
    pair.variable.effective().is_some_and(|stored| is_development(pair.key, pair.local_value(), stored))
}

fn is_setting_pair(pair: Pair<'_>) -> bool {
    pair.variable.effective().is_some_and(|stored| is_setting(pair.key, pair.local_value(), stored))
}

/// Groups the chosen differences by their reason. Those without a known reason share one, for which the user is asked.
pub fn groups(chosen: &[&Difference]) -> Vec<DifferenceGroup> {
    let is_only_local = chosen.iter().filter(|one| one.intent.is_none()).all(|one| one.services.is_empty());
    let open = if is_only_local { Intent::LocalProgram.reason() } else { "intentionally different" };
    let of = chosen.iter().map(|one| match one.intent {
        Some(intent) => ((intent.reason(), true), (*one).clone()),
        None => ((open, false), (*one).clone()),
    });
    let group = |((reason, is_known), differences)| DifferenceGroup { differences, reason, is_known };
    gathered(of).into_iter().map(group).collect()
}

/// Returns the `[[ignore]]` entries, with the given reason for each group.
pub fn exceptions(reasons: &[(DifferenceGroup, String)], sections: &[Section]) -> Vec<Exception> {
    let all = reasons.iter().flat_map(|(group, reason)| group.differences.iter().map(move |one| (one, reason)));
    let of = all.map(|(one, reason)| {
        let services = if one.agrees_elsewhere { aliases_of(&one.services, sections) } else { Vec::new() };
        ((reason.clone(), services, one.rules.iter().copied().collect()), one.key.clone())
    });
    let exception = |((reason, services, rules), keys)| Exception { keys, services, rules, reason };
    gathered(of).into_iter().map(exception).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::suggest::differing_keys::{Difference, differences, exceptions, groups};
    use crate::drift::suggest::sections;
    use crate::drift::test_support::survey;
    use crate::drift::{Severity, Survey};

    fn fixture() -> Survey {
        let file = [
            "PORT=3000",
            "DATABASE_URL=postgres://u:p@localhost/x",
            "STRIPE_KEY=sk_test_1",
            "STRIPE_WEBHOOK_SECRET=whsec_1",
            "BASE=https://here.example",
            "LEVEL=debug",
            "MODE=a",
            "EQUAL=1",
            "SEALED=1",
            "GONE=1",
            "ONLY_HERE=x",
            "COMPOSE_FILE=x.yml",
            "CACHE_URL=redis://localhost",
            "REQUIRED=one",
            "A*=1",
            "SECRET_KEY=at-home",
            "JWT_SECRET=at-home-2",
            "SESSION_SECRET=both",
            "COOKIE_SECRET=quoted",
            "BUCKET=shop-dev",
            "GITHUB_CLIENT_ID=one",
            "GITHUB_CLIENT_SECRET=two",
            "GITHUB_TOKEN=three",
            "SMTP_HOST=localhost",
            "SMTP_PORT=1025",
            "SMTP_FROM=me",
            "MINIO_ENDPOINT=http://localhost:9000",
            "MINIO_SECRET_KEY=minioadmin",
            "STORYBOOK_PORT=6006",
            "GITHUB_PORT=1",
            "WORKERS=1",
        ];
        let api = [
            "PORT=80",
            "DATABASE_URL=${{Postgres.URL}} => postgres://u:p@db.internal/x",
            "STRIPE_KEY=sk_live_1",
            "STRIPE_WEBHOOK_SECRET=whsec_2",
            "BASE=${{web.BASE}} => https://there.example",
            "LEVEL=info",
            "MODE=b",
            "EQUAL=1",
            "SEALED=<sealed>",
            "GONE=${{Nowhere.X}} => ",
            "REQUIRED=two",
            "A*=2",
            "SECRET_KEY=deployed",
            "JWT_SECRET=deployed-2",
            "SESSION_SECRET=deployed-3",
            "COOKIE_SECRET=\"quoted\"",
            "BUCKET=shop",
            "GITHUB_CLIENT_ID=other",
            "GITHUB_CLIENT_SECRET=others",
            "GITHUB_TOKEN=old",
            "SMTP_HOST=smtp.example.com",
            "SMTP_PORT=587",
            "SMTP_FROM=us",
            "MINIO_ENDPOINT=https://storage.example.com",
            "MINIO_SECRET_KEY=a-real-secret",
            "WORKERS=4",
        ];
        let worker = [
            "LEVEL=debug",
            "MODE=c",
            "BASE=https://elsewhere.example",
            "SECRET_KEY=deployed",
            "JWT_SECRET=another",
            "SESSION_SECRET=both",
        ];
        survey(&file, &[("api", &api), ("worker", &worker)])
    }

    #[test]
    fn only_intentional_differences_are_suggested() {
        let found = differences(&fixture());
        let description = |one: &Difference| {
            let services: Vec<&str> = one.services.iter().map(|service| service.name.as_str()).collect();
            let mark = if one.intent.is_some() { "+" } else { "-" };
            let elsewhere = if one.agrees_elsewhere { ", not everywhere" } else { "" };
            format!("{mark}{} [{}] {}{elsewhere}", one.key, services.join(","), one.description())
        };
        let expected = [
            "+COMPOSE_FILE [] for a program on this machine",
            "+STORYBOOK_PORT [] for a program on this machine",
            "+BUCKET [api] a development value in the file",
            "+GITHUB_CLIENT_ID [api] goes with another OAuth app in the file",
            "+GITHUB_CLIENT_SECRET [api] goes with another OAuth app in the file",
            "+MINIO_SECRET_KEY [api] goes with a local address in the file",
            "+SECRET_KEY [api,worker] a generated secret",
            "+SMTP_PORT [api] goes with a local address in the file",
            "+STRIPE_WEBHOOK_SECRET [api] goes with a test key in the file",
            "+WORKERS [api] a development value in the file",
            // Railway has other keys of the same server.
            "-GITHUB_PORT [] on none of these services",
            "-ONLY_HERE [] on none of these services",
            "-BASE [worker] a different value on Railway",
            // A cause is known: quotes.
            "-COOKIE_SECRET [api] a different value on Railway",
            "-GITHUB_TOKEN [api] a different value on Railway",
            // The services differ among themselves.
            "-JWT_SECRET [api,worker] a different value on Railway",
            "-LEVEL [api] a different value on Railway, not everywhere",
            "-MODE [api,worker] a different value on Railway",
            "-REQUIRED [api] a different value on Railway",
            "-SESSION_SECRET [api] a different value on Railway, not everywhere",
            "-SMTP_FROM [api] a different value on Railway",
        ];
        assert_eq!(found.iter().map(description).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn secrets_are_not_suggested_without_development_values() {
        let found = differences(&survey(&["SECRET_KEY=a"], &[("api", &["SECRET_KEY=b"])]));
        assert_eq!(found.iter().map(|one| one.intent).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn differences_without_known_reason_share_one() {
        let survey = fixture();
        let found = differences(&survey);
        let groups = groups(&found.iter().collect::<Vec<_>>());
        let found: Vec<String> = groups
            .iter()
            .map(|group| {
                let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
                format!("{}: {}{}", keys.join(","), group.reason, if group.is_known { "" } else { "?" })
            })
            .collect();
        let expected = [
            "COMPOSE_FILE,STORYBOOK_PORT: only for local runs",
            "BUCKET,WORKERS: a value for development",
            "GITHUB_CLIENT_ID,GITHUB_CLIENT_SECRET: a separate OAuth app for development",
            "MINIO_SECRET_KEY,SMTP_PORT: a local server for development",
            "SECRET_KEY: each environment has its own secret",
            "STRIPE_WEBHOOK_SECRET: a test account locally, a live one on Railway",
            "GITHUB_PORT,ONLY_HERE,BASE,COOKIE_SECRET,GITHUB_TOKEN,JWT_SECRET,LEVEL,MODE,REQUIRED,SESSION_SECRET,SMTP_FROM: \
             intentionally different?",
        ];
        assert_eq!(found, expected);
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let reasons: Vec<_> = groups.into_iter().map(|group| (group, "so".to_owned())).collect();
        let found: Vec<String> = exceptions(&reasons, &sections(&all, &all, ["", ""]))
            .iter()
            .map(|one| format!("{} of {} by {}", one.keys.join(","), one.services.join(","), one.rules.join(",")))
            .collect();
        let expected = [
            "COMPOSE_FILE,STORYBOOK_PORT,GITHUB_PORT,ONLY_HERE of  by missing-on-railway",
            "BUCKET,WORKERS,GITHUB_CLIENT_ID,GITHUB_CLIENT_SECRET,MINIO_SECRET_KEY,SMTP_PORT,SECRET_KEY,\
             STRIPE_WEBHOOK_SECRET,BASE,\
             COOKIE_SECRET,GITHUB_TOKEN,JWT_SECRET,MODE,REQUIRED,SMTP_FROM of  by value-differs",
            "LEVEL,SESSION_SECRET of api by value-differs",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn suggested_ignores_suppress_exactly_their_findings() {
        let mut survey = fixture();
        let found = differences(&survey);
        let before = examine(&survey).findings;
        assert!(found.iter().all(|one| before.iter().any(|finding| finding.key.as_ref() == Some(&one.key))));
        let reasons: Vec<_> =
            groups(&found.iter().collect::<Vec<_>>()).into_iter().map(|group| (group, "so".to_owned())).collect();
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        for one in exceptions(&reasons, &sections(&all, &all, ["", ""])) {
            survey.policy.ignore.push(Ignore {
                keys: one.keys,
                services: one.services.iter().map(|alias| format!("id-of-{alias}")).collect(),
                environments: Vec::new(),
                rules: one.rules.iter().map(|&rule| rule.to_owned()).collect(),
                reason: one.reason,
                until: None,
                line: 1,
            });
        }
        let left: Vec<String> = examine(&survey)
            .findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning)
            .map(|finding| format!("{} {}", finding.rule.name, finding.key.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(left, ["value-differs A*", "dangling-reference GONE"]);
        assert!(differences(&survey).is_empty(), "what is ignored is not offered again");
    }
}
