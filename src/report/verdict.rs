//! What a report comes to: one verdict for each service, and one conclusion for the run. The table, the last line and every
//! format take both from here.

use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::model::severity::Severity;
use crate::report::{Report, ServiceLine};

#[cfg(test)]
/// The exit codes that a conclusion depends on; a test in `command` compares them with `Exit`.
pub(crate) const CODES: [u8; 7] = [CLEAN, FINDINGS, NOTHING_COMPARED, PARTIAL, DISPROVED, INCONCLUSIVE, INTERRUPTED];
const CLEAN: u8 = 0;
const FINDINGS: u8 = 1;
/// Nothing was compared for a service for which something had to be.
pub(crate) const NOTHING_COMPARED: u8 = 3;
const PARTIAL: u8 = 6;
const DISPROVED: u8 = 7;
const INCONCLUSIVE: u8 = 8;
const INTERRUPTED: u8 = 130;

/// What one service comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceVerdict {
    /// It is as it should be, as far as `--fail-on` asks.
    Pass,
    /// Something is wrong with it, or a change of this run failed.
    Fail,
    /// Nothing was compared, or a change of this run could not be verified.
    Skip,
}

impl ServiceVerdict {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Fail, Self::Skip];

    /// The word of a table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }

    /// The word of the JSON format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl Report {
    /// What a service comes to.
    pub fn verdict(&self, line: &ServiceLine) -> ServiceVerdict {
        let fails = |finding: &&Finding| finding.services.iter().any(|service| service.id == line.service.id);
        let mut failing = self.findings.iter().filter(|finding| self.fails(finding.severity));
        if line.error.is_some() || failing.any(|finding| fails(&finding)) {
            return ServiceVerdict::Fail;
        }
        match self.shortfall(line) {
            Some(Shortfall::Incomplete | Shortfall::Disproved) => ServiceVerdict::Fail,
            None if !self.unseen && (line.compared > 0 || self.was_changed(line) || self.command == "undo") => {
                ServiceVerdict::Pass
            }
            Some(Shortfall::Unverified) | None => ServiceVerdict::Skip,
        }
    }

    /// What is wrong with the changes of this run to a service.
    pub fn shortfall(&self, line: &ServiceLine) -> Option<Shortfall> {
        self.shortfalls.get(&line.service.name).copied()
    }

    /// The same in a few words, for the service's line; empty if nothing is wrong.
    pub fn shortfall_text(&self, line: &ServiceLine) -> String {
        let own = |receipt: &&Receipt| receipt.place == line.service.name;
        let deployment = self.receipts.iter().filter(own).find(|receipt| receipt.change == "redeploy");
        let is_made = deployment.is_some_and(|receipt| receipt.deployment.is_some());
        match self.shortfall(line) {
            None => "",
            Some(Shortfall::Disproved) => "verification failed",
            Some(Shortfall::Unverified) => "not verified",
            Some(Shortfall::Incomplete) if !is_made && deployment.is_some_and(|one| one.outcome != Outcome::Done) => {
                "not deployed"
            }
            Some(Shortfall::Incomplete) => "changes not applied",
        }
        .to_owned()
    }

    /// Whether this run changed or deployed the service, and did all of it.
    fn was_changed(&self, line: &ServiceLine) -> bool {
        let own = |receipt: &Receipt| receipt.place == line.service.name;
        self.plan.is_none() && self.receipts.iter().any(|receipt| own(receipt) && receipt.outcome == Outcome::Done)
    }

    /// How the run ended where findings alone do not say it: what was not applied, failed or could not be verified, and
    /// where. Empty for a run whose exit code follows from its findings.
    pub fn conclusion(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.exit_code == INTERRUPTED {
            words.push("interrupted".to_owned());
        }
        let kinds = [
            (Shortfall::Incomplete, "incomplete"),
            (Shortfall::Disproved, "verification failed"),
            (Shortfall::Unverified, "not verified"),
        ];
        for (kind, word) in kinds {
            let places = self.shortfalls.iter().filter(|(_, shortfall)| **shortfall == kind);
            let places: Vec<&str> = places.map(|(place, _)| place.as_str()).collect();
            if !places.is_empty() {
                words.push(format!("{word}: {}", places.join(", ")));
            }
        }
        if words.is_empty() {
            words.extend(self.name_of_exit_code().map(ToOwned::to_owned));
        }
        words
    }

    /// What the exit code says where nothing else in the report does.
    fn name_of_exit_code(&self) -> Option<&'static str> {
        match self.exit_code {
            PARTIAL => Some("incomplete"),
            DISPROVED => Some("verification failed"),
            INCONCLUSIVE => Some("not verified"),
            FINDINGS if self.plan.is_some() => Some("changes are pending"),
            _ => None,
        }
    }

    /// Whether a run that wrote something did not end well, so that the way back is the last thing to be read.
    pub fn needs_the_way_back(&self) -> bool {
        [PARTIAL, DISPROVED, INCONCLUSIVE, INTERRUPTED].contains(&self.exit_code)
    }

    /// The services for which nothing was compared, if that is why the run does not succeed.
    pub fn not_compared(&self) -> Option<Vec<&str>> {
        if self.exit_code == CLEAN || (self.compared() > 0 && self.exit_code != NOTHING_COMPARED) {
            return None;
        }
        let lines = self.services.iter().filter(|line| line.compared == 0);
        Some(lines.map(|line| line.service.name.as_str()).collect())
    }

    /// Whether it may be said of every value that was compared that it agrees. What was ignored may be a difference.
    pub fn all_agree(&self) -> bool {
        let is_agreeing = |finding: &Finding| finding.severity == Severity::Note && finding.rule.values_may_agree;
        self.exit_code == CLEAN
            && self.ignored == 0
            && self.services.iter().all(|line| self.verdict(line) != ServiceVerdict::Fail)
            && self.findings.iter().all(is_agreeing)
    }
}
