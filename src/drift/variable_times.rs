//! Detects stale values by the times of change, which is weaker evidence than the deployed variables.

use jiff::{SignedDuration, Timestamp};

use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::variable_times::ChangeTimes;
use crate::drift::reference::{ReferenceTarget, aim, occurrences};
use crate::drift::survey::Target;
use crate::drift::{Variable, system_variables};

/// Railway reads a deployment's variables around the time of its creation, so a change this close may or may not be
/// included.
const NEAR: SignedDuration = SignedDuration::from_secs(5);

/// Keys of a service that were changed since a deployment was created, directly or through a reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// More than five seconds later.
    pub later: Vec<String>,
    /// Within five seconds of its creation.
    pub near: Vec<String>,
}

impl ChangeTimes {
    /// Returns the keys that were changed since. Deleted variables have no time and are not included.
    pub fn since(&self, target: &Target, created_at: &str, catalogue: &Catalogue) -> Changed {
        let mut changed = Changed::default();
        let Ok(created_at) = created_at.parse::<Timestamp>() else { return changed };
        for (key, variable) in target.stored.iter().flatten().filter(|(key, _)| !system_variables::is_provided(key)) {
            let Some(latest) = self.latest(target, key, variable, catalogue) else { continue };
            let after = latest.duration_since(created_at);
            if after > NEAR {
                changed.later.push(key.clone());
            } else if after >= -NEAR {
                changed.near.push(key.clone());
            }
        }
        changed
    }

    fn latest(&self, target: &Target, key: &str, variable: &Variable, catalogue: &Catalogue) -> Option<Timestamp> {
        let home = target.service.name.as_str();
        let of = |service: &str, name: &str| self.services.get(service)?.get(name);
        let template = variable.template().map_or("", |template| template.expose());
        let referred = occurrences(template).into_iter().filter_map(|occurrence| {
            match aim(occurrence.body, home, catalogue).ok()? {
                ReferenceTarget::Shared(name) => self.shared.get(name),
                ReferenceTarget::Variable { service, name } => of(service, name),
                ReferenceTarget::Function => None,
            }
        });
        referred.chain(of(home, key)).filter_map(|time| time.parse::<Timestamp>().ok()).max()
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::model::variable_times::ChangeTimes;
    use crate::drift::test_support::{out_of_scope, shared, survey};
    use crate::drift::variable_times::Changed;

    #[test]
    fn changes_propagate_through_references_with_a_margin() {
        const CREATED: &str = "2026-11-24T09:00:00.000Z";
        let rows = ["A=1", "B=${{shared.S}} => x", "C=${{Postgres.URL}} => y", "D=<sealed>", "RAILWAY_PROJECT_ID=1"];
        let mut found = survey(&[], &[("api", &rows)]);
        out_of_scope(&mut found, "Postgres", &["URL"]);
        shared(&mut found, "S");
        let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        for (service, name, time, later, near) in [
            ("api", "A", "2026-11-24T08:00:00.000Z", &[][..], &[][..]),
            ("api", "A", "2026-11-24T08:59:54.999Z", &[], &[]),
            ("api", "A", "2026-11-24T08:59:55.000Z", &[], &["A"]),
            ("api", "A", "2026-11-24T09:00:05.000Z", &[], &["A"]),
            ("api", "A", "2026-11-24T09:00:05.001Z", &["A"], &[]),
            ("api", "D", "2026-11-25T09:00:00.000Z", &["D"], &[]),
            ("api", "RAILWAY_PROJECT_ID", "2026-11-25T09:00:00.000Z", &[], &[]),
            ("", "S", "2026-11-25T09:00:00.000Z", &["B"], &[]),
            ("Postgres", "URL", "2026-11-25T09:00:00.000Z", &["C"], &[]),
            ("Postgres", "OTHER", "2026-11-25T09:00:00.000Z", &[], &[]),
            ("worker", "A", "2026-11-25T09:00:00.000Z", &[], &[]),
            ("api", "A", "yesterday", &[], &[]),
        ] {
            let mut times = ChangeTimes::default();
            if service.is_empty() {
                times.shared.insert(name.to_owned(), time.to_owned());
            } else {
                times.services.entry(service.to_owned()).or_default().insert(name.to_owned(), time.to_owned());
            }
            let expected = Changed { later: keys(later), near: keys(near) };
            assert_eq!(times.since(&found.targets[0], CREATED, &found.catalogue), expected, "{service} {name} {time}");
            assert_eq!(times.since(&found.targets[0], "", &found.catalogue), Changed::default());
        }
    }
}
