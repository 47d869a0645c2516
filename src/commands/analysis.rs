//! Runs the rules over both sides, and decides the exit code.

use crate::cli::FailOn;
use crate::commands::gather::Gathered;
use crate::commands::service_selection::ServiceNaming;
use crate::drift::engine::baseline::Baseline;
use crate::drift::engine::run_rules::{ComparedExtent, Examination, examine, examine_without};
use crate::drift::{Severity, Survey};
use crate::error::Exit;

/// Both sides of the comparison, and the result of the rules.
pub(crate) struct Analysis {
    pub(crate) gathered: Gathered,
    pub(crate) examination: Examination,
    /// The lowest severity that fails the run.
    pub(crate) fail_on: Option<Severity>,
}

/// Runs the rules. `--fail-on` overrides `doctor.toml`.
pub(crate) fn analyse(gathered: Gathered, flag: Option<FailOn>) -> Analysis {
    let examination = examine(&gathered.survey);
    let fail_on = fail_on(flag, gathered.fail_on);
    Analysis { gathered, examination, fail_on }
}

impl Analysis {
    /// Runs the rules again, after the sides have changed.
    pub(crate) fn repeat(&mut self) {
        self.examination = examine(&self.gathered.survey);
    }

    /// Runs the rules again, and removes the findings that the baseline covers.
    pub(crate) fn hide_known(&mut self, baseline: &Baseline) {
        self.examination = examine_without(&self.gathered.survey, baseline);
    }

    /// Returns why the findings of this run are not all findings of the services in scope, if that is so.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let unread = self.gathered.survey.targets.iter().find(|target| target.stored.is_err());
        match unread {
            Some(target) => Some(format!("{} could not be read", target.service.name)),
            None => self.compares_nothing().then(|| "nothing was compared".to_owned()),
        }
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        exit(&self.gathered.survey, &self.examination, self.fail_on, self.gathered.selection.named)
    }

    /// Returns the number of findings that fail the run.
    pub(crate) fn failing(&self) -> usize {
        failing(&self.examination, self.fail_on)
    }

    /// Returns whether nothing was compared, or nothing for a service that was named.
    fn compares_nothing(&self) -> bool {
        compares_nothing(&self.examination, self.gathered.selection.named)
    }
}

/// Returns the exit code. Errors come first: if a service can't be read, the run fails with its error, whatever the other
/// services have. Findings come before "nothing was compared", because findings can be fixed.
pub(crate) fn exit(
    survey: &Survey,
    examination: &Examination,
    fail_on: Option<Severity>,
    naming: ServiceNaming,
) -> Exit {
    if let Some(error) = survey.all_targets().find_map(|target| target.stored.as_ref().err()) {
        return error.exit();
    }
    if failing(examination, fail_on) > 0 {
        return Exit::Findings;
    }
    if compares_nothing(examination, naming) { Exit::NothingCompared } else { Exit::Clean }
}

/// Returns the number of findings that fail the run.
fn failing(examination: &Examination, fail_on: Option<Severity>) -> usize {
    let fails = |severity: Severity| fail_on.is_some_and(|least| severity >= least);
    examination.findings.iter().filter(|finding| fails(finding.severity)).count()
}

/// Returns whether nothing was compared, or nothing for a service that was named. Without a file, needs are checked
/// instead.
fn compares_nothing(examination: &Examination, naming: ServiceNaming) -> bool {
    let checked = || examination.extents.iter().map(ComparedExtent::checked);
    let is_named = naming == ServiceNaming::Yes;
    checked().sum::<usize>() == 0 || (is_named && checked().any(|checked| checked == 0))
}

/// Returns the lowest severity that fails the run: `--fail-on`, else that of `doctor.toml`.
pub(crate) fn fail_on(flag: Option<FailOn>, configured: Option<Severity>) -> Option<Severity> {
    match flag {
        Some(FailOn::Error) => Some(Severity::Error),
        Some(FailOn::Warning) => Some(Severity::Warning),
        Some(FailOn::Note) => Some(Severity::Note),
        Some(FailOn::Never) => None,
        None => configured,
    }
}
