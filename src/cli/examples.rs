//! What `--help` shows first: commands to copy, none wider than 60 columns.

/// Examples stand below the sentence and above the flags.
pub(super) const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// `Examples:` as clap writes its own headings; without colour it takes the styles out again.
macro_rules! examples {
    ($($line:literal)+) => { concat!("\u{1b}[1m\u{1b}[4mExamples:\u{1b}[0m", $("\n  ", $line),+) };
}

pub(super) const DOCTOR: &str = examples!(
    "doctor demo                  try it on a pretend Railway"
    "doctor check                 all that share .env's keys"
    "doctor check -s worker       one service"
    "doctor fix -s worker         ask, store, deploy, prove"
    "doctor undo                  put back what a fix changed"
    "doctor init                  write a doctor.toml"
);

pub(super) const EXIT_CODES: &str = "\u{1b}[1m\u{1b}[4mExit codes:\u{1b}[0m
  0 all agrees          5 Railway out of reach
  1 findings            6 fixed in part
  2 usage or files      7 stored, not running
  3 nothing compared    8 stored, not proved
  4 credentials         130 interrupted";

pub(super) const CHECK: &str = examples!(
    "doctor check                       all that share keys"
    "doctor check -s worker -e staging  one service"
    "doctor check --only API_KEY -v     one key, in full"
    "doctor check --format json         for programs"
);

pub(super) const MATRIX: &str = examples!(
    "doctor matrix                      marks and their legend"
    "doctor matrix -s api -s worker     two services"
    "doctor matrix --format html --output matrix.html"
);

pub(super) const FIX: &str = examples!(
    "doctor fix                               ask, then mend"
    "doctor fix --push --only KEY --yes       store and prove"
    "doctor fix --pull --only KEY --yes       into .env"
    "doctor fix --start-command CMD -s NAME   set it, deploy"
);

pub(super) const UNDO: &str = examples!(
    "doctor undo             the last fix made in this folder"
    "doctor undo --list      the runs that can be undone"
    "doctor undo --dry-run   what it would put back"
);

pub(super) const INIT: &str = examples!(
    "doctor init                    ask, show, ask once more"
    "doctor init --yes              write what it suggests"
    "doctor init -s api -s worker   for these services"
);

pub(super) const TRUST: &str = examples!(
    "doctor trust         show what it says, then ask"
    "doctor trust --yes   for scripts"
);

pub(super) const DEMO: &str = examples!(
    "doctor demo          the whole story"
    "doctor demo check    what is wrong"
    "doctor demo fix      choose, see the plan, say yes"
    "doctor demo undo     put it back"
);

pub(super) const EXPLAIN: &str = examples!(
    "doctor explain                 the rules"
    "doctor explain value-differs   one rule"
    "doctor explain D103            the same, by its code"
);

pub(super) const AUTH: &str = examples!(
    "doctor auth status   which token is used, what it reaches"
    "doctor auth login    store one, typed unseen"
    "doctor auth logout   remove it"
);

pub(super) const LOGIN: &str = examples!(
    "doctor auth login                  type it unseen"
    "pass railway | doctor auth login   from another program"
);

pub(super) const STATUS: &str = examples!(
    "doctor auth status                 every place for a token"
    "doctor auth status -e production   does it reach that one?"
);

pub(super) const LOGOUT: &str = examples!(
    "doctor auth logout   forget the token"
    "doctor auth status   see what is used from now on"
);

pub(super) const HOOK: &str = examples!(
    "doctor hook install   look before each commit"
    "doctor hook status    which hooks there are"
    "doctor hook run       what the hook does, now"
);

pub(super) const HOOK_RUN: &str = examples!(
    "doctor hook run            secrets, then drift"
    "doctor hook run --strict   no comparison, no commit"
);

pub(super) const HOOK_INSTALL: &str = examples!(
    "doctor hook install            before each commit"
    "doctor hook install pre-push   before each push"
);

pub(super) const HOOK_UNINSTALL: &str = examples!(
    "doctor hook uninstall   remove them"
    "doctor hook status      see what is left"
);

pub(super) const HOOK_STATUS: &str = examples!(
    "doctor hook status      which hooks there are"
    "doctor hook install     write one"
);

pub(super) const SCHEMA: &str = examples!(
    "doctor schema                               for readers"
    "doctor schema config > doctor.schema.json   for editors"
);

pub(super) const COMPLETIONS: &str = examples!(
    "source <(doctor completions bash)      for this shell"
    "doctor completions fish | source       the same in fish"
);

pub(super) const MAN: &str = examples!(
    "doctor man > doctor.1               then: man ./doctor.1"
    "doctor man fix > doctor-fix.1       the page of one verb"
);

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use crate::cli::Cli;

    /// Every verb, and every verb of a verb.
    fn verbs(command: &Command) -> Vec<Command> {
        let own = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        own.flat_map(|verb| [verb.clone()].into_iter().chain(verbs(verb))).collect()
    }

    #[test]
    fn help_starts_with_examples_and_fits_one_screen() {
        let mut doctor = Cli::command().term_width(80);
        doctor.build();
        let all: Vec<Command> = [doctor.clone()].into_iter().chain(verbs(&doctor)).collect();
        assert!(all.len() > 20);
        for mut verb in all {
            let name = verb.get_name().to_owned();
            let help = verb.render_help().to_string();
            let at = |part: &str| help.find(part).unwrap_or_else(|| panic!("{name} has no {part}\n{help}"));
            assert!(at("Examples:\n") < at("Usage:"), "{help}");
            let examples: Vec<&str> = help[at("Examples:\n")..at("Usage:")].lines().skip(1).collect();
            let longest = examples.iter().map(|line| line.chars().count()).max();
            let count = examples.iter().filter(|line| line.contains("doctor ")).count();
            assert!((2..=6).contains(&count), "{name}: {count} examples");
            assert!(longest <= Some(60), "{name}: {examples:?}");
            let lines = help.trim_end().lines().count();
            assert!(lines <= 56, "the help of {name} has {lines} lines\n{help}");
        }
    }
}
