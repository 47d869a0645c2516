//! The form of a printed error.

/// Returns whether the lines are one error: the message, its cause if known, and a help, which commands may follow.
pub(crate) fn is_error(lines: &[&str]) -> bool {
    let [message, rest @ ..] = lines else { return false };
    let rest = if rest.first().is_some_and(|line| line.starts_with("  cause: ")) { &rest[1..] } else { rest };
    let [help, commands @ ..] = rest else { return false };
    message.starts_with("error: ")
        && help.starts_with("  help: ")
        && (commands.is_empty() || help.ends_with(':'))
        && commands.iter().all(|command| command.starts_with("    "))
}
