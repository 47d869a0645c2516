//! The examples and tables of `--help`. No line is wider than 60 columns.

/// Puts the examples between the summary and the flags.
pub(super) const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// A heading in clap's style. clap removes the style from output without colour.
macro_rules! heading {
    ($title:literal) => {
        concat!("\u{1b}[1m\u{1b}[4m", $title, ":\u{1b}[0m")
    };
}

macro_rules! examples {
    ($($line:literal)+) => { concat!(heading!("Examples"), $("\n  ", $line),+) };
}

pub(super) const DOCTOR: &str = examples!(
    "doctor demo              try it on a simulated Railway"
    "doctor check             compare .env with Railway"
    "doctor fix -s worker     fix one service"
    "doctor init              create a doctor.toml"
);

pub(super) const AFTER_HELP: &str = concat!(
    heading!("Exit codes"),
    "
  0 success              5 Railway unavailable
  1 findings             6 fix applied in part
  2 usage, config, file  7 fix failed verification
  3 nothing compared     8 fix not verified
  4 credentials          130 interrupted

",
    heading!("Environment"),
    "
  RAILWAY_TOKEN               project token
  RAILWAY_API_TOKEN           account or workspace token
  RAILWAY_PROJECT_ID          default project id
  RAILWAY_ENVIRONMENT_ID      default environment id
  DOCTOR=0                    skip the git hook
  CI                          never prompt or show values
  NO_COLOR, CLICOLOR_FORCE    disable or force colour
  HTTPS_PROXY, SSL_CERT_FILE  proxy, root certificates"
);

pub(super) const CHECK: &str = examples!(
    "doctor check                       services with .env keys"
    "doctor check -s worker -e staging  one service"
    "doctor check --only API_KEY -v     one key, in full"
    "doctor check --format json         for programs"
    "doctor check --baseline known.toml --write-baseline"
    "doctor check --baseline known.toml --new-only"
);

pub(super) const COMPARE: &str = examples!(
    "doctor compare staging production        every service"
    "doctor compare staging production -s api one service"
    "doctor compare staging production --token production=VAR"
);

pub(super) const DEMO_COMPARE: &str = examples!(
    "doctor demo compare               staging and production"
    "doctor demo compare -v            all keys and notes"
);

pub(super) const TRACE: &str = examples!(
    "doctor trace API_KEY               the value in .env"
    "doctor trace API_KEY --from api    the value on a service"
    "doctor trace API_KEY --everywhere  all your projects"
);

pub(super) const DEMO_TRACE: &str = examples!(
    "doctor demo trace               the key of the demo"
    "doctor demo trace --from api    the value on a service"
);

pub(super) const ROTATE: &str = examples!(
    "doctor rotate API_KEY                    type it, confirm"
    "doctor rotate API_KEY --generate hex:32  generate it"
    "doctor rotate API_KEY --all-copies       also in URLs, …"
    "doctor rotate API_KEY --stdin < FILE     from a file"
);

pub(super) const DEMO_ROTATE: &str = examples!(
    "doctor demo rotate                           the story"
    "doctor demo rotate --generate uuid --dry-run show a plan"
);

pub(super) const MATRIX: &str = examples!(
    "doctor matrix                      services with .env keys"
    "doctor matrix -s api -s worker     two services"
    "doctor matrix --format html --output matrix.html"
);

pub(super) const FIX: &str = examples!(
    "doctor fix                               choose, confirm"
    "doctor fix --push --only KEY --yes       .env to Railway"
    "doctor fix --pull --only KEY --yes       Railway to .env"
    "doctor fix --start-command CMD -s NAME   set and deploy"
    "doctor fix --hoist KEY                   store it once"
);

pub(super) const UNDO: &str = examples!(
    "doctor undo             the last fix in this directory"
    "doctor undo --list      list runs that can be undone"
    "doctor undo --dry-run   show the plan only"
);

pub(super) const PULL: &str = examples!(
    "doctor pull             show the plan, then ask"
    "doctor pull --dry-run   show the plan only"
    "doctor pull -s api      only the keys of one service"
);

pub(super) const INIT: &str = examples!(
    "doctor init                    answer questions, confirm"
    "doctor init --yes              write the suggested file"
    "doctor init -s api -s worker   for these services"
);

pub(super) const TRUST: &str = examples!(
    "doctor trust         show what it decides, then ask"
    "doctor trust --yes   accept without asking"
);

pub(super) const DEMO: &str = examples!(
    "doctor demo          take a guided tour"
    "doctor demo check    show the findings"
    "doctor demo fix      choose fixes and apply them"
    "doctor demo undo     undo the fix of the tour"
    "doctor demo pull     create a .env"
    "doctor demo rotate   change a key everywhere"
);

