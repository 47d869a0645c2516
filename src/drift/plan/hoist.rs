//! Hoists a key: its value is stored once, as a shared variable, and the services refer to that. No service gets another
//! value.

use std::collections::BTreeMap;

use crate::drift::plan::offer::{Direction, Offer, OfferReach};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::reference;
use crate::drift::system_variables;
use crate::drift::{ResourceRef, Secret, Survey, Target, Variable};

/// A note on plans in which services keep their values.
pub const VALUES_STAY: &str = "each service gets the same value as before, so nothing is deployed; each change is \
                               verified before the next, and one that renders another value is reverted at once";

/// A key to hoist, and the services that may have it.
#[derive(Debug)]
pub struct Hoist<'h> {
    pub survey: &'h Survey,
    pub key: &'h str,
    /// The services in scope. Those without the key are skipped.
    pub services: Vec<&'h Target>,
    /// The environment's shared variables, if it has one with this name.
    pub shared_values: &'h BTreeMap<String, Variable>,
}

/// Why a key can't be hoisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoistRefusal {
    /// Sentences about the key without a full stop, which name the services.
    pub causes: Vec<String>,
    /// The services on which it can be hoisted; empty if there are not enough.
    pub others: Vec<ResourceRef>,
}

impl HoistRefusal {
    /// Returns the refusal as one sentence without a full stop.
    pub fn sentence(&self, key: &str) -> String {
        format!("{key} can't be stored once for all services: {}", self.causes.join("; "))
    }
}

/// Why the variable of a service can't become a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    Unread,
    Sealed,
    Unavailable,
    OtherReference,
    /// It refers to the shared variable, and renders something else.
    BrokenReference,
    Indirect,
    Empty,
    Placeholder,
    Database,
}

impl Obstacle {
    /// Returns the cause, without the names of the services.
    fn cause(self) -> &'static str {
        match self {
            Self::Unread => "could not be read on",
            Self::Sealed => "is sealed on",
            Self::Unavailable => "has no value that Railway returns on",
            Self::OtherReference => "refers to another variable on",
            Self::BrokenReference => "refers to the shared variable, but does not render its value on",
            Self::Indirect => "refers to a value kept elsewhere on",
            Self::Empty => "is empty on",
            Self::Placeholder => "is a placeholder on",
            Self::Database => "belongs to the database",
        }
    }
}

/// The services that have the key.
#[derive(Default)]
struct Holders<'h> {
    /// Those with a literal, by value.
    literals: Vec<(&'h Secret, Vec<&'h Target>)>,
    /// Those that refer to the shared variable already.
    referring: Vec<&'h str>,
    obstacles: BTreeMap<Obstacle, Vec<&'h str>>,
}

