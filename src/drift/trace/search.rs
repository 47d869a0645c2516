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
