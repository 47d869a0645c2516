//! The text of every prompt, and of its choices. `src/messages/prompts.rs` lists them with sample data.

use crate::drift::ResourceRef;
use crate::drift::phrases::{count, names};
use crate::drift::plan::offer::{Direction, Offer};
use crate::drift::service_scope::Exclusion;
use crate::drift::suggest::{Difference, Section, Shared, aliases_of};
use crate::report::escape;
use crate::report::text::text_width::{columns, cut, pad};

pub(crate) const APPLY_PLAN: &str = "Apply this plan?";
pub(crate) const FIX_MENU: &str = "What would you like to do?";
pub(crate) const IGNORE_REASON: &str = "Why is this expected? (written to doctor.toml)";
/// Shown before the prompt for a reason is repeated.
pub(crate) const REASON_REQUIRED: &str = "A reason is required.";
pub(crate) const TOKEN: &str =
    "Paste a token (create one at https://railway.com/account/tokens, or in the project's settings):";
/// Asks for a new value a second time, because the user does not see what was typed.
pub(crate) const NEW_VALUE_AGAIN: &str = "Repeat the new value (hidden):";
/// Shown before the prompt for a new value is repeated.
pub(crate) const VALUES_DIFFER: &str = "The two values differ.";
pub(crate) const OTHER_COPIES: &str = "Which other copies should be replaced?";
pub(crate) const EXPECTED_DIFFERENCES: &str = "Which differences are expected?";
/// Shown before the prompt for a reason is repeated.
pub(crate) const REASON_HAS_VALUE: &str =
    "The reason contains the value of a variable. Leave it out, because doctor.toml is committed.";

/// Longer names are truncated, so that their hints stay visible.
const LONGEST_NAME: usize = 36;

/// Asks for the new value of a key.
pub(crate) fn new_value(key: &str) -> String {
    format!("New value of {} (hidden):", escape::line(key))
}

/// Shown before the prompt for a new value is repeated.
pub(crate) fn value_rejected(problem: &str) -> String {
    format!("The value is not accepted: {problem}.")
}

/// A choice of a prompt.
pub(crate) trait Choice {
    fn label(&self) -> String;
}

pub(crate) fn labels(choices: &[impl Choice]) -> Vec<String> {
    choices.iter().map(|choice| line(&choice.label())).collect()
}

/// Returns names of files or services as choices.
pub(crate) fn names_to_choose<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    names.into_iter().map(line).collect()
}

/// A choice of `doctor fix` for all findings.
pub(crate) enum FixChoice<'c> {
    Push { files: Vec<&'c str>, variables: usize, start_commands: usize },
    SetStartCommands { services: Vec<&'c str> },
    Pull { files: Vec<&'c str>, values: usize },
    Redeploy { services: Vec<&'c str> },
    Review { questions: usize },
    Exit,
}

impl Choice for FixChoice<'_> {
    fn label(&self) -> String {
        match self {
            Self::Push { files, variables, start_commands } => {
                let and_commands = match start_commands {
                    0 => String::new(),
                    1 => ", and set the start command".to_owned(),
                    several => format!(", and set {several} start commands"),
                };
                format!("Push {} to Railway ({}){and_commands}", names(files), count(*variables, "variable"))
            }
            Self::SetStartCommands { services } => {
                format!("Set the start command of {} without changing variables", one_or_count(services))
            }
            Self::Pull { files, values } => {
                format!("Pull Railway's values to {} ({})", names(files), count(*values, "value"))
            }
            Self::Redeploy { services } => format!("Redeploy {} without changing variables", one_or_count(services)),
            Self::Review { questions } => format!("Review one by one ({})", count(*questions, "question")),
            Self::Exit => "Exit without changes".to_owned(),
        }
    }
}

/// A choice of `doctor fix` for one finding.
pub(crate) enum FindingChoice<'c> {
    /// Apply an offer that reads or writes these files.
    Apply {
        offer: &'c Offer,
        files: Vec<&'c str>,
    },
    Skip,
    Ignore,
    ShowValues,
    /// Skip this finding and that many questions after it.
    SkipRest {
        left: usize,
    },
}

impl Choice for FindingChoice<'_> {
    fn label(&self) -> String {
        match self {
            Self::Apply { offer, files } => {
                let caution = offer.caution.as_ref().map(|caution| format!(" ({caution})")).unwrap_or_default();
                format!("{}{caution}", apply_label(offer, &names(files)))
            }
            Self::Skip => "Skip".to_owned(),
            Self::Ignore => "Ignore: record it in doctor.toml, with a reason".to_owned(),
            Self::ShowValues => "Show the values".to_owned(),
            Self::SkipRest { left: 1 } => "Skip this and the last question".to_owned(),
            Self::SkipRest { left } => format!("Skip this and the other {}", count(*left, "question")),
        }
    }
}