impl Hoist<'_> {
    /// Returns the changes; `None` if every service refers to the shared variable already.
    pub fn offer(&self) -> Result<Option<Offer>, HoistRefusal> {
        let key = self.key;
        let refused = |cause: String| HoistRefusal { causes: vec![cause], others: Vec::new() };
        if system_variables::is_provided(key) {
            return Err(refused("Railway sets it itself".to_owned()));
        }
        if !is_referable(key) {
            return Err(refused("a reference can only name letters, digits and underscores".to_owned()));
        }
        let shared = self.shared().map_err(refused)?;
        let holders = self.holders(shared);
        let causes = self.causes(shared, &holders);
        if !causes.is_empty() {
            return Err(HoistRefusal { causes, others: others(shared, &holders) });
        }
        let Some((value, targets)) = holders.literals.first() else { return Ok(None) };
        let mut stores: Vec<VariableChange> = shared.is_none().then(|| self.creation(value)).into_iter().collect();
        stores.extend(targets.iter().map(|target| self.reference(target, value)));
        Ok(Some(Offer {
            key: key.to_owned(),
            way: Direction::Hoist,
            reach: OfferReach::Picked,
            stores,
            pulls: Vec::new(),
            caution: shared.map_or_else(
                || self.dangling(),
                |_| Some(format!("the shared variable {key} already has this value, and is not changed")),
            ),
        }))
    }

    /// Returns the value of the shared variable; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Why services can't be made to refer to it.
    fn shared(&self) -> Result<Option<&Secret>, String> {
        let key = self.key;
        match self.shared_values.get(key) {
            Some(Variable::Plain(value)) => Ok(Some(value)),
            Some(Variable::Sealed) => Err(format!("the shared variable {key} exists, and is sealed")),
            Some(Variable::Unavailable) => Err(format!("Railway returned no value for the shared variable {key}")),
            Some(Variable::Reference { .. }) => Err(format!("the shared variable {key} is itself a reference")),
            None if self.survey.catalogue.shared.contains(key) => {
                Err(format!("the shared variable {key} could not be read"))
            }
            None => Ok(None),
        }
    }

    fn holders(&self, shared: Option<&Secret>) -> Holders<'_> {
        let mut holders = Holders::default();
        for target in &self.services {
            let name = target.service.name.as_str();
            let Ok(stored) = &target.stored else {
                let known = self.survey.catalogue.services.get(name);
                if known.is_some_and(|keys| keys.contains(self.key)) {
                    holders.obstacles.entry(Obstacle::Unread).or_default().push(name);
                }
                continue;
            };
            let Some(variable) = stored.get(self.key) else { continue };
            match (self.obstacle(target, variable, shared), variable) {
                (Some(obstacle), _) => holders.obstacles.entry(obstacle).or_default().push(name),
                (None, Variable::Plain(value)) => {
                    match holders.literals.iter_mut().find(|(known, _)| *known == value) {
                        Some((_, targets)) => targets.push(target),
                        None => holders.literals.push((value, vec![target])),
                    }
                }
                (None, _) => holders.referring.push(name),
            }
        }
        holders
    }

    /// Returns why the variable can't become a reference, or is not the expected one.
    fn obstacle(&self, target: &Target, variable: &Variable, shared: Option<&Secret>) -> Option<Obstacle> {
        if self.survey.catalogue.databases.contains(&target.service.name) {
            return Some(Obstacle::Database);
        }
        match variable {
            Variable::Sealed => Some(Obstacle::Sealed),
            Variable::Unavailable => Some(Obstacle::Unavailable),
            Variable::Reference { template, rendered } => {
                let is_ours = reference::shared_name(template.expose()) == Some(self.key);
                match shared {
                    _ if !is_ours => Some(Obstacle::OtherReference),
                    Some(shared) if rendered.as_ref() != Some(shared) => Some(Obstacle::BrokenReference),
                    _ => None,
                }
            }
            Variable::Plain(value) if value.expose().is_empty() => Some(Obstacle::Empty),
            Variable::Plain(value) if self.survey.is_indirect(value) => Some(Obstacle::Indirect),
            Variable::Plain(value) if self.survey.is_unset(self.key, value) => Some(Obstacle::Placeholder),
            Variable::Plain(_) => None,
        }
    }

    /// Returns every reason why the key can't be hoisted.
    fn causes(&self, shared: Option<&Secret>, holders: &Holders<'_>) -> Vec<String> {
        let obstacles = holders.obstacles.iter();
        let mut causes: Vec<String> =
            obstacles.map(|(obstacle, services)| format!("it {} {}", obstacle.cause(), every(services))).collect();
        let groups: Vec<String> = holders.literals.iter().map(|(_, targets)| names(targets)).collect();
        if let [first, others @ ..] = groups.as_slice()
            && !others.is_empty()
        {
            causes.push(format!(
                "its value is not the same: one on {first}, another on {}",
                others.join(", another on ")
            ));
        }
        if let Some(shared) = shared {
            let differing = holders.literals.iter().filter(|(value, _)| *value != shared);
            let differing: Vec<String> = differing.map(|(_, targets)| names(targets)).collect();
            if !differing.is_empty() {
                let key = self.key;
                causes.push(format!(
                    "the shared variable {key} exists with another value than on {}",
                    differing.join(", ")
                ));
            }
        } else if causes.is_empty() {
            causes.extend(too_few(holders));
        }
        causes
    }

    /// Returns the change that creates the shared variable.
    fn creation(&self, value: &Secret) -> VariableChange {
        VariableChange {
            owner: VariableOwner::Shared,
            key: self.key.to_owned(),
            before: None,
            after: Some(value.clone()),
            from: None,
            meant_for: Vec::new(),
            renders: Some(value.clone()),
        }
    }

    /// Returns the change that makes the service refer to the shared variable.
    fn reference(&self, target: &Target, value: &Secret) -> VariableChange {
        VariableChange {
            owner: VariableOwner::Service(target.service.clone()),
            key: self.key.to_owned(),
            before: Some(Variable::Plain(value.clone())),
            after: Some(Secret::new(reference::to_shared(self.key))),
            from: None,
            meant_for: Vec::new(),
            renders: Some(value.clone()),
        }
    }

    /// Returns a note about variables that refer to the shared variable before it exists: they get a value.
    fn dangling(&self) -> Option<String> {
        let refers = |text: &Secret| {
            let body = format!("shared.{}", self.key);
            reference::occurrences(text.expose()).iter().any(|occurrence| occurrence.body == body)
        };
        let of_target = |target: &&Target| {
            let templates = target.stored.iter().flatten();
            templates.filter_map(|(_, variable)| variable.template()).any(refers)
        };
        let readable = self.survey.readable().collect::<Vec<_>>();
        let dangling: Vec<&str> =
            readable.iter().filter(|target| of_target(target)).map(|target| target.service.name.as_str()).collect();
        (!dangling.is_empty()).then(|| {
            let verb = if dangling.len() == 1 { "refers" } else { "refer" };
            format!(
                "{} {verb} to the shared variable {} before it exists; the next deployment gets the value",
                every(&dangling),
                self.key
            )
        })
    }
}

