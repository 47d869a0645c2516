//! Searches files and environments for a value.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::drift::dotenv::LocalFile;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::finding::Location;
use crate::drift::plan::VariableOwner;
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::trace::form::{Form, Layer};
use crate::drift::trace::occurrences::find;
use crate::drift::trace::{EnvironmentTrace, FilePlace, Place, RunningCopy, SealedVariable, Unread, Usage};
use crate::drift::{ResourceRef, Secret, Target, Variable, system_variables};
use crate::error::Error;

/// An environment to search.
#[derive(Clone, Copy, Debug)]
pub struct SearchedEnvironment<'s> {
    pub project: &'s ResourceRef,
    pub environment: &'s ResourceRef,
    pub targets: &'s [Target],
    /// Its shared variables, or why they could not be read.
    pub shared: &'s Result<BTreeMap<String, Variable>, Error>,
    pub catalogue: &'s Catalogue,
}

/// A value to search for.
#[derive(Clone, Copy, Debug)]
pub struct SearchedValue<'s> {
    /// The key that has it. Sealed variables with this key may have it, too.
    pub key: &'s str,
    pub value: &'s Secret,
}

/// Returns the assignments and other lines of the files that contain the value.
pub fn files(files: &[LocalFile], value: &Secret) -> Vec<FilePlace> {
    let in_file = |(index, file): (usize, &LocalFile)| {
        let location = |line| Location { file: file.name.clone(), line };
        let entries = file.entries.iter().filter_map(move |entry| {
            let form = find(entry.value.expose(), value).into_iter().next()?;
            Some(FilePlace { file: index, location: location(entry.line), key: entry.key.clone(), form })
        });
        let lines = other_lines(file, value).into_iter();
        let lines = lines.map(move |line| FilePlace {
            file: index,
            location: location(line),
            key: String::new(),
            form: Form { layers: vec![Layer::Text] },
        });
        let mut places: Vec<FilePlace> = entries.chain(lines).collect();
        places.sort_by_key(|place| place.location.line);
        places
    };
    files.iter().enumerate().flat_map(in_file).collect()
}

/// Returns the lines that contain the value outside the values of assignments: in a comment, or in a line that is not an
/// assignment.
fn other_lines(file: &LocalFile, value: &Secret) -> Vec<usize> {
    let mut bytes = Zeroizing::new(file.text().expose().as_bytes().to_vec());
    for entry in &file.entries {
        // Line breaks stay, so that the lines keep their numbers. Each byte is replaced, so that the offsets stay valid.
        let value = bytes.get_mut(entry.span.clone()).into_iter().flatten();
        value.filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    // A value begins and ends between characters.
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let lines = text.lines().enumerate().filter(|(_, line)| !find(line, value).is_empty());
    lines.map(|(index, _)| index + 1).collect()
}

/// Returns the places of an environment that contain the value.
pub fn environment(searched: SearchedEnvironment<'_>, wanted: SearchedValue<'_>) -> EnvironmentTrace {
    let mut trace = EnvironmentTrace {
        project: searched.project.clone(),
        environment: searched.environment.clone(),
        ..EnvironmentTrace::default()
    };
    match searched.shared {
        Ok(shared) => {
            for (key, variable) in shared {
                let place = PlaceContext { owner: VariableOwner::Shared, key, running: None, searched, wanted };
                place.add_stored(variable, &mut trace);
            }
        }
        Err(error) => trace.unread.push(Unread { service: None, reason: unread_shared(error) }),
    }
    for target in searched.targets {
        match &target.stored {
            Ok(stored) => search_service(target, stored, searched, wanted, &mut trace),
            Err(error) => {
                let (service, reason) = (Some(target.service.clone()), error.with_cause(": "));
                trace.unread.push(Unread { service, reason });
            }
        }
    }
    trace.places.sort_by(|one, other| order(one).cmp(&order(other)));
    trace
}

fn unread_shared(error: &Error) -> String {
    format!("could not read the shared variables: {}", error.with_cause(": "))
}

/// Orders places: shared variables first, then services by name.
fn order(place: &Place) -> (bool, &str, &str) {
    (place.owner != VariableOwner::Shared, place.owner.name(), &place.key)
}

fn search_service(
    target: &Target,
    stored: &BTreeMap<String, Variable>,
    searched: SearchedEnvironment<'_>,
    wanted: SearchedValue<'_>,
    trace: &mut EnvironmentTrace,
) {
    let running = target.live.got.known();
    let owner = VariableOwner::Service(target.service.clone());
    let place = |key| PlaceContext { owner: owner.clone(), key, running, searched, wanted };
    for (key, variable) in stored {
        if !place(key).add_stored(variable, trace) {
            place(key).add_running(trace);
        }
    }
    // System variables are never compared.
    let is_removed = |key: &&String| !stored.contains_key(*key) && !system_variables::may_be_added(key);
    let removed = running.into_iter().flat_map(BTreeMap::keys).filter(is_removed);
    for key in removed {
        place(key).add_running(trace);
    }
}

/// One variable, and what is searched for.
struct PlaceContext<'p> {
    owner: VariableOwner,
    key: &'p str,
    running: Option<&'p DeployedVariables>,
    searched: SearchedEnvironment<'p>,
    wanted: SearchedValue<'p>,
}

