//! D107 dangling-reference: a reference that names no service or variable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::drift::comparison::sighting;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::finding::Finding;
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reference::{self, MissingTarget, ReferenceTarget};
use crate::drift::reference_state::ReferenceState;
use crate::drift::rules::RuleCheck;
use crate::drift::{Secret, Survey, Target, Variable, system_variables};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D107",
    name: "dangling-reference",
    severity: Severity::Error,
    summary: "A reference names no service or variable, or something empty",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::PushShared, FixCondition::Always), (Direction::Push, FixCondition::Always)])),
    markers: &[Marker::new(Mark::Dangling, "x", "dangling", "dangling", "a reference that leads nowhere")],
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway does not complain about a reference to something that is not there: it puts nothing in its place. The
program gets an empty value, or an address such as `postgresql://:@:/`, and says something else about it.

## Example

    api      DATABASE_URL=${{Postgress.DATABASE_URL}}      no service Postgress
    api      CACHE=redis://${{Redis.REDISHOST}}:6379       Redis has no variable REDISHOST

Names are case-sensitive, and a renamed service takes its references along only where Railway knows of them. If the
variable exists and is empty, or leads back to itself, it is a note.

`${{api.PORT}}` is empty unless `PORT` is set on `api`: the port that Railway chooses at start can't be referred to.

## How to mend it

Correct the name in the service's variables, on Railway's dashboard or with
`railway variables --service=api --set 'DATABASE_URL=${{Postgres.DATABASE_URL}}'`.