/// Returns why a new shared variable is not worth it, if that is so.
fn too_few(holders: &Holders<'_>) -> Option<String> {
    let number: usize = holders.literals.iter().map(|(_, targets)| targets.len()).sum();
    match (number, holders.referring.as_slice()) {
        (0, []) => Some("no service in scope has it".to_owned()),
        (0, referring) => Some(format!("it refers to a shared variable that does not exist on {}", every(referring))),
        (1, _) => Some(format!("only {} has it as a literal", names(&holders.literals[0].1))),
        _ => None,
    }
}

/// Returns the services on which the key can be hoisted although it can't be on all: those with the value of the shared
/// variable, or else the only ones that agree.
fn others(shared: Option<&Secret>, holders: &Holders<'_>) -> Vec<ResourceRef> {
    let is_candidate = |(value, targets): &&(&Secret, Vec<&Target>)| match shared {
        Some(shared) => *value == shared,
        None => targets.len() > 1,
    };
    let candidates: Vec<_> = holders.literals.iter().filter(is_candidate).collect();
    match candidates.as_slice() {
        [(_, targets)] => targets.iter().map(|target| target.service.clone()).collect(),
        _ => Vec::new(),
    }
}

fn names(targets: &[&Target]) -> String {
    every(&targets.iter().map(|target| target.service.name.as_str()).collect::<Vec<_>>())
}

