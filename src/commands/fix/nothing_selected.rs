//! Runs that change nothing: why the flags select no change, and which flags would.

use crate::commands::fix::FixRun;
use crate::commands::fix::changes::Fixable;
use crate::commands::fix::planned_fix::{PlannedFix, lines_to_add};
use crate::drift::model::marker::Mark;
use crate::drift::phrases::{alternatives, count, names};
use crate::drift::plan::offer::{Direction, Prompting, Proposal};
use crate::drift::{Finding, Severity, Variable};
use crate::error::{Error, Exit};
use crate::io::world::World;
use crate::report::{Format, escape};

/// Differences between the file and Railway.
const DIFFERENCES: [Mark; 5] =
    [Mark::DiffersStale, Mark::Differs, Mark::EmptyLocally, Mark::ReferenceDiffers, Mark::ExpectedDifference];

impl FixRun<'_> {
    /// Ends a run whose prompts selected no change. The findings of a text report are above the prompts.
    pub(super) fn nothing_chosen(self, remarks: &[String], world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = self.analysis.exit();
        let output = self.output;
        if output.format != Format::Text || output.file.is_some() {
            output.write_report(&self.report(exit, world), world)?;
        }
        for remark in remarks {
            world.status.print_line(&escape::line(remark));
        }
        world.status.print_line("nothing was changed");
        Ok(exit)
    }

    /// Reports that there is nothing to do, with the exit code of `check`.
    pub(super) fn nothing_to_do(
        self,
        draft: PlannedFix,
        open: Fixable<'_>,
        world: &mut World<'_>,
    ) -> Result<Exit, Error> {
        let exit = match self.analysis.exit() {
            // The references were compared with the shared variable.
            Exit::NothingCompared if self.args.hoist.is_some() => Exit::Clean,
            exit => exit,
        };
        let output = self.output;
        let last = last_line(&self, &draft, open);
        let mut report = self.report(exit, world);
        report.endings.extend(draft.remarks);
        report.endings.push(last);
        report.to_add = draft.to_add;
        output.write_report(&report, world)?;
        if output.format != Format::Text || output.file.is_some() {
            for line in &report.endings {
                world.status.print_line(&escape::line(line));
            }
        }
        if !matches!(output.format, Format::Text | Format::Json) {
            for line in lines_to_add(&report.to_add) {
                world.status.print_line(&line);
            }
        }
        Ok(exit)
    }
}

/// Returns why there is nothing to do, as a sentence. Remarks contain the reasons already.
fn last_line(run: &FixRun<'_>, draft: &PlannedFix, open: Fixable<'_>) -> String {
    if !draft.remarks.is_empty() {
        return "Nothing was changed.".to_owned();
    }
    let args = run.args;
    if let Some(key) = &args.hoist {
        return format!("Nothing to do: every service that has {key} refers to the shared variable already.");
    }
    let is_directed = args.push || args.pull || args.redeploy || args.prune || args.start_command.is_some();
    let mut reasons: Vec<String> = run.permissions.named.iter().map(|key| unchanged(run, key)).collect();
    if reasons.is_empty() && (args.push || args.pull) {
        reasons.push(differences(run));
    }
    if args.redeploy {
        reasons.push("no service is known to run old values, another commit or another start command".to_owned());
    }
    if reasons.is_empty() && !is_directed {
        reasons.push(without_direction(run, open));
    }
    if reasons.is_empty() { "Nothing to do.".to_owned() } else { format!("Nothing to do: {}.", reasons.join("; ")) }
}

/// Returns why a run without a direction changes nothing, and the flags that would change something.
fn without_direction(run: &FixRun<'_>, open: Fixable<'_>) -> String {
    let mut severities = run.analysis.examination.findings.iter().map(|finding| finding.severity);
    if !severities.any(|severity| severity > Severity::Note) {
        return or_nothing_compared(run, "there are no errors or warnings");
    }
    let keyed = directions_of_keys(open.proposals);
    let mut ways = Vec::new();
    if !keyed.is_empty() {
        ways.push(format!("select a key with `--only KEY` and {}", alternatives(&keyed)));
    }
    if !open.due.is_empty() {
        ways.push("use --redeploy to deploy services again".to_owned());
    }
    let is_repeated =
        |proposal: &Proposal<'_>| proposal.finding.severity > Severity::Note && offers(proposal, Direction::Hoist);
    if open.proposals.iter().any(is_repeated) {
        ways.push("use `--hoist KEY` to store a repeated secret once".to_owned());
    }
    if ways.is_empty() || run.permissions.asking == Prompting::Interactive {
        return "the errors and warnings need a change elsewhere".to_owned();
    }
    format!("without an interactive terminal, {}", ways.join(", or "))
}

fn offers(proposal: &Proposal<'_>, way: Direction) -> bool {
    proposal.offers.iter().any(|offer| offer.way == way)
}

/// Returns the result of the comparison, unless nothing was compared.
fn or_nothing_compared(run: &FixRun<'_>, result: &str) -> String {
    if run.analysis.exit() == Exit::NothingCompared { "nothing was compared".to_owned() } else { result.to_owned() }
}

