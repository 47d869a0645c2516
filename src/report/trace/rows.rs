//! The places of a trace in the order of every format, and their wording.

use crate::drift::ResourceRef;
use crate::drift::model::finding::Location;
use crate::drift::plan::VariableOwner;
use crate::drift::trace::form::Form;
use crate::drift::trace::{EnvironmentTrace, Place, RunningCopy, Usage};
use crate::report::text::wording::{self, FEW, listed};
use crate::report::{TraceReport, TraceRole};

/// The places of all local files, or of one environment.
pub(crate) struct TraceGroup<'r> {
    /// `None` for the local files.
    pub(crate) environment: Option<&'r EnvironmentTrace>,
    /// At least one.
    pub(crate) rows: Vec<TraceRow<'r>>,
}

/// A variable or an assignment that has the value, or a sealed one that may have it.
pub(crate) struct TraceRow<'r> {
    /// `None` for a local file.
    pub(crate) environment: Option<&'r EnvironmentTrace>,
    pub(crate) place: TracePlace<'r>,
    pub(crate) key: &'r str,
    pub(crate) usage: RowUsage<'r>,
    /// `None` for a place that does not run, and for a sealed variable.
    pub(crate) running: Option<RunningCopy>,
}

/// Where a variable or an assignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TracePlace<'r> {
    File(&'r Location),
    Service(&'r ResourceRef),
    Shared,
}

/// How a row has the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowUsage<'r> {
    Stored(&'r Form),
    Reference(&'r [String]),
    OnlyRunning(&'r Form),
    /// Unknown: Railway does not return the value.
    Sealed,
}

impl<'r> TracePlace<'r> {
    fn of(owner: &'r VariableOwner) -> Self {
        match owner {
            VariableOwner::Service(service) => Self::Service(service),
            VariableOwner::Shared => Self::Shared,
        }
    }
}

impl TraceReport {
    /// Returns the places of the local files, and then those of each environment that has any.
    pub(crate) fn groups(&self) -> Vec<TraceGroup<'_>> {
        let files = self.trace.files.iter().map(|file| TraceRow {
            environment: None,
            place: TracePlace::File(&file.location),
            key: &file.key,
            usage: RowUsage::Stored(&file.form),
            running: None,
        });
        let files = TraceGroup { environment: None, rows: files.collect() };
        let environments = self.trace.environments.iter();
        let environments = environments.map(|found| TraceGroup { environment: Some(found), rows: self.rows_of(found) });
        [files].into_iter().chain(environments).filter(|group| !group.rows.is_empty()).collect()
    }

    /// Returns all places.
    pub(crate) fn rows(&self) -> Vec<TraceRow<'_>> {
        self.groups().into_iter().flat_map(|group| group.rows).collect()
    }

    /// Returns the places of an environment: stored ones, those that only run, and those that are unknown.
    fn rows_of<'r>(&'r self, environment: &'r EnvironmentTrace) -> Vec<TraceRow<'r>> {
        let is_only_running = |place: &&Place| matches!(place.usage, Usage::OnlyRunning(_));
        let (only_running, stored): (Vec<_>, Vec<_>) = environment.places.iter().partition(is_only_running);
        let known = stored.into_iter().chain(only_running).map(|place| row(environment, place));
        let sealed = environment.sealed_holders.iter().map(|owner| TraceRow {
            environment: Some(environment),
            place: TracePlace::of(owner),
            key: &self.key,
            usage: RowUsage::Sealed,
            running: None,
        });
        known.chain(sealed).collect()
    }

    /// Returns whether several environments were searched, so that each place needs the name of its environment.
    pub(crate) fn has_several_environments(&self) -> bool {
        self.trace.environments.len() > 1
    }

    /// Returns a place as a sentence without a full stop: `DSN on api has the value of API_KEY: in a URL (query)`.
    pub(crate) fn sentence(&self, row: &TraceRow<'_>) -> String {
        let has = if row.usage == RowUsage::Sealed { "may have" } else { "has" };
        let old = if self.role == TraceRole::Left { "old " } else { "" };
        let preposition = if matches!(row.place, TracePlace::Service(_)) { "on" } else { "in" };
        let place = match row.place {
            TracePlace::Shared => "the shared variables".to_owned(),
            _ => row.place_text(),
        };
        let environment = match row.environment {
            Some(environment) if self.has_several_environments() => format!(" in {}", environment_name(environment)),
            _ => String::new(),
        };
        format!(
            "{} {preposition} {place}{environment} {has} the {old}value of {}: {}",
            row.key,
            self.key,
            row.form_text()
        )
    }
}

fn row<'r>(environment: &'r EnvironmentTrace, place: &'r Place) -> TraceRow<'r> {
    let running = place.owner.id().map(|_| place.running);
    let usage = match &place.usage {
        Usage::Stored(form) => RowUsage::Stored(form),
        Usage::Reference { to } => RowUsage::Reference(to),
        Usage::OnlyRunning(form) => RowUsage::OnlyRunning(form),
    };
    TraceRow { environment: Some(environment), place: TracePlace::of(&place.owner), key: &place.key, usage, running }
}

impl<'r> TraceRow<'r> {
    /// Returns `.env:3`, `shared`, or the name of the service.
    pub(crate) fn place_text(&self) -> String {
        match self.place {
            TracePlace::File(location) => wording::place(location),
            TracePlace::Service(service) => service.name.clone(),
            TracePlace::Shared => "shared".to_owned(),
        }
    }

    /// Returns how the place has the value: `in a URL (query)`, `reference to shared.API_KEY`.
    pub(crate) fn form_text(&self) -> String {
        match self.usage {
            RowUsage::Stored(form) => form.description(),
            RowUsage::Reference(to) => format!("reference to {}", listed(to, FEW)),
            RowUsage::OnlyRunning(form) if form.layers.is_empty() => "no longer stored".to_owned(),
            RowUsage::OnlyRunning(form) => format!("no longer stored, {}", form.description()),
            RowUsage::Sealed => "unknown (sealed)".to_owned(),
        }
    }

    /// Returns whether the running deployment has the value; empty if nothing runs there.
    pub(crate) fn running_text(&self) -> &'static str {
        match (self.usage, self.running) {
            (RowUsage::OnlyRunning(_), _) => "until redeployed",
            (_, Some(RunningCopy::Same)) => "yes",
            (_, Some(RunningCopy::Older)) => "older value",
            (_, Some(RunningCopy::Unknown)) => "unknown",
            (_, None) => "",
        }
    }

    /// Returns the name of a suite of tests for the file, the service or the shared variables.
    pub(crate) fn suite(&self, trace: &TraceReport) -> String {
        let place = match self.place {
            TracePlace::File(location) => location.file.clone(),
            TracePlace::Service(service) => service.name.clone(),
            TracePlace::Shared => "shared variables".to_owned(),
        };
        match self.environment {
            Some(environment) if trace.has_several_environments() => {
                format!("{} · {place}", environment_name(environment))
            }
            _ => place,
        }
    }

    /// Returns how the place has the value, for programs: the name of a form, `reference`, `running` or `sealed`.
    pub(crate) fn kind(&self) -> String {
        match self.usage {
            RowUsage::Stored(form) => form.name(),
            RowUsage::Reference(_) => "reference".to_owned(),
            RowUsage::OnlyRunning(_) => "running".to_owned(),
            RowUsage::Sealed => "sealed".to_owned(),
        }
    }

    /// Returns the line of the file.
    pub(crate) fn file(&self) -> Option<&'r Location> {
        match self.place {
            TracePlace::File(location) => Some(location),
            TracePlace::Service(_) | TracePlace::Shared => None,
        }
    }

    /// Returns the service of the row.
    pub(crate) fn service(&self) -> Option<&'r ResourceRef> {
        match self.place {
            TracePlace::Service(service) => Some(service),
            TracePlace::File(_) | TracePlace::Shared => None,
        }
    }
}

/// Returns text such as `relay · staging`.
pub(crate) fn environment_name(environment: &EnvironmentTrace) -> String {
    format!("{} · {}", environment.project.name, environment.environment.name)
}