## How to silence it

    [[ignore]]
    keys   = [\"CACHE\"]
    rules  = [\"dangling-reference\"]
    reason = \"the cache is set up next week\"
    until  = \"2027-01-01\"
";

/// Services that share key, reference and fault share a finding.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DanglingGroup<'s> {
    key: &'s str,
    body: &'s str,
    state: ReferenceState<'s>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let mut faults: BTreeMap<DanglingGroup<'_>, Vec<(&Target, &Variable)>> = BTreeMap::new();
    for target in survey.readable() {
        for (key, variable) in target.stored.iter().flatten() {
            let Variable::Reference { template, rendered } = variable else { continue };
            let rendered = rendered.as_ref().map(Secret::expose);
            let states = crate::drift::reference_state::states(template.expose(), rendered, target, &survey.catalogue);
            for (body, state) in states.into_iter().filter(|(_, state)| *state != ReferenceState::Fine) {
                let holders = faults.entry(DanglingGroup { key, body, state }).or_default();
                // One template may hold the same reference twice.
                if holders.last().is_none_or(|(last, _)| last.service.id != target.service.id) {
                    holders.push((target, variable));
                }
            }
        }
    }
    let guide = Guide::new(survey);
    faults.into_iter().map(|(fault, holders)| finding(&guide, &fault, &holders)).collect()
}

fn finding(guide: &Guide<'_>, group: &DanglingGroup<'_>, holders: &[(&Target, &Variable)]) -> Finding {
    let DanglingGroup { key, body, state } = group;
    let home = holders[0].0;
    let shown = shown(body);
    let (severity, message, reason) = match state {
        ReferenceState::Missing(lack) => {
            (RULE.severity, format!("{key} refers to {shown}, and {}", description(lack)), guide.hint(lack, home))
        }
        ReferenceState::Fine | ReferenceState::Empty if guide.leads_to_itself(home, key) => {
            (Severity::Note, format!("{key} refers to {shown}, which leads back to itself and so is empty"), None)
        }
        ReferenceState::Fine | ReferenceState::Empty => {
            (Severity::Note, format!("{key} refers to {shown}, which exists and is empty"), guide.emptiness(body, home))
        }
    };
    Finding {
        severity,
        required: holders.iter().any(|(target, _)| guide.survey.requires(target, key)) && severity == Severity::Error,
        key: Some((*key).to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        reason,
        advice: (severity == Severity::Error).then(|| format!("correct the reference in {key} on Railway")),
        sightings: holders.iter().map(|(target, variable)| sighting(target, Some(variable))).collect(),
        ..Finding::new(&RULE, message)
    }
}

/// What is longer than this is no name.
const LONGEST_SHOWN: usize = 80;

fn shown(body: &str) -> String {
    let start: String = body.chars().take(LONGEST_SHOWN).collect();
    let rest = if start.len() < body.len() { "…" } else { "" };
    format!("${{{{{start}{rest}}}}}")
}

fn description(lack: &MissingTarget<'_>) -> String {
    match lack {
        MissingTarget::Name => "that names nothing".to_owned(),
        MissingTarget::Service(service) => format!("there is no service {service}"),
        MissingTarget::Variable { service, name } => format!("{service} has no variable {name}"),
        MissingTarget::Shared(name) => format!("there is no shared variable {name}"),
        MissingTarget::Own(name) => format!("the service itself has no variable {name}"),
    }
}

/// Finds one's way among names and references.
struct Guide<'s> {
    survey: &'s Survey,
    /// Service names in lower case → as they are.
    services: HashMap<String, &'s str>,
    /// The readable services by name.
    targets: HashMap<&'s str, &'s Target>,
}

/// How many references are followed before it is given up; nobody chains that many.
const LONGEST_WAY: usize = 64;

impl<'s> Guide<'s> {
    fn new(survey: &'s Survey) -> Self {
        let services = survey.catalogue.services.keys().map(|name| (name.to_lowercase(), name.as_str())).collect();
        let targets = survey.readable().map(|target| (target.service.name.as_str(), target)).collect();
        Self { survey, services, targets }
    }

    fn catalogue(&self) -> &'s Catalogue {
        &self.survey.catalogue
    }

    /// What may have been meant.
    fn hint(&self, lack: &MissingTarget<'_>, home: &Target) -> Option<String> {
        let alike = |names: &'s BTreeSet<String>, wanted: &str| {
            names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).map(String::as_str)
        };
        let own = |service: &str| self.catalogue().services.get(service);
        let meant = match lack {
            MissingTarget::Name => None,
            MissingTarget::Service(service) => self.services.get(&service.to_lowercase()).copied(),
            MissingTarget::Shared(name) => alike(&self.catalogue().shared, name),
            MissingTarget::Variable { name: "PORT", .. } | MissingTarget::Own("PORT") => {
                return Some(
                    "the port that Railway chooses at start can't be referred to; set PORT to do so".to_owned(),
                );
            }
            MissingTarget::Variable { service, name } => own(service).and_then(|names| alike(names, name)),
            MissingTarget::Own(name) => own(&home.service.name).and_then(|names| alike(names, name)),
        };
        meant.map(|name| format!("names are case-sensitive, and there is {name}"))
    }

    /// Why a system variable may have no value.
    fn emptiness(&self, body: &str, home: &Target) -> Option<String> {
        match reference::aim(body, &home.service.name, self.catalogue()) {
            Ok(ReferenceTarget::Variable { service, name }) if system_variables::is_provided(name) => Some(format!(
                "Railway gives {name} a value only when {service} has what it describes, such as a domain"
            )),
            _ => None,
        }
    }

    /// Whether following the references of a variable comes back to it.
    fn leads_to_itself(&self, home: &'s Target, key: &'s str) -> bool {
        let start = (home.service.name.as_str(), key);
        let mut open = vec![start];
        let mut seen = HashSet::new();
        while let Some((service, key)) = open.pop() {
            for next in self.references(service, key) {
                if next == start {
                    return true;
                }
                if seen.len() < LONGEST_WAY && seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// Where the references of a variable lead, as service and key.
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

    fn world(services: &[ServiceRows<'_>]) -> Survey {
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
                Some(error("${{Postgress.DATABASE_URL}}, and there is no service Postgress")),
            ),
            ("A=${{Postgress.DATABASE_URL}} => x", None),
            ("A=${{Postgres.PGHOST}} => ", Some(error("${{Postgres.PGHOST}}, and Postgres has no variable PGHOST"))),
            ("A=a-${{ shared.NO }}-b => a--b", Some(error("${{shared.NO}}, and there is no shared variable NO"))),
            (
                "A=before-${{NO}}-after => before--after",
                Some(error("${{NO}}, and the service itself has no variable NO")),
            ),
            ("A=${{}} => ", Some(error("${{}}, and that names nothing"))),
            ("A=${{.}} => ", Some(error("${{.}}, and that names nothing"))),
            ("A=${{odd.name.PLAIN}} => x", None),
            ("A=${{odd.name.NO}} => ", Some(error("${{odd.name.NO}}, and odd.name has no variable NO"))),
            ("A=${{Postgres.EMPTY}} => ", Some(note("${{Postgres.EMPTY}}, which exists and is empty"))),
            ("A=${{shared.BASE}}/x => /x", Some(note("${{shared.BASE}}, which exists and is empty"))),
            ("A=${{A}} => ", Some(note("${{A}}, which leads back to itself and so is empty"))),
            (
                "A=${{api.RAILWAY_PUBLIC_DOMAIN}} => ",
                Some(note("${{api.RAILWAY_PUBLIC_DOMAIN}}, which exists and is empty")),
            ),
            ("A=${{RAILWAY_SERVICE_API_URL}} => x", None),
            ("A=${{secret(32)}} => ", None),
            ("A=${{Nowhere.X}} => <sealed>", Some(error("${{Nowhere.X}}, and there is no service Nowhere"))),
            (
                "A=${{Postgres.DATABASE_URL}}-${{Postgres.NO}} => <sealed>",
                Some(error("${{Postgres.NO}}, and Postgres has no variable NO")),
            ),
            ("A=${{Postgres.DATABASE_URL}} => <sealed>", None),
            ("A=${{shared.BASE}} => <sealed>", None),
            ("A=${{ secrets.API_KEY }} => ", None),
            ("A=${{ secrets.API_KEY }} => <sealed>", None),
            ("A=${{ secrets.API_KEY }}${{no.X}} => ", Some(error("${{no.X}}, and there is no service no"))),
            ("A=${{shared.OPEN", None),
            ("A=${A}", None),
        ] {
            let found = lines(&RULE, &world(&[("api", &[row])]));
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{row}");
        }
    }

    #[test]
    fn services_with_the_same_reference_share_a_finding() {
        let found =
            world(&[("api", &["A=${{no.X}}${{no.X}} => ", "B=${{no.X}} => "]), ("worker", &["A=${{no.X}} => "])]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "error A [api, worker]: A refers to ${{no.X}}, and there is no service no",
                "error B [api]: B refers to ${{no.X}}, and there is no service no",
            ]
        );
    }

    #[test]
    fn cycle_is_followed_through_services() {
        let found = world(&[("api", &["A=${{worker.B}} => ", "C=${{A}} => "]), ("worker", &["B=${{api.A}} => "])]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "note A [api]: A refers to ${{worker.B}}, which leads back to itself and so is empty",
                "note B [worker]: B refers to ${{api.A}}, which leads back to itself and so is empty",
                "note C [api]: C refers to ${{A}}, which exists and is empty",
            ]
        );
    }

    #[test]
    fn suggests_likely_intended_name() {
        for (row, hint) in [
            ("A=${{postgres.DATABASE_URL}} => ", Some("names are case-sensitive, and there is Postgres")),
            ("A=${{Postgres.database_url}} => ", Some("names are case-sensitive, and there is DATABASE_URL")),
            ("A=${{shared.base}} => ", Some("names are case-sensitive, and there is BASE")),
            ("A=${{a}} => ", Some("names are case-sensitive, and there is A")),
            (
                "A=${{Postgres.PORT}} => ",
                Some("the port that Railway chooses at start can't be referred to; set PORT to do so"),
            ),
            ("A=${{Mongo.URL}} => ", None),
        ] {
            assert_eq!(check(&world(&[("api", &[row])]))[0].reason.as_deref(), hint, "{row}");
        }
    }

    #[test]
    fn severity_of_required_key_cannot_be_lowered() {
        let mut found = world(&[("api", &["A=${{no.X}} => ", "B=${{shared.BASE}} => "])]);
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
