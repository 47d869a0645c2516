//! The verdict on each service, and the conclusion of the run. The table, the last line and every format use both.

use crate::drift::engine::service_status::CheckState;
use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::model::severity::Severity;
use crate::report::{Report, ServiceLine};

/// The exit codes that a conclusion depends on; a test in `commands` compares them with `Exit`.
#[cfg(test)]
pub(crate) const CODES: [u8; 7] = [CLEAN, FINDINGS, NOTHING_COMPARED, PARTIAL, DISPROVED, INCONCLUSIVE, INTERRUPTED];
const CLEAN: u8 = 0;
const FINDINGS: u8 = 1;
/// Nothing was compared, or nothing for a service that was named.
pub(crate) const NOTHING_COMPARED: u8 = 3;
const PARTIAL: u8 = 6;
const DISPROVED: u8 = 7;
const INCONCLUSIVE: u8 = 8;
const INTERRUPTED: u8 = 130;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceVerdict {
    /// No finding reaches `--fail-on`.
    Pass,
    /// A finding reaches `--fail-on`, or a change of this run failed.
    Fail,
    /// Nothing was compared, or a change of this run could not be verified.
    Skip,
}

impl ServiceVerdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Fail, Self::Skip];

    /// Returns the label in a table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }

    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl Report {
    /// Returns the verdict on a service.
    pub fn verdict(&self, line: &ServiceLine) -> ServiceVerdict {
        let fails = |finding: &&Finding| finding.services.iter().any(|service| service.id == line.service.id);
        let mut failing = self.findings.iter().filter(|finding| self.fails(finding.severity));
        if line.error.is_some() || failing.any(|finding| fails(&finding)) {
            return ServiceVerdict::Fail;
        }
        match self.shortfall(line) {
            Some(Shortfall::Incomplete | Shortfall::VerificationFailed) => ServiceVerdict::Fail,
            None if !self.not_rechecked && (line.checked() > 0 || self.was_changed(line) || !self.compares()) => {
                ServiceVerdict::Pass
            }
            Some(Shortfall::Unverified) | None => ServiceVerdict::Skip,
        }
    }

    /// Returns the verdict on a check of a service.
    pub fn check_verdict(&self, line: &ServiceLine, state: CheckState) -> ServiceVerdict {
        match state {
            CheckState::Found(severity) if self.fails(severity) => ServiceVerdict::Fail,
            // It explains a change that failed in this run, so it fails regardless of `--fail-on`.
            CheckState::Found(Severity::Error) if self.shortfall(line) == Some(Shortfall::VerificationFailed) => {
                ServiceVerdict::Fail
            }
            CheckState::Good | CheckState::Found(_) => ServiceVerdict::Pass,
            CheckState::Open => ServiceVerdict::Skip,
        }
    }

    /// Returns what failed about the changes of this run to a service.
    pub fn shortfall(&self, line: &ServiceLine) -> Option<Shortfall> {
        self.shortfalls.get(&line.service.name).copied()
    }

    /// Returns the shortfall as a short phrase for the service's row; empty if there is none.
    pub fn shortfall_text(&self, line: &ServiceLine) -> String {
        let own = |receipt: &&Receipt| receipt.place == line.service.name;
        let deployment = self.receipts.iter().filter(own).find(|receipt| receipt.change == "redeploy");
        let is_created = deployment.is_some_and(|receipt| receipt.deployment.is_some());
        match self.shortfall(line) {
            None => "",
            Some(Shortfall::VerificationFailed) => "verification failed",
            Some(Shortfall::Unverified) => "not verified",
            Some(Shortfall::Incomplete)
                if !is_created && deployment.is_some_and(|receipt| receipt.outcome != Outcome::Done) =>
            {
                "not deployed"
            }
            Some(Shortfall::Incomplete) => "changes not applied",
        }
        .to_owned()
    }

    /// Returns whether this run changed or deployed the service.
    fn was_changed(&self, line: &ServiceLine) -> bool {
        let own = |receipt: &Receipt| receipt.place == line.service.name;
        self.plan.is_none() && self.receipts.iter().any(|receipt| own(receipt) && receipt.outcome == Outcome::Done)
    }

    /// Returns how the run ended, if its findings do not explain the exit code: what was not applied, failed or could
    /// not be verified, and where. Otherwise empty.
    pub fn conclusion(&self) -> Vec<String> {
        let mut phrases = Vec::new();
        if self.exit_code == INTERRUPTED {
            phrases.push("interrupted".to_owned());
        }
        let kinds = [
            (Shortfall::Incomplete, "incomplete"),
            (Shortfall::VerificationFailed, "verification failed"),
            (Shortfall::Unverified, "not verified"),
        ];
        for (kind, phrase) in kinds {
            let places = self.shortfalls.iter().filter(|(_, shortfall)| **shortfall == kind);
            let places: Vec<&str> = places.map(|(place, _)| place.as_str()).collect();
            if !places.is_empty() {
                phrases.push(format!("{phrase}: {}", places.join(", ")));
            }
        }
        phrases.extend(self.trace_conclusion());
        if phrases.is_empty() {
            phrases.extend(self.exit_code_phrase().map(ToOwned::to_owned));
        }
        phrases
    }

    /// Returns a phrase for an exit code that nothing else in the report explains.
    fn exit_code_phrase(&self) -> Option<&'static str> {
        match self.exit_code {
            PARTIAL => Some("incomplete"),
            DISPROVED => Some("verification failed"),
            INCONCLUSIVE => Some("not verified"),
            FINDINGS if self.plan.is_some() => Some("changes are pending"),
            _ => None,
        }
    }

    /// Returns whether the run failed after it may have written something: the report then ends with the undo command.
    pub fn ends_with_undo(&self) -> bool {
        [PARTIAL, DISPROVED, INCONCLUSIVE, INTERRUPTED].contains(&self.exit_code)
    }

    /// Returns the services for which nothing was compared, if the run fails for that reason.
    pub fn not_compared(&self) -> Option<Vec<&str>> {
        if self.exit_code == CLEAN || (self.compared() + self.needs() > 0 && self.exit_code != NOTHING_COMPARED) {
            return None;
        }
        let lines = self.services.iter().filter(|line| line.checked() == 0);
        Some(lines.map(|line| line.service.name.as_str()).collect())
    }

    /// Returns whether findings of that severity are listed without `-v`: notes are only if they make the run fail.
    pub fn lists(&self, severity: Severity) -> bool {
        severity > Severity::Note || self.fails(severity)
    }

    /// Returns whether every check of every service was made, and nothing needs attention. Findings in a baseline do.
    pub fn all_passed(&self) -> bool {
        let is_good = |line: &ServiceLine| {
            self.verdict(line) == ServiceVerdict::Pass
                && line.checks.iter().all(|check| check.state != CheckState::Open)
        };
        self.exit_code == CLEAN
            && self.in_baseline() == 0
            && self.services.iter().all(is_good)
            && self.findings.iter().all(|finding| !self.lists(finding.severity))
    }

    /// Returns whether all findings that need attention are in the baseline.
    pub fn only_known(&self) -> bool {
        self.exit_code == CLEAN
            && self.in_baseline() > 0
            && self.findings.iter().all(|finding| !self.lists(finding.severity))
    }
}
