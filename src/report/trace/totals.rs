//! The numbers of a trace, and the sentence that sums it up.

use std::collections::HashSet;

use crate::drift::phrases::{count, grouped, names};
use crate::drift::plan::VariableOwner;
use crate::drift::trace::EnvironmentTrace;
use crate::report::trace::rows::{RowUsage, TracePlace, TraceRow, environment_name};
use crate::report::{Report, TraceReport, TraceRole};

/// The numbers of places by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceTotals {
    /// Places that have the value themselves, stored or running.
    copies: usize,
    /// The files, shared variables and services with a copy.
    files: usize,
    shared: usize,
    services: usize,
    references: usize,
    /// Sealed variables that may have the value.
    pub(crate) unknown: usize,
}

impl TraceTotals {
    /// Counts places.
    fn of(rows: &[TraceRow<'_>]) -> Self {
        let mut totals = Self::default();
        let (mut files, mut services) = (HashSet::new(), HashSet::new());
        for row in rows {
            match row.usage {
                RowUsage::Reference(_) => totals.references += 1,
                RowUsage::Sealed => totals.unknown += 1,
                RowUsage::Stored(_) | RowUsage::OnlyRunning(_) => {
                    totals.copies += 1;
                    match row.place {
                        TracePlace::File(location) => {
                            files.insert(&location.file);
                        }
                        TracePlace::Shared => totals.shared += 1,
                        TracePlace::Service(service) => {
                            let environment = row.environment.map(|environment| &environment.environment.id);
                            services.insert((environment, &service.id));
                        }
                    }
                }
            }
        }
        Self { files: files.len(), services: services.len(), ..totals }
    }

    /// Returns the number of places that are known to have the value.
    pub(crate) fn places(self) -> usize {
        self.copies + self.references
    }

    /// Returns `8 copies in 1 file, 1 shared variable and 4 services`, `2 references`, `1 unknown`.
    pub(crate) fn phrases(self) -> Vec<String> {
        let homes = [(self.files, "file"), (self.shared, "shared variable"), (self.services, "service")];
        let homes: Vec<String> =
            homes.into_iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(number, noun)).collect();
        let homes: Vec<&str> = homes.iter().map(String::as_str).collect();
        let copies = if self.copies == 1 { "1 copy".to_owned() } else { format!("{} copies", grouped(self.copies)) };
        [
            (self.copies > 0).then(|| format!("{copies} in {}", names(&homes))),
            (self.references > 0).then(|| count(self.references, "reference")),
            (self.unknown > 0).then(|| format!("{} unknown", grouped(self.unknown))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl TraceReport {
    /// Returns the numbers of places.
    pub(crate) fn totals(&self) -> TraceTotals {
        TraceTotals::of(&self.rows())
    }

    /// Returns whether the places are listed: if there is one apart from the origin of the value.
    pub(crate) fn lists_places(&self) -> bool {
        let rows = self.rows();
        self.others(&rows) > 0 || TraceTotals::of(&rows).unknown > 0
    }

    /// Returns the number of places that are known to have the value, without its origin. After a rotation, no place is
    /// the origin.
    fn others(&self, rows: &[TraceRow<'_>]) -> usize {
        let has_origin = self.role == TraceRole::Found && rows.iter().any(|row| self.is_origin(row));
        TraceTotals::of(rows).places().saturating_sub(usize::from(has_origin))
    }

    fn is_origin(&self, row: &TraceRow<'_>) -> bool {
        let is_place = match row.place {
            TracePlace::Shared => self.origin == VariableOwner::Shared.name(),
            TracePlace::File(_) | TracePlace::Service(_) => self.origin == row.place_text(),
        };
        is_place && row.key == self.key && row.usage != RowUsage::Sealed
    }

    /// Returns the result without a full stop: `is used in 9 places`, which follows the key; after a rotation, a
    /// sentence.
    pub(crate) fn result(&self) -> String {
        let rows = self.rows();
        let totals = TraceTotals::of(&rows);
        match (self.role, totals.unknown) {
            (TraceRole::Left, _) => self.left_result(totals),
            (TraceRole::Found, _) if self.others(&rows) > 0 => {
                format!("is used in {}", count(totals.places(), "place"))
            }
            (TraceRole::Found, 0) if self.is_complete() => "is used nowhere else".to_owned(),
            (TraceRole::Found, 0) => "was found nowhere else in what was searched".to_owned(),
            (TraceRole::Found, unknown) => {
                format!("was found nowhere else, but {} may have it", count(unknown, "sealed variable"))
            }
        }
    }

    fn left_result(&self, totals: TraceTotals) -> String {
        match (totals.places(), totals.unknown) {
            (0, 0) if self.is_complete() => "the old value is left nowhere".to_owned(),
            (0, 0) => "the old value was found nowhere in what was searched".to_owned(),
            (0, unknown) => format!("the old value may be left in {}", count(unknown, "place")),
            (places, 0) => format!("the old value is left in {}", count(places, "place")),
            (places, unknown) => {
                let more = grouped(unknown);
                format!("the old value is left in {}, and may be left in {more} more", count(places, "place"))
            }
        }
    }

    /// Returns whether an old value is left, or may be. A sealed variable that was not changed counts.
    pub(crate) fn is_left(&self) -> bool {
        self.role == TraceRole::Left && self.lists_places()
    }

    /// Returns whether an environment was searched completely, and has no place.
    pub(crate) fn is_unused_in(environment: &EnvironmentTrace) -> bool {
        environment.places.is_empty() && environment.sealed_holders.is_empty() && environment.unread.is_empty()
    }

    /// Returns the result with its subject: `API_KEY is used in 9 places`.
    pub(crate) fn summary(&self) -> String {
        match self.role {
            TraceRole::Found => format!("{} {}", self.key, self.result()),
            TraceRole::Left => self.result(),
        }
    }

    /// Returns the command that ended with it.
    pub(crate) fn command(&self) -> &'static str {
        match self.role {
            TraceRole::Found => "trace",
            TraceRole::Left => "rotate",
        }
    }

    /// Returns what [`TraceReport::rotate_command`] does, without a colon. It changes only the first environment, which is
    /// the target of the run.
    pub(crate) fn purpose(&self) -> String {
        match (self.role, self.trace.environments.first()) {
            (TraceRole::Left, _) => "To change it there, too".to_owned(),
            (TraceRole::Found, Some(target)) if self.has_several_environments() => {
                format!("To change it in {}", environment_name(target))
            }
            (TraceRole::Found, _) => "To change it in all places".to_owned(),
        }
    }

    /// Returns `2 other variables are sealed, and can't be searched`; `None` if there are none.
    pub(crate) fn sealed(&self) -> Option<String> {
        let number = self.trace.environments.iter().map(|environment| environment.sealed.len()).sum();
        let are = if number == 1 { "is" } else { "are" };
        (number > 0).then(|| format!("{} {are} sealed, and can't be searched", count(number, "other variable")))
    }

    /// Returns what was searched, for several environments: `7 environments of 3 projects`.
    pub(crate) fn extent(&self) -> Option<String> {
        let projects: HashSet<&str> =
            self.trace.environments.iter().map(|environment| environment.project.id.as_str()).collect();
        let environments = count(self.trace.environments.len(), "environment");
        let extent = format!("{environments} of {}", count(projects.len(), "project"));
        self.has_several_environments().then_some(extent)
    }
}

/// A service or another part that could not be read.
pub(crate) struct UnreadPart {
    pub(crate) name: String,
    /// The reason, as a phrase without a full stop.
    pub(crate) reason: String,
}

impl TraceReport {
    /// Returns what could not be read.
    pub(crate) fn unread(&self) -> impl Iterator<Item = UnreadPart> {
        let parts = self.trace.environments.iter().flat_map(|found| found.unread.iter().map(move |part| (found, part)));
        parts.map(|(found, part)| {
            let name = match (&part.service, self.has_several_environments()) {
                (Some(service), false) => service.name.clone(),
                (Some(service), true) => format!("{} · {}", environment_name(found), service.name),
                (None, false) => format!("environment {}", found.environment.name),
                (None, true) => environment_name(found),
            };
            UnreadPart { name, reason: part.reason.clone() }
        })
    }
}

impl Report {
    /// Returns whether it has only the result of a trace.
    pub fn traces(&self) -> bool {
        self.command == "trace"
    }

    /// Returns what could not be read: services, and what a trace did not search for that reason.
    pub(crate) fn unread(&self) -> Vec<UnreadPart> {
        let of_services = self
            .services
            .iter()
            .filter_map(|line| Some(UnreadPart { name: line.service.name.clone(), reason: line.error.clone()? }));
        let mut parts: Vec<UnreadPart> = of_services.collect();
        let names: HashSet<String> = parts.iter().map(|part| part.name.clone()).collect();
        let of_trace = self.trace.iter().flat_map(TraceReport::unread);
        parts.extend(of_trace.filter(|part| !names.contains(&part.name)));
        parts
    }

    /// Returns what a trace adds to the conclusion: an old value that is left, or an incomplete search.
    pub(crate) fn trace_conclusion(&self) -> Option<String> {
        match &self.trace {
            Some(trace) if trace.is_left() => Some(trace.result()),
            Some(trace) if !trace.is_complete() => Some("incomplete search".to_owned()),
            Some(_) if self.traces() && self.exit_code != 0 => Some("incomplete search".to_owned()),
            None if self.traces() => Some("nothing was searched".to_owned()),
            _ => None,
        }
    }
}