pub(super) const DEMO_CHECK: &str = examples!(
    "doctor demo check                services with .env keys"
    "doctor demo check -s worker      one service"
    "doctor demo check -v             every note, in full"
);

pub(super) const DEMO_FIX: &str = examples!(
    "doctor demo fix                      choose, confirm"
    "doctor demo fix --push --dry-run     show the plan only"
    "doctor demo fix --pull --only KEY    Railway to .env"
);

pub(super) const DEMO_UNDO: &str = examples!(
    "doctor demo undo             undo the fix of the tour"
    "doctor demo undo --list      list runs that can be undone"
    "doctor demo undo --dry-run   show the plan only"
);

pub(super) const DEMO_PULL: &str = examples!(
    "doctor demo pull             show the plan, then ask"
    "doctor demo pull --dry-run   show the plan only"
);

pub(super) const DEMO_MATRIX: &str = examples!(
    "doctor demo matrix                    all keys"
    "doctor demo matrix -s worker          one service"
    "doctor demo matrix --format markdown  for a document"
);

pub(super) const EXPLAIN: &str = examples!(
    "doctor explain                 list all rules"
    "doctor explain value-differs   explain a rule by name"
    "doctor explain D103            explain a rule by code"
);

pub(super) const AUTH: &str = examples!(
    "doctor auth status   show the token in use"
    "doctor auth login    store a token"
    "doctor auth logout   remove the stored tokens"
);

pub(super) const LOGIN: &str = examples!(
    "doctor auth login                  type or paste a token"
    "pass railway | doctor auth login   pipe it from a program"
);

pub(super) const STATUS: &str = examples!(
    "doctor auth status                 sources of tokens"
    "doctor auth status -e production   access to production"
);

pub(super) const LOGOUT: &str = examples!(
    "doctor auth logout   remove the stored tokens"
    "doctor auth status   show the token in use now"
);

pub(super) const HOOK: &str = examples!(
    "doctor hook install   install the pre-commit hook"
    "doctor hook status    list the hooks"
    "doctor hook run       run the hook now"
);

pub(super) const HOOK_RUN: &str = examples!(
    "doctor hook run            check secrets, then drift"
    "doctor hook run --strict   block if a check is impossible"
);

pub(super) const HOOK_INSTALL: &str = examples!(
    "doctor hook install            before each commit"
    "doctor hook install pre-push   before each push"
);

pub(super) const HOOK_UNINSTALL: &str = examples!(
    "doctor hook uninstall   remove doctor's hooks"
    "doctor hook status      list the remaining hooks"
);

pub(super) const HOOK_STATUS: &str = examples!(
    "doctor hook status      list the hooks"
    "doctor hook install     install the pre-commit hook"
);

pub(super) const SCHEMA: &str = examples!(
    "doctor schema                               reports"
    "doctor schema config > doctor.schema.json   doctor.toml"
);

pub(super) const COMPLETIONS: &str = examples!(
    "source <(doctor completions bash)      in bash"
    "doctor completions fish | source       in fish"
);

pub(super) const MAN: &str = examples!(
    "doctor man > doctor.1               then: man ./doctor.1"
    "doctor man fix > doctor-fix.1       page of one command"
);

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use crate::cli::Cli;

    /// Returns the commands and their nested commands, without clap's own `help`.
    fn commands_below(command: &Command) -> Vec<Command> {
        let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
        below.flat_map(|below| [below.clone()].into_iter().chain(commands_below(below))).collect()
    }

    #[test]
    fn help_starts_with_examples_and_fits_one_screen() {
        let mut doctor = Cli::command().term_width(80);
        doctor.build();
        let all: Vec<Command> = [doctor.clone()].into_iter().chain(commands_below(&doctor)).collect();
        assert!(all.len() > 20);
        for mut command in all {
            let name = command.get_name().to_owned();
            let help = command.render_help().to_string();
            let at = |part: &str| help.find(part).unwrap_or_else(|| panic!("{name} has no {part}\n{help}"));
            assert!(at("Examples:\n") < at("Usage:"), "{help}");
            let examples: Vec<&str> = help[at("Examples:\n")..at("Usage:")].lines().skip(1).collect();
            let longest = examples.iter().map(|line| line.chars().count()).max();
            let count = examples.iter().filter(|line| line.contains("doctor ")).count();
            assert!((2..=6).contains(&count), "{name}: {count} examples");
            assert!(longest <= Some(60), "{name}: {examples:?}");
            let lines = help.trim_end().lines().count();
            assert!(lines <= 60, "the help of {name} has {lines} lines\n{help}");
        }
    }
}
