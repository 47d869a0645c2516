//! The help of a finding: what to do about it, and the commands to copy. Every format for people takes it from here.

use crate::drift::model::finding::Finding;
use crate::report::{Report, escape, shell_command};

const UNPRINTABLE: &str = "no shell command can contain this name, because it has a NUL character";

const PIPE_AGAIN: &str = "pipe the variables in again, and run:";

/// What to do about a finding or about several of one rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FindingHelp {
    /// A phrase without full stop.
    pub(crate) advice: Option<String>,
    /// Complete commands, quoted for a shell.
    pub(crate) commands: Vec<String>,
}

impl FindingHelp {
    /// Returns the help of a finding, if there is any.
    pub(crate) fn of(report: &Report, finding: &Finding) -> Option<Self> {
        let arguments = finding.to_add.iter().chain(&finding.next);
        let commands = arguments.map(|arguments| shell_command::command(report, arguments, &finding.services));
        let reads_again = report.reads_input() && finding.next.is_some();
        Self::new(finding.advice.as_deref().or(reads_again.then_some(PIPE_AGAIN)), commands.collect())
    }

    /// Combines advice and commands; `None` among the commands is one that can't be printed.
    pub(crate) fn new(advice: Option<&str>, commands: Vec<Option<String>>) -> Option<Self> {
        let unprintable = commands.contains(&None).then_some(UNPRINTABLE);
        let advice = advice.map(|advice| unprintable.map_or(advice, |_| advice.trim_end_matches(':')));
        let commands: Vec<String> = commands.into_iter().flatten().collect();
        let advice: Vec<&str> = advice.into_iter().chain(unprintable).collect();
        let advice = Some(advice.join("; ")).filter(|advice| !advice.is_empty());
        (advice.is_some() || !commands.is_empty()).then_some(Self { advice, commands })
    }

    /// Returns the text behind `help:`, above the commands.
    pub(crate) fn text(&self) -> &str {
        self.advice.as_deref().unwrap_or("run:")
    }
}

/// Returns the lines below the message of a finding: `cause: …`, `help: …`, and each command, indented.
pub(crate) fn lines(report: &Report, finding: &Finding) -> Vec<String> {
    let mut lines: Vec<String> = finding.reason.iter().map(|reason| format!("cause: {reason}")).collect();
    if let Some(help) = FindingHelp::of(report, finding) {
        lines.push(format!("help: {}", help.text()));
        lines.extend(help.commands.iter().map(|command| format!("  {command}")));
    }
    lines.iter().map(|line| escape::line(line).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{FindingHelp, UNPRINTABLE, lines};
    use crate::report::Report;
    use crate::report::test_support::{differs, incident};

    #[test]
    fn help_has_advice_and_printable_commands() {
        assert_eq!(FindingHelp::new(None, Vec::new()), None);
        let help = FindingHelp::new(Some("rename it"), vec![None, Some("doctor fix".to_owned())]).expect("some help");
        assert_eq!(help.text(), format!("rename it; {UNPRINTABLE}"));
        assert_eq!(help.commands, ["doctor fix"]);
        let help = FindingHelp::new(Some("rename it, or run:"), vec![None]).expect("some help");
        assert_eq!(help.text(), format!("rename it, or run; {UNPRINTABLE}"));
        assert_eq!(FindingHelp::new(None, vec![Some("doctor fix".to_owned())]).expect("some help").text(), "run:");
    }

    #[test]
    fn lines_have_a_cause_and_a_command_on_its_own_line() {
        let mut finding = differs("KEY", &["api"]);
        finding.reason = Some("the stored value\u{1b} is older".to_owned());
        let expected = ["cause: the stored value\\u{1b} is older", "help: run:", "  doctor fix --only KEY"];
        assert_eq!(lines(&incident(), &finding), expected);
        let piped = Report { flags: vec!["--env-file=-".to_owned()], ..incident() };
        let expected = ["help: pipe the variables in again, and run:", "  doctor fix --only KEY --env-file=-"];
        assert_eq!(lines(&piped, &finding)[1..], expected);
    }
}