/// Returns all names, however many: `a`, `a and b`, `a, b and c`.
fn every(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// Returns whether a reference can name the key. It is not documented how Railway reads other characters.
fn is_referable(key: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    key.starts_with(is_letter) && key.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::drift::plan::hoist::{Hoist, HoistRefusal};
    use crate::drift::plan::offer::Offer;
    use crate::drift::test_support::{ServiceRows, shared, survey, unreadable};
    use crate::drift::{Secret, Survey, Variable};

    fn hoist(survey: &Survey, key: &str, value: Option<&str>) -> Result<Option<Offer>, HoistRefusal> {
        let shared_values = value.map(|value| (key.to_owned(), Variable::Plain(Secret::new(value))));
        let shared_values: BTreeMap<String, Variable> = shared_values.into_iter().collect();
        Hoist { survey, key, services: survey.targets.iter().collect(), shared_values: &shared_values }.offer()
    }

    #[test]
    fn shared_variable_comes_first_unless_it_exists() {
        let rows: &[ServiceRows<'_>] = &[
            ("api", &["K=value-one"]),
            ("web", &["OTHER=${{shared.K}} => value-one"]),
            ("cron", &["K=value-one"]),
            ("done", &["K=${{ shared.K }} => value-one"]),
        ];
        for (value, expected, caution) in [
            (
                None,
                "shared variables=value-one, api=${{shared.K}}, cron=${{shared.K}}",
                "web and done refer to the shared variable K before it exists; the next deployment gets the value",
            ),
            (
                Some("value-one"),
                "api=${{shared.K}}, cron=${{shared.K}}",
                "the shared variable K already has this value, and is not changed",
            ),
        ] {
            let offer = hoist(&survey(&[], rows), "K", value).unwrap().expect("something to hoist");
            let texts: Vec<String> = offer
                .stores
                .iter()
                .map(|store| format!("{}={}", store.owner.name(), store.after.as_ref().unwrap().expose()))
                .collect();
            assert_eq!((texts.join(", ").as_str(), offer.caution.as_deref()), (expected, Some(caution)));
            assert!(offer.stores.iter().all(|store| store.renders == Some(Secret::new("value-one"))));
            assert!(offer.stores.iter().all(|store| store.meant_for.is_empty()), "nothing is deployed");
        }
        let done = survey(&[], &[("api", &["K=${{shared.K}} => v"]), ("web", &["K=${{shared.K}} => v"])]);
        assert!(hoist(&done, "K", Some("v")).unwrap().is_none());
    }

    #[test]
    fn refusal_names_every_service_and_those_that_remain() {
        let cases: &[(&[ServiceRows<'_>], Option<&str>, &str, &str)] = &[
            (
                &[("a", &["K=1"]), ("b", &["K=1"]), ("c", &["K=2"]), ("d", &["K=3"])],
                None,
                "its value is not the same: one on a and b, another on c, another on d",
                "a b",
            ),
            (
                &[("a", &["K=1"]), ("b", &["K=1"]), ("c", &["K=2"]), ("d", &["K=2"])],
                None,
                "its value is not the same: one on a and b, another on c and d",
                "",
            ),
            (
                &[("a", &["K=1"]), ("b", &["K=2"])],
                Some("2"),
                "its value is not the same: one on a, another on b; the shared variable K exists with another value than \
                 on a",
                "b",
            ),
            (&[("a", &["K=1"])], None, "only a has it as a literal", ""),
            (&[("a", &["L=1"])], None, "no service in scope has it", ""),
            (&[("a", &["K=${{shared.K}} => "])], None, "it refers to a shared variable that does not exist on a", ""),
            (
                &[("a", &["K=1"]), ("b", &["K=${{shared.K}} => 2"])],
                Some("1"),
                "it refers to the shared variable, but does not render its value on b",
                "a",
            ),
            (
                &[("a", &["K=1"]), ("b", &["K=1"]), ("c", &["K=<sealed>"]), ("d", &["K=<unavailable>"])],
                None,
                "it is sealed on c; it has no value that Railway returns on d",
                "a b",
            ),
            (
                &[
                    ("a", &["K=1"]),
                    ("b", &["K=1"]),
                    ("c", &["K="]),
                    ("d", &["K=op://dev/a/b"]),
                    ("e", &["K=changeme"]),
                    ("f", &["K=${{a.K}} => 1"]),
                ],
                None,
                "it refers to another variable on f; it refers to a value kept elsewhere on d; it is empty on c; it is a \
                 placeholder on e",
                "a b",
            ),
        ];
        for (services, value, causes, others) in cases {
            let refusal = hoist(&survey(&[], services), "K", *value).unwrap_err();
            let remaining: Vec<&str> = refusal.others.iter().map(|service| service.name.as_str()).collect();
            assert_eq!((refusal.causes.join("; ").as_str(), remaining.join(" ").as_str()), (*causes, *others));
            assert_eq!(refusal.sentence("K"), format!("K can't be stored once for all services: {causes}"));
        }
    }

    #[test]
    fn unknown_state_and_odd_names_are_refused() {
        let rows = |key: &str| format!("{key}=1");
        for (key, cause) in [
            ("RAILWAY_PUBLIC_DOMAIN", "Railway sets it itself"),
            ("A.B", "a reference can only name letters, digits and underscores"),
            ("secret(32)", "a reference can only name letters, digits and underscores"),
        ] {
            let row = rows(key);
            let refusal = hoist(&survey(&[], &[("a", &[&row]), ("b", &[&row])]), key, None).unwrap_err();
            assert_eq!(refusal.causes, [cause], "{key}");
        }
        let mut unread = survey(&[], &[("a", &["K=1"]), ("b", &["K=1"]), ("c", &["K=1"]), ("d", &["L=1"])]);
        unreadable(&mut unread, "c");
        unreadable(&mut unread, "d");
        assert_eq!(hoist(&unread, "K", None).unwrap_err().causes, ["it could not be read on c"]);
        let mut unknown = survey(&[], &[("a", &["K=1"]), ("b", &["K=1"])]);
        shared(&mut unknown, "K");
        assert_eq!(hoist(&unknown, "K", None).unwrap_err().causes, ["the shared variable K could not be read"]);
    }
}