/// Returns the flags that fix an error or a warning about a key, once the key is named.
fn directions_of_keys(proposals: &[Proposal<'_>]) -> Vec<&'static str> {
    let faults = proposals.iter().filter(|proposal| proposal.finding.severity > Severity::Note);
    let ways: Vec<Direction> = faults.flat_map(|fault| &fault.offers).map(|offer| offer.way).collect();
    let flag =
        |flag: &'static str, directions: &[Direction]| ways.iter().any(|way| directions.contains(way)).then_some(flag);
    let push = flag("--push", &[Direction::Push, Direction::PushShared]);
    push.into_iter().chain(flag("--pull", &[Direction::Pull])).chain(flag("--add", &[Direction::Add])).collect()
}

/// Returns why a key is not changed: its finding that needs no action, the entry that ignores it, or that it agrees.
fn unchanged(run: &FixRun<'_>, key: &str) -> String {
    let examination = &run.analysis.examination;
    let is_about = |finding: &&Finding| finding.key.as_deref() == Some(key);
    if let Some(finding) = examination.findings.iter().find(is_about) {
        return finding.message.clone();
    }
    if examination.ignored.iter().any(|ignored| is_about(&&ignored.finding)) {
        return format!("doctor.toml ignores the findings about {key}");
    }
    format!("{key} does not differ")
}

fn differences(run: &FixRun<'_>) -> String {
    let examination = &run.analysis.examination;
    let is_difference = |finding: &&Finding| DIFFERENCES.iter().any(|mark| finding.rule.has_mark(*mark));
    let is_note = |finding: &&Finding| finding.severity == Severity::Note;
    let expected = examination.findings.iter().filter(is_difference).filter(is_note).count();
    let sealed = examination.findings.iter().filter(|finding| finding.rule.has_mark(Mark::Sealed)).count();
    let ignored = examination.ignored.iter().filter(|ignored| is_difference(&&ignored.finding)).count();
    let mut parts = Vec::new();
    if expected > 0 {
        let verb = if expected == 1 { "needs" } else { "need" };
        parts.push(format!(
            "{} {verb} no action; name a key with `--only KEY` to change it",
            count(expected, "difference")
        ));
    }
    if ignored > 0 {
        let verb = if ignored == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} ignored by doctor.toml", count(ignored, "difference")));
    }
    if parts.is_empty() {
        parts.push(or_nothing_compared(run, "no value differs"));
    }
    if sealed > 0 {
        parts.push(format!("{} can't be compared", count(sealed, "sealed key")));
    }
    parts.join("; ")
}

/// Returns the reasons, as sentences without a full stop; none if both sides agree.
pub(super) fn reasons(run: &FixRun<'_>, proposals: &[Proposal<'_>], ways: &[Direction]) -> Vec<String> {
    let named = run.permissions.named.iter();
    if ways.contains(&Direction::Push) {
        return named.filter_map(|key| not_pushed(run, key)).collect();
    }
    if !ways.contains(&Direction::Pull) {
        return Vec::new();
    }
    let mut reasons: Vec<String> = named.filter_map(|key| not_pulled(run, key)).collect();
    let unnamed = proposals.iter().filter(|proposal| !is_local(run, proposal.key));
    let unnamed = unnamed.filter(|proposal| proposal.offers.iter().any(|offer| offer.way == Direction::Pull)).count();
    if run.permissions.named.is_empty() && unnamed > 0 {
        let them = if unnamed == 1 { "it" } else { "each" };
        let verb = if unnamed == 1 { "is" } else { "are" };
        reasons.push(format!(
            "{} {verb} only on Railway; to add {them} to the file, name {them} with `--only KEY`",
            count(unnamed, "key")
        ));
    }
    reasons
}

fn not_pushed(run: &FixRun<'_>, key: &str) -> Option<String> {
    if is_local(run, key) {
        return None;
    }
    let files: Vec<&str> = run.gathered().files.iter().map(|(file, _)| file.as_str()).collect();
    let can_be_pulled = run.holders(key).any(|(_, variable)| !matches!(variable, Variable::Sealed));
    let instead = if can_be_pulled { "; `--pull` writes Railway's value to the file" } else { "" };
    Some(format!("{key} is not in {}, so it can't be pushed{instead}", names(&files)))
}

fn not_pulled(run: &FixRun<'_>, key: &str) -> Option<String> {
    let holders: Vec<_> = run.holders(key).collect();
    if holders.is_empty() {
        let instead = if is_local(run, key) { "; `--push --add --service NAME` adds it to a service" } else { "" };
        return Some(format!("no service in scope has {key}, so it can't be pulled{instead}"));
    }
    let is_sealed = holders.iter().all(|(_, variable)| matches!(variable, Variable::Sealed));
    let services: Vec<&str> = holders.iter().map(|(service, _)| *service).collect();
    let instead =
        if is_local(run, key) { format!("; `--push --allow-sealed {key}` overwrites it") } else { String::new() };
    is_sealed.then(|| format!("{key} is sealed on {}, so it can't be pulled{instead}", names(&services)))
}

fn is_local(run: &FixRun<'_>, key: &str) -> bool {
    run.survey().readable().any(|target| run.survey().local(target, key).is_some())
}
