//! D101 missing-on-railway: in the file, or needed, but not on every service that should have it.

mod templates;

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::drift::comparison::{expected_without_stored, observation};
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::key_holders::{KeyHolders, providers};
use crate::drift::missing_keys::{MissingKey, missing_keys, partly_missing_keys};
use crate::drift::model::finding::{Finding, Location, Remedy};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::needs::required_keys;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::rules::{RuleCheck, duplicate_key, example_key_missing, placeholder_value};
use crate::drift::secret_like::is_encryption_metadata;
use crate::drift::similarity::close_matches;
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D101",
    name: "missing-on-railway",
    severity: Severity::Warning,
    summary: "A key in the file, or a needed key, is missing on Railway",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Push, FixCondition::Remedy), (Direction::Add, FixCondition::Always)])),
    markers: &[
        Marker::new(Mark::Missing, "✗", "missing", "missing", "needed, but neither on the service nor in a file"),
        Marker::new(
            Mark::MissingOnRailway,
            "-",
            "local only",
            "missing-on-railway",
            "in the file but not on the service",
        ),
    ],
    in_place_of: &[&placeholder_value::RULE, &example_key_missing::RULE, &duplicate_key::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { optional, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A key that is added to the file during development is easily forgotten on Railway. The program then starts without it
and fails only where the key is used.

## Example

    .env:7   MAILGUN_KEY=…
    api      (no such variable)
    worker   (no such variable)

The finding is a warning if no service of the environment has the key, apart from databases that are not compared. An
empty assignment, `MAILGUN_KEY=`, is a note. If only some services lack the key, nothing is reported, because one file
often serves several programs that need different parts of it: `-v` lists such keys. If a `[[require]]` names the key,
it is an error on each of its services that lacks the key, and nothing is reported on the others.

Without a file, a line of a template such as `.env.example` declares that at least one service needs the key. A line
that is commented out, `# MAILGUN_KEY=`, is optional, and so is a key such as `PORT` or `NODE_ENV`.

## Fix

`doctor fix --add --push --only MAILGUN_KEY --service api` adds it to a service that needs it. Without `--add`, a push
adds it only where a `[[require]]` names it. If a shared variable or a database has the key, refer to it instead:
`MAILGUN_KEY=${{shared.MAILGUN_KEY}}`, `PGPASSWORD=${{Postgres.PGPASSWORD}}`. If nothing needs the key any more, remove
the line.

## Suppress

    [[ignore]]
    keys   = [\"LOCAL_*\"]
    rules  = [\"missing-on-railway\"]
    reason = \"only for local runs\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let context = Context::new(survey);
    let mut findings = required(&context);
    // A `[[require]]` names the services that need the key.
    let is_wanted = |local: Local<'_>| {
        let key = &local.entry.key;
        expected_without_stored(local).is_none() && !is_encryption_metadata(key) && !survey.policy.require.names(key)
    };
    findings.extend(missing_keys(survey, is_wanted).iter().map(|missing_key| on_no_service(&context, missing_key)));
    findings.extend(templates::on_no_service(&context));
    findings
}

/// Returns the keys that only some services have. Nothing declares that the others need them.
fn optional(survey: &Survey) -> Vec<Finding> {
    let context = Context::new(survey);
    let missing = partly_missing_keys(survey, |local| !is_encryption_metadata(&local.entry.key));
    missing.iter().filter_map(|missing_key| on_some_services(&context, missing_key)).collect()
}

/// The survey, and what only some findings need.
struct Context<'s> {
    survey: &'s Survey,
    holders: Lazy<'s, KeyHolders<'s>>,
    providers: Lazy<'s, HashSet<&'s str>>,
    /// The keys of the files and of the environment's services.
    known: Lazy<'s, Vec<&'s str>>,
}

type Lazy<'s, T> = LazyCell<T, Box<dyn FnOnce() -> T + 's>>;

impl<'s> Context<'s> {
    fn new(survey: &'s Survey) -> Self {
        Self {
            survey,
            holders: LazyCell::new(Box::new(|| KeyHolders::new(survey))),
            providers: LazyCell::new(Box::new(|| providers(survey))),
            known: LazyCell::new(Box::new(|| known(survey))),
        }
    }

    /// Returns that no service has a key, `not on api` or `on none of the 3 services`. Databases that are not compared and
    /// services that are built from other directories do not count, because the key is not expected there.
    fn nowhere(&self) -> String {
        let catalogue = &self.survey.catalogue;
        let is_user = |name: &&String| !catalogue.is_separate(name) || self.holders.in_scope(name).is_some();
        let users: Vec<&String> = catalogue.services.keys().filter(is_user).collect();
        match users.as_slice() {
            [only] => format!("not on {only}"),
            users => format!("on none of the {}", phrases::count(users.len(), "service")),
        }
    }

    /// Returns the references to the shared variable or the databases that have the key.
    fn references(&self, key: &str) -> Option<String> {
        let is_shared = self.survey.catalogue.shared.contains(key);
        let owners: &[&str] = if is_shared { &["shared"] } else { self.holders.only_databases(key) };
        let references: Vec<String> = owners.iter().map(|owner| format!("${{{{{owner}.{key}}}}}")).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        (!references.is_empty()).then(|| phrases::alternatives(&references))
    }
}

fn known(survey: &Survey) -> Vec<&str> {
    let keys = survey.files.iter().flat_map(LocalFile::keys);
    let stored = survey.catalogue.services.values().flatten().map(String::as_str);
    keys.chain(stored).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A service that lacks a key, and the local value that it could have.
type Lacking<'s> = (&'s Target, Option<Local<'s>>);

/// Returns findings on required keys that a service lacks: one for each key and location of the local value.
fn required(context: &Context<'_>) -> Vec<Finding> {
    let survey = context.survey;
    let mut missing: BTreeMap<(&str, Option<Location>), Vec<Lacking<'_>>> = BTreeMap::new();
    for key in required_keys(survey) {
        let lacks = |target: &&Target| target.variable(key).is_none() && survey.requires(target, key);
        for target in survey.readable().filter(lacks) {
            let local = survey.local(target, key);
            missing.entry((key, local.map(|local| local.place()))).or_default().push((target, local));
        }
    }
    missing.into_iter().map(|((key, place), lacking)| required_finding(context, key, place, &lacking)).collect()
}

fn required_finding(context: &Context<'_>, key: &str, place: Option<Location>, lacking: &[Lacking<'_>]) -> Finding {
    let local = lacking.first().and_then(|(_, local)| *local);
    let is_held = !context.holders.of(key).is_empty();
    let is_in_a_file = context.survey.files.iter().any(|file| file.entry(key).is_some());
    let has_file = lacking.iter().any(|(target, _)| target.has_file());
    let missing = if is_held { "missing on some services" } else { "missing on Railway" };
    let message = match local {
        Some(local) if local.entry.value.expose().is_empty() => {
            format!("{key} is required but empty in {} and {missing}", local.file.name)
        }
        _ if is_in_a_file || !has_file => format!("{key} is required but {missing}"),
        _ if is_held => format!("{key} is required but is neither in a file nor on every service that requires it"),
        _ => format!("{key} is required but is neither in a file nor on Railway"),
    };
    let mut observations: Vec<_> = local.iter().map(Local::observation).collect();
    observations.extend(lacking.iter().map(|(target, _)| observation(target, None)));
    let step = if has_file { format!("add {key} to the file, then push it") } else { set_on(key, lacking) };
    let advice = local.is_none().then(|| match (!is_held && !is_in_a_file).then(|| intended(context, key)).flatten() {
        Some(other) => format!("did you mean {other}? otherwise, {step}"),
        None => step,
    });
    let reasons = local.and_then(|local| placeholder(context.survey, local)).into_iter();
    let reasons: Vec<String> = reasons.chain(context.holders.elsewhere(key)).collect();
    Finding {
        severity: Severity::Error,
        key: Some(key.to_owned()),
        services: lacking.iter().map(|(target, _)| target.service.clone()).collect(),
        places: place.into_iter().collect(),
        reason: Some(reasons.join("; ")).filter(|reason| !reason.is_empty()),
        observations,
        ..required_fix(context.survey, key, local, Finding { required: true, advice, ..Finding::new(&RULE, message) })
    }
}

/// Returns where to set a key if there is no file to push it from.
fn set_on(key: &str, lacking: &[Lacking<'_>]) -> String {
    let services: Vec<&str> = lacking.iter().map(|(target, _)| target.service.name.as_str()).collect();
    format!("set {key} on {} in the dashboard", phrases::names(&services))
}

/// Returns the existing key that a required key, which exists nowhere, is probably a misspelling of.
fn intended(context: &Context<'_>, key: &str) -> Option<String> {
    close_matches(key, &context.known, 1, 0.7).pop()
}

fn on_no_service(context: &Context<'_>, missing_key: &MissingKey<'_>) -> Finding {
    let local = missing_key.local;
    let is_empty = local.entry.value.expose().is_empty();
    let reason =
        placeholder(context.survey, local).or_else(|| context.holders.elsewhere_besides_services(missing_key.key));
    let finding = Finding {
        severity: if is_empty { Severity::Note } else { RULE.severity },
        reason,
        ..finding(missing_key, &missing_key.lacking, message(context, missing_key))
    };
    optional_fix(context, missing_key, finding)
}

fn on_some_services(context: &Context<'_>, missing_key: &MissingKey<'_>) -> Option<Finding> {
    let (survey, key) = (context.survey, missing_key.key);
    let is_optional = |target: &&Target| !survey.requires(target, key);
    let lacking: Vec<&Target> = missing_key.lacking.iter().copied().filter(is_optional).collect();
    let holders = phrases::names(context.holders.of(key));
    let message = format!("{key} is in {} and only on {holders}", missing_key.local.file.name);
    let finding = Finding { severity: Severity::Note, ..finding(missing_key, &lacking, message) };
    (!lacking.is_empty()).then_some(finding)
}

fn finding(missing_key: &MissingKey<'_>, lacking: &[&Target], message: String) -> Finding {
    let mut observations = vec![missing_key.local.observation()];
    observations.extend(lacking.iter().map(|target| observation(target, None)));
    Finding {
        key: Some(missing_key.key.to_owned()),
        services: lacking.iter().map(|target| target.service.clone()).collect(),
        places: vec![missing_key.local.place()],
        observations,
        ..Finding::new(&RULE, message)
    }
}

/// Does not name the services that lack the key, because the finding lists them. It is the same if a run selects only
/// some services: nothing declares which of them use the key.
fn message(context: &Context<'_>, missing_key: &MissingKey<'_>) -> String {
    let (key, file) = (missing_key.key, &missing_key.local.file.name);
    if missing_key.local.entry.value.expose().is_empty() {
        return format!("{key} is empty in {file} and not set on Railway");
    }
    let holders = context.holders.only_databases(key);
    if !holders.is_empty() {
        return format!("{key} is in {file} and on {}, but on no other service", phrases::names(holders));
    }
    format!("{key} is in {file} but {}", context.nowhere())
}

/// Returns that the local value is a placeholder, if it is one.
fn placeholder(survey: &Survey, local: Local<'_>) -> Option<String> {
    let Entry { key, value, .. } = local.entry;
    let is_placeholder = !value.expose().is_empty() && survey.is_unset(key, value);
    is_placeholder.then(|| Reason::Placeholder(ReasonSide::Local).sentence())
}

/// Returns the finding with other advice if the file has no value to push: an unset key or an indirect value.
fn unfilled(survey: &Survey, local: Local<'_>, finding: &Finding) -> Option<Finding> {
    let entry = local.entry;
    let advice = if survey.is_indirect(&entry.value) {
        format!("set {} on Railway to the value that the file refers to", entry.key)
    } else if entry.value.expose().is_empty() || survey.is_unset(&entry.key, &entry.value) {
        let otherwise = if finding.required { "then push it" } else { "or remove the line if nothing needs it" };
        format!("set the real value in the file, {otherwise}")
    } else {
        return None;
    };
    Some(Finding { advice: Some(advice), ..finding.clone() })
}

/// A push adds a required key to the services that must have it.
fn required_fix(survey: &Survey, key: &str, local: Option<Local<'_>>, finding: Finding) -> Finding {
    let Some(local) = local else { return finding };
    // Nothing is pulled into a read-only file, and prompts can't be answered from a stream.
    let push = local.file.read_only.map(|_| "--push".to_owned());
    unfilled(survey, local, &finding).unwrap_or_else(|| Finding {
        remedies: vec![Remedy::Push],
        next: Some(Finding::fix_only(key).into_iter().chain(push).collect()),
        ..finding
    })
}

/// Which services need the key is the user's decision. The command that adds it is an example if several services lack
/// it, and is never a `next`. No command adds it to a service that keeps its own variables for others.
fn optional_fix(context: &Context<'_>, missing_key: &MissingKey<'_>, finding: Finding) -> Finding {
    let (survey, key, lacking) = (context.survey, missing_key.key, &missing_key.lacking);
    if let Some(references) = context.references(key) {
        let advice = format!("refer to {references} on a service that needs it, or remove the line if nothing does");
        return Finding { advice: Some(advice), ..finding };
    }
    if let Some(variant) = context.holders.case_variant(key) {
        return Finding { advice: Some(format!("write {variant} in the file if it is the same key")), ..finding };
    }
    if let Some(unfilled) = unfilled(survey, missing_key.local, &finding) {
        return unfilled;
    }
    let is_user = |target: &&&Target| !context.providers.contains(target.service.name.as_str());
    let users: Vec<&&Target> = lacking.iter().filter(is_user).collect();
    let advice = match (lacking.as_slice(), users.as_slice()) {
        ([target], [_]) => format!("remove the line if nothing needs it, or add it to {}", target.service.name),
        _ => "remove the line if nothing needs it, or add it to a service that does".to_owned(),
    };
    let to_add = users.first().map(|target| Finding::fix_add(key, &target.service));
    Finding { advice: Some(advice), to_add, ..finding }
}

#[cfg(test)]
mod tests;
