//! D107 dangling-reference: a reference to a missing or empty variable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::drift::comparison::observation;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::finding::Finding;
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reference::{self, MissingTarget, ReferenceTarget};
use crate::drift::reference_state::{self, ReferenceState};
use crate::drift::rules::{RuleCheck, empty_on_railway, services_disagree};
use crate::drift::{Secret, Survey, Target, Variable, system_variables};

pub static RULE: Rule = Rule {
    code: "D107",
    name: "dangling-reference",
    severity: Severity::Error,
    summary: "A reference points to a missing service, or to a missing or empty variable",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::PushShared, FixCondition::Always), (Direction::Push, FixCondition::Always)])),
    markers: &[Marker::new(Mark::Dangling, "x", "dangling", "dangling", "a reference whose target is missing")],
    in_place_of: &[&services_disagree::RULE, &empty_on_railway::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway accepts a reference to a missing service or variable, and replaces it with an empty string. The program gets
an empty value, or an address such as `postgresql://:@:/`, and fails with an unrelated error.

## Example

    api      DATABASE_URL=${{Postgress.DATABASE_URL}}      no service Postgress
    api      CACHE=redis://${{Redis.REDISHOST}}:6379       Redis has no variable REDISHOST

Names are case-sensitive. When a service is renamed, Railway updates only the references that it knows. If the variable
exists but is empty, or refers back to itself, the finding is a note.

`${{api.PORT}}` is empty unless `PORT` is set on `api`: the port that Railway assigns at start can't be referenced.

## Fix

Correct the name in the service's variables, in the dashboard or with
`railway variables --service=api --set 'DATABASE_URL=${{Postgres.DATABASE_URL}}'`.

## Suppress

    [[ignore]]
    keys   = [\"CACHE\"]
    rules  = [\"dangling-reference\"]
    reason = \"the cache is set up next week\"
    until  = \"2027-01-01\"
";

/// Services with the same key, reference and problem share a finding.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DanglingGroup<'s> {
    key: &'s str,
    body: &'s str,
    state: ReferenceState<'s>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let mut groups: BTreeMap<DanglingGroup<'_>, Vec<(&Target, &Variable)>> = BTreeMap::new();
    for target in survey.readable() {
        for (key, variable) in target.stored.iter().flatten() {
            let Variable::Reference { template, rendered } = variable else { continue };
            let rendered = rendered.as_ref().map(Secret::expose);
            let states = reference_state::states(template.expose(), rendered, target, &survey.catalogue);
            for (body, state) in states.into_iter().filter(|(_, state)| *state != ReferenceState::Fine) {
                let holders = groups.entry(DanglingGroup { key, body, state }).or_default();
                // A template may contain the same reference twice.
                if holders.last().is_none_or(|(last, _)| last.service.id != target.service.id) {
                    holders.push((target, variable));
                }
            }
        }
    }
    let lookup = ReferenceLookup::new(survey);
    groups.into_iter().map(|(group, holders)| finding(&lookup, &group, &holders)).collect()
}

fn finding(lookup: &ReferenceLookup<'_>, group: &DanglingGroup<'_>, holders: &[(&Target, &Variable)]) -> Finding {
    let DanglingGroup { key, body, state } = group;
    let home = holders[0].0;
    let shown = shown(body);
    let (severity, message, reason) = match state {
        ReferenceState::Missing(missing) => {
            (RULE.severity, format!("{key} refers to {shown}, {}", description(missing)), lookup.hint(missing, home))
        }
        ReferenceState::Fine | ReferenceState::Empty if lookup.is_circular(home, key) => {
            (Severity::Note, format!("{key} refers to {shown}, a circular reference that is always empty"), None)
        }
        ReferenceState::Fine | ReferenceState::Empty => (
            Severity::Note,
            format!("{key} refers to {shown}, which exists but is empty"),
            lookup.emptiness(body, home),
        ),
    };
    Finding {
        severity,
        required: holders.iter().any(|(target, _)| lookup.survey.requires(target, key)) && severity == Severity::Error,
        key: Some((*key).to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        reason,
        advice: (severity == Severity::Error).then(|| format!("correct the reference in {key} on Railway")),
        observations: holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
        ..Finding::new(&RULE, message)
    }
}

/// The number of characters that are shown; names are shorter.
const MAX_SHOWN: usize = 80;

fn shown(body: &str) -> String {
    let start: String = body.chars().take(MAX_SHOWN).collect();
    let rest = if start.len() < body.len() { "…" } else { "" };
    format!("${{{{{start}{rest}}}}}")
}

fn description(missing: &MissingTarget<'_>) -> String {
    match missing {
        MissingTarget::Name => "which does not name a variable".to_owned(),
        MissingTarget::Service(service) => format!("but there is no service {service}"),
        MissingTarget::Variable { service, name } => format!("but {service} has no variable {name}"),
        MissingTarget::Shared(name) => format!("but there is no shared variable {name}"),
        MissingTarget::Own(name) => format!("but the service itself has no variable {name}"),
    }
}

/// Looks up names and follows references.
struct ReferenceLookup<'s> {
    survey: &'s Survey,
    /// Service names by their lowercase form.
    services: HashMap<String, &'s str>,
    /// Readable services by name.
    targets: HashMap<&'s str, &'s Target>,
}

/// Limits how many references are followed; real chains are much shorter.
const MAX_FOLLOWED: usize = 64;

impl<'s> ReferenceLookup<'s> {
    fn new(survey: &'s Survey) -> Self {
        let services = survey.catalogue.services.keys().map(|name| (name.to_lowercase(), name.as_str())).collect();
        let targets = survey.readable().map(|target| (target.service.name.as_str(), target)).collect();
        Self { survey, services, targets }
    }

    fn catalogue(&self) -> &'s Catalogue {
        &self.survey.catalogue
    }

    /// Suggests the name that was likely intended.
    fn hint(&self, missing: &MissingTarget<'_>, home: &Target) -> Option<String> {
        let alike = |names: &'s BTreeSet<String>, wanted: &str| {
            names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).map(String::as_str)
        };
        let own = |service: &str| self.catalogue().services.get(service);
        let intended = match missing {
            MissingTarget::Name => None,
            MissingTarget::Service(service) => self.services.get(&service.to_lowercase()).copied(),
            MissingTarget::Shared(name) => alike(&self.catalogue().shared, name),
            MissingTarget::Variable { name: "PORT", .. } | MissingTarget::Own("PORT") => {
                return Some(
                    "the port that Railway assigns at start can't be referenced unless PORT is set".to_owned(),
                );
            }
            MissingTarget::Variable { service, name } => own(service).and_then(|names| alike(names, name)),
            MissingTarget::Own(name) => own(&home.service.name).and_then(|names| alike(names, name)),
        };
        intended.map(|name| format!("names are case-sensitive, and the existing name is {name}"))
    }

    /// Explains why a system variable may be empty.
    fn emptiness(&self, body: &str, home: &Target) -> Option<String> {
        match reference::aim(body, &home.service.name, self.catalogue()) {
            Ok(ReferenceTarget::Variable { service, name }) if system_variables::is_provided(name) => {
                Some(format!("Railway sets {name} only if {service} has the corresponding resource, such as a domain"))
            }
            _ => None,
        }
    }

    /// Returns whether the references of a variable lead back to it.
    fn is_circular(&self, home: &'s Target, key: &'s str) -> bool {
        let start = (home.service.name.as_str(), key);
        let mut open = vec![start];
        let mut visited = HashSet::new();
        while let Some((service, key)) = open.pop() {
            for next in self.references(service, key) {
                if next == start {
                    return true;
                }
                if visited.len() < MAX_FOLLOWED && visited.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// Returns the targets of a variable's references, as service and key.
    fn references(&self, service: &'s str, key: &'s str) -> Vec<(&'s str, &'s str)> {
        let template = match self.targets.get(service).and_then(|target| target.variable(key)) {
            Some(Variable::Reference { template, .. }) => template.expose(),
            _ => return Vec::new(),
        };
        let aims =
            reference::occurrences(template).into_iter().map(|one| reference::aim(one.body, service, self.catalogue()));
        aims.filter_map(|aim| match aim {
            Ok(ReferenceTarget::Variable { service, name }) => Some((service, name)),
            _ => None,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::rules::dangling_reference::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, out_of_scope, require, shared, survey};

    fn fixture(services: &[ServiceRows<'_>]) -> Survey {
        let mut found = survey(&[], services);
        out_of_scope(&mut found, "Postgres", &["DATABASE_URL", "EMPTY"]);
        out_of_scope(&mut found, "odd.name", &["PLAIN"]);
        shared(&mut found, "BASE");
        found
    }

    #[test]
    fn reports_references_without_a_target() {
        let error = |message: &str| format!("error A [api]: A refers to {message}");
        let note = |message: &str| format!("note A [api]: A refers to {message}");
        for (row, expected) in [
            ("A=${{Postgres.DATABASE_URL}} => x", None),
            (
                "A=${{Postgress.DATABASE_URL}} => ",
                Some(error("${{Postgress.DATABASE_URL}}, but there is no service Postgress")),
            ),
            ("A=${{Postgress.DATABASE_URL}} => x", None),
            ("A=${{Postgres.PGHOST}} => ", Some(error("${{Postgres.PGHOST}}, but Postgres has no variable PGHOST"))),
            ("A=a-${{ shared.NO }}-b => a--b", Some(error("${{shared.NO}}, but there is no shared variable NO"))),
            (
                "A=before-${{NO}}-after => before--after",
                Some(error("${{NO}}, but the service itself has no variable NO")),
            ),
            ("A=${{}} => ", Some(error("${{}}, which does not name a variable"))),
            ("A=${{.}} => ", Some(error("${{.}}, which does not name a variable"))),
            ("A=${{odd.name.PLAIN}} => x", None),
            ("A=${{odd.name.NO}} => ", Some(error("${{odd.name.NO}}, but odd.name has no variable NO"))),
            ("A=${{Postgres.EMPTY}} => ", Some(note("${{Postgres.EMPTY}}, which exists but is empty"))),
            ("A=${{shared.BASE}}/x => /x", Some(note("${{shared.BASE}}, which exists but is empty"))),
            ("A=${{A}} => ", Some(note("${{A}}, a circular reference that is always empty"))),
            (
                "A=${{api.RAILWAY_PUBLIC_DOMAIN}} => ",
                Some(note("${{api.RAILWAY_PUBLIC_DOMAIN}}, which exists but is empty")),
            ),
            ("A=${{RAILWAY_SERVICE_API_URL}} => x", None),
            ("A=${{secret(32)}} => ", None),
            ("A=${{Nowhere.X}} => <sealed>", Some(error("${{Nowhere.X}}, but there is no service Nowhere"))),
            (
                "A=${{Postgres.DATABASE_URL}}-${{Postgres.NO}} => <sealed>",
                Some(error("${{Postgres.NO}}, but Postgres has no variable NO")),
            ),
            ("A=${{Postgres.DATABASE_URL}} => <sealed>", None),
            ("A=${{shared.BASE}} => <sealed>", None),
            ("A=${{ secrets.API_KEY }} => ", None),
            ("A=${{ secrets.API_KEY }} => <sealed>", None),
            ("A=${{ secrets.API_KEY }}${{no.X}} => ", Some(error("${{no.X}}, but there is no service no"))),
            ("A=${{shared.OPEN", None),
            ("A=${A}", None),
        ] {
            let found = lines(&RULE, &fixture(&[("api", &[row])]));
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{row}");
        }
    }

    #[test]
    fn long_reference_is_truncated() {
        for (length, shown) in [(80, "n".repeat(80)), (81, "n".repeat(80) + "…")] {
            let name = "n".repeat(length);
            let found = lines(&RULE, &fixture(&[("api", &[&format!("A=${{{{{name}}}}} => ")])]));
            let expected =
                format!("error A [api]: A refers to ${{{{{shown}}}}}, but the service itself has no variable {name}");
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn services_with_the_same_reference_share_a_finding() {
        let found =
            fixture(&[("api", &["A=${{no.X}}${{no.X}} => ", "B=${{no.X}} => "]), ("worker", &["A=${{no.X}} => "])]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "error A [api, worker]: A refers to ${{no.X}}, but there is no service no",
                "error B [api]: B refers to ${{no.X}}, but there is no service no",
            ]
        );
    }

    #[test]
    fn cycle_is_followed_through_services() {
        let found = fixture(&[("api", &["A=${{worker.B}} => ", "C=${{A}} => "]), ("worker", &["B=${{api.A}} => "])]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "note A [api]: A refers to ${{worker.B}}, a circular reference that is always empty",
                "note B [worker]: B refers to ${{api.A}}, a circular reference that is always empty",
                "note C [api]: C refers to ${{A}}, which exists but is empty",
            ]
        );
    }

    #[test]
    fn cause_names_the_intended_or_absent_resource() {
        for (row, hint) in [
            ("A=${{postgres.DATABASE_URL}} => ", Some("names are case-sensitive, and the existing name is Postgres")),
            (
                "A=${{Postgres.database_url}} => ",
                Some("names are case-sensitive, and the existing name is DATABASE_URL"),
            ),
            ("A=${{shared.base}} => ", Some("names are case-sensitive, and the existing name is BASE")),
            ("A=${{a}} => ", Some("names are case-sensitive, and the existing name is A")),
            (
                "A=${{Postgres.PORT}} => ",
                Some("the port that Railway assigns at start can't be referenced unless PORT is set"),
            ),
            ("A=${{Mongo.URL}} => ", None),
            (
                "A=${{api.RAILWAY_PUBLIC_DOMAIN}} => ",
                Some("Railway sets RAILWAY_PUBLIC_DOMAIN only if api has the corresponding resource, such as a domain"),
            ),
            ("A=${{shared.BASE}} => ", None),
        ] {
            assert_eq!(check(&fixture(&[("api", &[row])]))[0].reason.as_deref(), hint, "{row}");
        }
    }

    #[test]
    fn severity_of_required_key_cannot_be_lowered() {
        let mut found = fixture(&[("api", &["A=${{no.X}} => ", "B=${{shared.BASE}} => "])]);
        require(&mut found, "A", &[]);
        require(&mut found, "B", &[]);
        let required: Vec<bool> = check(&found).iter().map(|finding| finding.required).collect();
        assert_eq!(required, [true, false]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
