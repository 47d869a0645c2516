//! Runs the rules over both sides, and decides the exit code.

use crate::cli::FailOn;
use crate::commands::gather::Gathered;
use crate::commands::service_selection::ServiceNaming;
use crate::drift::Severity;
use crate::drift::engine::run_rules::{Examination, examine};
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
    let fail_on = match flag {
        Some(FailOn::Error) => Some(Severity::Error),
        Some(FailOn::Warning) => Some(Severity::Warning),
        Some(FailOn::Note) => Some(Severity::Note),
        Some(FailOn::Never) => None,
        None => gathered.fail_on,
    };
    Analysis { gathered, examination, fail_on }
}

impl Analysis {
    /// Runs the rules again, after the sides have changed.
    pub(crate) fn repeat(&mut self) {
        self.examination = examine(&self.gathered.survey);
    }

    /// Returns the exit code. Errors come first: if a service can't be read, the run fails with its error, whatever the
    /// other services have. Findings come before "nothing was compared", because findings can be fixed.
    pub(crate) fn exit(&self) -> Exit {
        if let Some(error) = self.gathered.survey.targets.iter().find_map(|target| target.stored.as_ref().err()) {
            return error.exit();
        }
        if self.failing() > 0 {
            return Exit::Findings;
        }
        let compared = || self.examination.extents.iter().map(|extent| extent.compared);
        let is_named = self.gathered.selection.named == ServiceNaming::Yes;
        if compared().sum::<usize>() == 0 || (is_named && compared().any(|compared| compared == 0)) {
            return Exit::NothingCompared;
        }
        Exit::Clean
    }

    /// Returns the number of findings that fail the run.
    pub(crate) fn failing(&self) -> usize {
        let fails = |severity: Severity| self.fail_on.is_some_and(|least| severity >= least);
        self.examination.findings.iter().filter(|finding| fails(finding.severity)).count()
    }
}