fn apply_label(offer: &Offer, files: &str) -> String {
    let owners = one_or_count(&offer.stores.iter().map(|store| store.owner.name()).collect::<Vec<_>>());
    match offer.way {
        Direction::Push => format!("Push: write the value in {files} to {owners}"),
        Direction::Add if offer.stores.len() > 1 => format!("Add: create it on one or more of {owners}"),
        Direction::Add => format!("Add: create it on {owners}, which does not have it"),
        Direction::PushShared => {
            format!("Push: write the value in {files} to the shared variable {}", offer.stores[0].key)
        }
        Direction::Pull => {
            let mut sources: Vec<&str> =
                offer.pulls.iter().flat_map(|pull| &pull.from).map(|service| service.name.as_str()).collect();
            sources.sort_unstable();
            sources.dedup();
            format!("Pull: write the value on {} to {files}", one_or_count(&sources))
        }
        Direction::Remove => format!("Remove: delete it from {owners}"),
        Direction::Hoist => {
            let services: Vec<&str> = offer
                .stores
                .iter()
                .filter(|store| store.owner.id().is_some())
                .map(|store| store.owner.name())
                .collect();
            format!("Share: store it once as a shared variable, and refer to it on {}", one_or_count(&services))
        }
    }
}

/// Returns the name of one service, or the number of several: names would not fit on the line.
fn one_or_count(services: &[&str]) -> String {
    match services {
        [one] => (*one).to_owned(),
        several => count(several.len(), "service"),
    }
}

/// The position of a question among those about findings.
#[derive(Clone, Copy)]
pub(crate) struct QuestionNumber {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

/// Returns a question about a finding, with its position in a review.
pub(crate) fn numbered(position: Option<QuestionNumber>, question: &str) -> String {
    match position {
        Some(QuestionNumber { number, of }) => line(&format!("[{number}/{of}] {question}")),
        None => line(question),
    }
}

/// Returns the question how to fix the finding above it.
pub(crate) fn fix_key(key: &str) -> String {
    line(&format!("Fix {key}?"))
}

/// Returns the question which services get a key that some services already have.
pub(crate) fn services_to_add(key: &str, having: &[&str]) -> String {
    let state = match having {
        [] => "no service has it yet".to_owned(),
        [one] => format!("{one} already has it"),
        several => format!("{} already have it", names(several)),
    };
    line(&format!("Which services should get {key}? ({state})"))
}

/// Returns the lines above [`start_command`].
pub(crate) fn suggested_start_command(finding: &str, command: &str) -> [String; 2] {
    [line(&format!("{finding}. Suggested start command:")), format!("  {}", line(command))]
}

/// Returns the question whether to set the suggested start command.
pub(crate) fn start_command(service: &str) -> String {
    line(&format!("Set this as the start command of {service}?"))
}

/// Returns the question whether to redeploy a service with these findings.
pub(crate) fn redeploy(service: &str, findings: &[String]) -> String {
    line(&format!("{}. Redeploy {service}?", findings.join("; ")))
}

/// Returns the line before the prompt for the name of a protected environment is repeated. What was typed may be a
/// secret.
pub(crate) fn wrong_environment_name(name: &str) -> String {
    line(&format!("That is not the name of the environment. Type {name}, or press Esc to cancel."))
}

/// Returns the prompt for the name of a protected environment.
pub(crate) fn protected_environment(name: &str) -> String {
    line(&format!("{name} is protected. Type the name of the environment to confirm:"))
}

/// Returns the question whether to send that many requests.
pub(crate) fn send_requests(requests: usize) -> String {
    format!("Send {}?", count(requests, "request"))
}

/// Returns the question whether to accept a `doctor.toml`.
pub(crate) fn accept(config: &str) -> String {
    line(&format!("Accept {config}?"))
}

/// A directory of hooks other than git's default.
#[derive(Clone, Copy)]
pub(crate) enum HooksDirectory {
    /// Set by `core.hooksPath`.
    InWorkingTree,
    /// Set by `core.hooksPath`.
    OutsideRepository,
    LinkedOutsideRepository,
}

/// Returns the question whether to write hooks to that directory.
pub(crate) fn write_hooks(files: &[&str], directory: HooksDirectory) -> String {
    let reason = match directory {
        HooksDirectory::InWorkingTree => "core.hooksPath points to a directory in the working tree",
        HooksDirectory::OutsideRepository => "core.hooksPath points to a directory outside this repository",
        HooksDirectory::LinkedOutsideRepository => "The hooks directory is a link to one outside this repository",
    };
    line(&format!("{reason}. Write {}?", names(files)))
}

/// Returns the question which file to compare with the environment.
pub(crate) fn env_file(environment: &str) -> String {
    line(&format!("Which env file should be compared with {environment}?"))
}

/// Whether `init` creates a `doctor.toml` or adds to one.
#[derive(Clone, Copy)]
pub(crate) enum InitScope {
    New,
    Extension,
}

/// Returns the question which services to compare.
pub(crate) fn services_to_compare(scope: InitScope) -> &'static str {
    match scope {
        InitScope::New => "Which services should be compared?",
        InitScope::Extension => "Which new services should be compared, too?",
    }
}