impl PlaceContext<'_> {
    /// Adds the variable if its stored or rendered text contains the value. Returns whether it does.
    fn add_stored(&self, variable: &Variable, trace: &mut EnvironmentTrace) -> bool {
        let usage = match variable {
            Variable::Plain(text) => self.stored(text),
            Variable::Reference { template, rendered } => {
                self.stored(template).or_else(|| self.rendered(template, rendered.as_ref()))
            }
            Variable::Sealed | Variable::Unavailable => None,
        };
        // A composed value may be unknown because one of its references is sealed.
        let is_unknown = usage.is_none() && variable.is_unknown();
        if is_unknown && self.key == self.wanted.key {
            trace.sealed_holders.push(self.owner.clone());
        } else if is_unknown {
            trace.sealed.push(SealedVariable { owner: self.owner.clone(), key: self.key.to_owned() });
        }
        let Some(usage) = usage else { return false };
        let running = self.running_copy(variable);
        trace.places.push(Place { owner: self.owner.clone(), key: self.key.to_owned(), usage, running });
        true
    }

    fn stored(&self, text: &Secret) -> Option<Usage> {
        find(text.expose(), self.wanted.value).into_iter().next().map(Usage::Stored)
    }

    fn rendered(&self, template: &Secret, rendered: Option<&Secret>) -> Option<Usage> {
        if find(rendered?.expose(), self.wanted.value).is_empty() {
            return None;
        }
        Some(Usage::Reference { to: self.references(template.expose()) })
    }

    /// Returns the referenced variables that contain the value, or all of them if none of the known ones does.
    fn references(&self, template: &str) -> Vec<String> {
        let home = self.owner.name();
        let (mut all, mut containing) = (BTreeSet::new(), BTreeSet::new());
        for occurrence in reference::occurrences(template) {
            let Ok(target) = reference::aim(occurrence.body, home, self.searched.catalogue) else { continue };
            let (name, variable) = match target {
                ReferenceTarget::Function => continue,
                ReferenceTarget::Shared(name) => (format!("shared.{name}"), self.shared(name)),
                ReferenceTarget::Variable { service, name } => {
                    (format!("{service}.{name}"), self.variable(service, name))
                }
            };
            let effective = variable.and_then(Variable::effective);
            if effective.is_some_and(|text| !find(text.expose(), self.wanted.value).is_empty()) {
                containing.insert(name.clone());
            }
            all.insert(name);
        }
        Vec::from_iter(if containing.is_empty() { all } else { containing })
    }

    fn shared(&self, name: &str) -> Option<&Variable> {
        self.searched.shared.as_ref().ok()?.get(name)
    }

    fn variable(&self, service: &str, name: &str) -> Option<&Variable> {
        self.searched.targets.iter().find(|target| target.service.name == service)?.variable(name)
    }

    fn running_value(&self) -> Option<&Secret> {
        self.running?.get(self.key)?.as_ref()
    }

    fn running_copy(&self, variable: &Variable) -> RunningCopy {
        let Some(running) = self.running else { return RunningCopy::Unknown };
        match running.get(self.key) {
            Some(Some(text)) if !find(text.expose(), self.wanted.value).is_empty() => RunningCopy::Same,
            // Railway may return an unrendered reference.
            Some(Some(text)) if variable.template() == Some(text) => RunningCopy::Unknown,
            Some(None) => RunningCopy::Unknown,
            Some(Some(_)) | None => RunningCopy::Older,
        }
    }

    /// Adds the variable if only the running deployment has the value.
    fn add_running(&self, trace: &mut EnvironmentTrace) {
        let text = self.running_value();
        let Some(form) = text.and_then(|text| find(text.expose(), self.wanted.value).into_iter().next()) else {
            return;
        };
        let (owner, key, usage) = (self.owner.clone(), self.key.to_owned(), Usage::OnlyRunning(form));
        trace.places.push(Place { owner, key, usage, running: RunningCopy::Same });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::drift::test_support::{got, shared, survey};
    use crate::drift::trace::search::{SearchedEnvironment, SearchedValue, environment};
    use crate::drift::trace::{EnvironmentTrace, Place, Unread, Usage};
    use crate::drift::{Secret, Survey, Variable};
    use crate::error::Error;

    const VALUE: &str = "pq7Zr4Tk9WmX2cVb8NsL5f";

    type SharedVariables = Result<BTreeMap<String, Variable>, Error>;

    fn search(found: &Survey, shared: &SharedVariables) -> EnvironmentTrace {
        let searched = SearchedEnvironment {
            project: &found.project,
            environment: &found.environment,
            targets: &found.targets,
            shared,
            catalogue: &found.catalogue,
        };
        environment(searched, SearchedValue { key: "KEY", value: &Secret::new(VALUE) })
    }

    fn line(Place { owner, key, usage, running }: &Place) -> String {
        let usage = match usage {
            Usage::Stored(form) => form.name(),
            Usage::Reference { to } => format!("reference to {}", to.join(" ")),
            Usage::OnlyRunning(form) => format!("only running: {}", form.name()),
        };
        format!("{} {key}: {usage}, {running:?}", owner.name())
    }

    fn lines(found: &Survey, shared: &[(&str, &str)]) -> Vec<String> {
        let shared = shared.iter().map(|(key, value)| ((*key).to_owned(), Variable::Plain(Secret::new(*value))));
        search(found, &Ok(shared.collect())).places.iter().map(line).collect()
    }

    #[test]
    fn places_are_sorted_by_owner_and_key() {
        let [one, other, removed] = ["A", "C", "B"].map(|key| format!("{key}={VALUE}"));
        let mut found = survey(&[], &[("web", &[&one, &other]), ("api", &[&one])]);
        got(&mut found, "web", &[&one, &removed]);
        let expected = [
            "shared variables Z: literal, Unknown",
            "api A: literal, Unknown",
            "web A: literal, Same",
            "web B: only running: literal, Same",
            "web C: literal, Older",
        ];
        assert_eq!(lines(&found, &[("Z", VALUE)]), expected);
    }

    #[test]
    fn reference_names_the_variables_that_have_the_value() {
        let key = format!("KEY={VALUE}");
        for (template, expected) in [
            ("${{shared.OTHER}}:${{shared.KEY}}", "shared.KEY"),
            ("${{db.HOST}}:${{db.KEY}}", "db.KEY"),
            // Which of them has it is unknown.
            ("${{vault.KEY}}:${{db.HOST}}", "db.HOST vault.KEY"),
        ] {
            let url = format!("URL={template} => x:{VALUE}");
            let services: &[_] =
                &[("api", &[url.as_str()][..]), ("vault", &["KEY=<sealed>"]), ("db", &["HOST=db.acme.dev", &key])];
            let mut found = survey(&[], services);
            for key in ["KEY", "OTHER"] {
                shared(&mut found, key);
            }
            let places = lines(&found, &[("KEY", VALUE), ("OTHER", "x")]);
            let expected = format!("api URL: reference to {expected}, Unknown");
            assert!(places.contains(&expected), "{template}: {places:?}");
        }
    }

    #[test]
    fn running_copy_is_compared_if_it_is_known() {
        let (row, same) = (format!("KEY=${{{{shared.KEY}}}} => {VALUE}"), format!("KEY={VALUE}"));
        for (running, expected) in [
            (&[same.as_str()][..], "Same"),
            (&["KEY=0ld"], "Older"),
            (&[], "Older"),
            (&["KEY=<sealed>"], "Unknown"),
            // Railway did not render it.
            (&["KEY=${{shared.KEY}}"], "Unknown"),
        ] {
            let mut found = survey(&[], &[("api", &[&row])]);
            shared(&mut found, "KEY");
            got(&mut found, "api", running);
            assert_eq!(lines(&found, &[]), [format!("api KEY: reference to shared.KEY, {expected}")], "{running:?}");
        }
    }

    #[test]
    fn unread_shared_variables_are_reported() {
        let error = Err(Error::TwoFactor { workspace: "shop".to_owned() });
        let reason = "could not read the shared variables: workspace shop requires two-factor authentication: \
                      the token's account has not enabled it";
        let trace = search(&survey(&[], &[("api", &["A=1"])]), &error);
        assert_eq!(trace.unread, [Unread { service: None, reason: reason.to_owned() }]);
    }
}
