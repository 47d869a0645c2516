//! Reports what the hook could not check. The commit passes with one line for it; with `--strict`, it is blocked.

use crate::commands::hook::staged_secrets::StagedSecrets;
use crate::drift::leak::LINES;
use crate::drift::phrases::count;
use crate::error::{Error, Exit, Help};
use crate::io::git::blobs::{LONGEST, Unread};
use crate::report::escape;

/// The most files in one line of output.
const LISTED: usize = 5;

/// Whether the values of env files were searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueSearch {
    Done,
    /// There is no env file.
    NoFile,
}

/// Returns the error for files that were not searched completely.
pub(super) fn unchecked(why: String) -> Error {
    Error::System {
        what: "could not check all staged files".to_owned(),
        cause: why,
        help: "run `git status`, or remove --strict".into(),
    }
}

/// Returns the error for standard input that is not a list of pushed refs.
pub(super) fn unread_push(why: String) -> Error {
    Error::System {
        what: "could not check the pushed commits".to_owned(),
        cause: why,
        help: "run it as the pre-push hook of git, or remove --strict".into(),
    }
}

/// Returns the error for a search without values.
pub(super) fn no_values() -> Error {
    Error::System {
        what: "could not search for local values".to_owned(),
        cause: "there is no env file".to_owned(),
        help: Help::command("to accept that, pass:", "--no-env-file"),
    }
}

/// Returns one line for a search without values, and for a comparison that failed for a reason that is unrelated to the
/// commit.
pub(super) fn unchecked_line(search: ValueSearch, error: Option<&Error>) -> Option<String> {
    const NO_VALUES: &str = "no env file: local values were not searched for";
    let not_compared = |error: &Error| {
        let why = match error {
            Error::File { .. } | Error::DeclaredFile { .. } => error.with_cause(": "),
            _ => error.to_string(),
        };
        format!("not compared with Railway: {}", escape::line(&why))
    };
    match (search, error) {
        (ValueSearch::Done, error) => error.map(not_compared),
        (ValueSearch::NoFile, None) => Some(NO_VALUES.to_owned()),
        (ValueSearch::NoFile, Some(Error::NoEnvFile { .. } | Error::Usage { .. })) => {
            Some(format!("{NO_VALUES}, and nothing was compared with Railway"))
        }
        (ValueSearch::NoFile, Some(error)) => Some(format!("{NO_VALUES}; {}", not_compared(error))),
    }
}

/// Returns a line for each kind of file that was not searched completely.
pub(super) fn gaps(found: &StagedSecrets) -> Vec<String> {
    let unread =
        |why: Unread| found.unread.iter().filter(move |(_, reason)| *reason == why).map(|(name, _)| name.as_str());
    let mut gaps: Vec<String> = [
        gap(&format!("not searched for secrets, larger than {} MiB", LONGEST >> 20), unread(Unread::Size)),
        gap("not searched for secrets, time limit reached", unread(Unread::Time)),
        gap("not searched for secrets, missing in git", unread(Unread::Missing)),
        gap(&format!("only the first {LINES} lines were searched"), found.cut.iter().map(String::as_str)),
    ]
    .into_iter()
    .flatten()
    .collect();
    gaps.extend(
        found.unsearched.iter().take(LISTED).map(|(name, why)| {
            escape::line(&format!("the values of {name} were not searched for: {why}")).into_owned()
        }),
    );
    if found.unsearched.len() > LISTED {
        let more = count(found.unsearched.len() - LISTED, "more file");
        gaps.push(format!("the values of {more} were not searched for"));
    }
    gaps
}

/// Returns one line for all files with the same reason.
fn gap<'n>(reason: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<String> = names.map(|name| escape::line(name).into_owned()).collect();
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        _ if names.is_empty() => None,
        0 => Some(format!("{reason}: {shown}")),
        more => Some(format!("{reason}: {shown} and {more} more")),
    }
}

/// Returns whether an error is unrelated to the commit: Railway is unavailable, there is no login or no setup, a file
/// can't be read, or the system refused an operation.
pub(super) fn is_unrelated_to_commit(error: &Error) -> bool {
    let unset = matches!(
        error,
        Error::NoEnvFile { .. }
            | Error::File { .. }
            | Error::DeclaredFile { .. }
            | Error::NoProject { .. }
            | Error::NoEnvironment { .. }
            | Error::NotFound { .. }
            | Error::Deleted { .. }
            | Error::System { .. }
    );
    unset || matches!(error.exit(), Exit::Credentials | Exit::Unreachable)
}