/// Returns the services with their hints.
pub(crate) fn services(rows: &[(ResourceRef, String)]) -> Vec<String> {
    hinted(rows.iter().map(|(service, hint)| (service.name.as_str(), hint.clone())))
}

/// Returns the hint for a service that shares this number of keys with the file.
pub(crate) fn shared_keys(number: usize) -> String {
    match number {
        0 => "shares no key".to_owned(),
        _ => format!("shares {}", count(number, "key")),
    }
}

/// Returns the hint for a service that is not selected by default.
pub(crate) fn exclusion(exclusion: &Exclusion) -> String {
    match exclusion {
        Exclusion::Database => "database".to_owned(),
        Exclusion::NothingShared => shared_keys(0),
        Exclusion::Elsewhere { root } => format!("built from {root}"),
        Exclusion::Provider { takers } => {
            let takers: Vec<&str> = takers.iter().map(String::as_str).collect();
            format!("referenced by {}", names(&takers))
        }
    }
}

/// Returns the question which keys to require.
pub(crate) fn required_keys(files: &[&str]) -> String {
    line(&format!("Which keys must have the same value in {} and on every service?", names(files)))
}

/// Returns the keys, with the aliases of the services that have them.
pub(crate) fn keys_to_require(rows: &[&Shared], sections: &[Section]) -> Vec<String> {
    let hint = |shared: &Shared| {
        let aliases = aliases_of(&shared.services, sections);
        names(&aliases.iter().map(String::as_str).collect::<Vec<_>>())
    };
    hinted(rows.iter().map(|shared| (shared.key.as_str(), hint(shared))))
}

/// Returns the keys that differ, with the kinds of difference.
pub(crate) fn differences(rows: &[&Difference]) -> Vec<String> {
    hinted(rows.iter().map(|difference| (difference.key.as_str(), difference.description().to_owned())))
}

/// Returns the prompt for the reason of an expected difference.
pub(crate) fn reason(keys: &[&str]) -> String {
    let verb = if keys.len() == 1 { "does" } else { "do" };
    line(&format!("Why {verb} {} differ?", names(keys)))
}

/// Returns the question whether to write a `doctor.toml`.
pub(crate) fn write_config(name: &str, scope: InitScope) -> String {
    match scope {
        InitScope::New => line(&format!("Write {name}?")),
        InitScope::Extension => line(&format!("Add this to {name}?")),
    }
}

/// A choice for a `doctor.toml`, if git does not ignore the env file.
pub(crate) enum WriteChoice<'c> {
    WithGitignore { patterns: &'c [String] },
    Alone,
    Cancel,
}

impl Choice for WriteChoice<'_> {
    fn label(&self) -> String {
        match self {
            Self::WithGitignore { patterns } => format!("Yes, and add {} to .gitignore", patterns.join(", ")),
            Self::Alone => "Yes, without changing .gitignore".to_owned(),
            Self::Cancel => "No".to_owned(),
        }
    }
}

fn line(text: &str) -> String {
    escape::line(text).into_owned()
}

/// Returns the names in a column, each followed by two spaces and its hint.
fn hinted<'r>(rows: impl Iterator<Item = (&'r str, String)>) -> Vec<String> {
    let rows: Vec<(String, String)> = rows.map(|(name, hint)| (cut(&line(name), LONGEST_NAME), line(&hint))).collect();
    let width = rows.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    rows.into_iter().map(|(name, hint)| format!("{}  {hint}", pad(&name, width))).collect()
}

#[cfg(test)]
mod tests {
    use crate::commands::prompts::{exclusion, reason, services};
    use crate::drift::service_scope::Exclusion;
    use crate::drift::test_support::named;

    #[test]
    fn names_are_aligned_and_escaped() {
        let rows = [(named("api"), "database".to_owned()), (named("a\nb"), exclusion(&Exclusion::NothingShared))];
        assert_eq!(services(&rows), ["api   database", "a\\nb  shares no key"]);
        let long = services(&[(named(&"x".repeat(80)), "text".to_owned())]);
        assert!(long[0].ends_with("x  text") && long[0].chars().count() < 50, "{long:?}");
        assert_eq!(reason(&["A", "B\u{1b}"]), "Why do A and B\\u{1b} differ?");
        assert_eq!(reason(&["A"]), "Why does A differ?");
        let takers = ["api", "worker"].map(str::to_owned).to_vec();
        assert_eq!(exclusion(&Exclusion::Provider { takers }), "referenced by api and worker");
        assert_eq!(exclusion(&Exclusion::Elsewhere { root: "web".to_owned() }), "built from web");
    }
}
