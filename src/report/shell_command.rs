//! Commands that can be copied from a report into a shell.

use std::collections::HashSet;
use std::fmt::Write;

use crate::drift::ResourceRef;
use crate::report::Report;
use crate::report::escape;

/// Returns a complete command: the program of this run, the arguments, and the targeting flags of this run. Services
/// that were named by flags are repeated unless the arguments name services. Every printed command is built here.
pub fn complete<'w>(
    program: &'w [String],
    arguments: &'w [String],
    flags: &'w [String],
    services: impl Iterator<Item = &'w String>,
) -> Vec<String> {
    let names_services = arguments.iter().any(|argument| argument.starts_with("--service="));
    let own = services.filter(|_| !names_services);
    [program, arguments, flags].into_iter().flatten().chain(own).cloned().collect()
}

/// Returns the complete command for the arguments of a finding. Of the services that were named by flags, only those of
/// the finding are repeated.
pub fn arguments(report: &Report, arguments: &[String], services: &[ResourceRef]) -> Vec<String> {
    let names: HashSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let own = report.service_flags.iter().filter(|(name, _)| names.contains(name.as_str())).map(|(_, flag)| flag);
    complete(&report.program, arguments, &report.flags, own)
}

/// Returns the complete command, quoted for a shell; `None` if an argument has a NUL, which no shell can pass.
pub fn command(report: &Report, finding_arguments: &[String], services: &[ResourceRef]) -> Option<String> {
    let complete = arguments(report, finding_arguments, services);
    let quoted: Option<Vec<String>> = complete.iter().map(|argument| quote(argument)).collect();
    quoted.map(|quoted| quoted.join(" "))
}

/// Returns arguments as one line, quoted for a shell.
pub fn line(arguments: &[String]) -> String {
    // Only a NUL can't be quoted.
    arguments.iter().map(|argument| quote(argument).unwrap_or_else(|| "NAME".to_owned())).collect::<Vec<_>>().join(" ")
}

/// Quotes one argument. In `--flag=value`, only the value is quoted, which is equivalent and easier to read.
fn quote(argument: &str) -> Option<String> {
    let is_flag =
        |name: &str| name.starts_with("--") && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    match argument.split_once('=') {
        Some((flag, value)) if is_flag(flag) => quote_text(value).map(|value| format!("{flag}={value}")),
        _ => quote_text(argument),
    }
}

/// Quotes a text. One with invisible characters is written as `$'…'` with octal bytes: bash 3.2 of macOS does not
/// support `\u` there, and POSIX does not define the number of digits after `\x`. The same applies to a backtick, which
/// would end the code span of a command in a sentence.
fn quote_text(text: &str) -> Option<String> {
    if escape::line(text) == text && !text.contains('`') {
        return shlex::try_quote(text).ok().map(Into::into);
    }
    if text.contains('\0') {
        return None;
    }
    let mut quoted = String::from("$'");
    let mut bytes = [0; 4];
    for (index, character) in text.char_indices() {
        let alone = character.encode_utf8(&mut bytes);
        match character {
            '\\' | '\'' => quoted.extend(['\\', character]),
            _ if character == '`' || escape::is_hidden(character) || (index == 0 && escape::line(alone) != *alone) => {
                for byte in alone.bytes() {
                    write!(quoted, "\\{byte:03o}").expect("writing to a String can't fail");
                }
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('\'');
    Some(quoted)
}

/// Splits a command as a shell does, including `$'…'` as [`line()`] writes it; `None` if a quote is not closed.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut plain = String::new();
    let (mut rest, mut open) = (line, None);
    while let Some(character) = rest.chars().next() {
        if open.is_none()
            && let Some(quoted) = rest.strip_prefix("$'")
        {
            let (text, after) = unquoted(quoted)?;
            plain.push_str(&shlex::try_quote(&text).ok()?);
            rest = after;
            continue;
        }
        let mut length = character.len_utf8();
        match (open, character) {
            (None, '\'' | '"') => open = Some(character),
            (Some(quote), _) if quote == character => open = None,
            (None | Some('"'), '\\') => length += rest.chars().nth(1)?.len_utf8(),
            _ => {}
        }
        plain.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    shlex::split(&plain)
}

/// Returns the text of a `$'…'` after its first quote, and what follows it.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut text = Vec::new();
    let mut bytes = quoted.bytes().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\'' => return Some((String::from_utf8(text).ok()?, &quoted[index + 1..])),
            b'\\' => match bytes.next()? {
                (start, digit) if digit.is_ascii_digit() => {
                    text.push(u8::from_str_radix(quoted.get(start..start + 3)?, 8).ok()?);
                    bytes.nth(1);
                }
                (_, escaped) => text.push(escaped),
            },
            _ => text.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::report::shell_command::{line, quote, split};

    #[test]
    fn only_arguments_with_special_characters_are_quoted() {
        for (argument, quoted) in [
            ("doctor", "doctor"),
            ("--environment=staging", "--environment=staging"),
            ("--service=my api", "--service='my api'"),
            ("--$(x)=y", "'--$(x)=y'"),
            ("A=b", "'A=b'"),
            ("two words", "'two words'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
            ("it's", "\"it's\""),
        ] {
            assert_eq!(quote(argument).as_deref(), Some(quoted), "{argument}");
        }
    }

    #[test]
    fn invisible_characters_are_quoted_as_octal_bytes() {
        assert_eq!(quote("a\nb").as_deref(), Some(r"$'a\012b'"));
        assert_eq!(quote("\u{202e}it's\\").as_deref(), Some(r"$'\342\200\256it\'s\\'"));
        assert_eq!(quote("\u{1b}[31m").as_deref(), Some(r"$'\033[31m'"));
        assert_eq!(quote("nul\0"), None);
    }

    #[test]
    fn quoted_name_does_not_end_a_code_span() {
        assert_eq!(quote("--env-file=a`railway down`b").as_deref(), Some(r"--env-file=$'a\140railway down\140b'"));
    }

    #[test]
    fn split_reverses_quoting() {
        for name in ["two words", "", "it's", "a`b", "a\nb", "\u{202e}it's\\", "a$'b", "\"$'\\", "ä`'ö", "#", "$(x)"]
        {
            let arguments = ["doctor".to_owned(), format!("--service={name}"), name.to_owned()];
            assert_eq!(split(&line(&arguments)).as_deref(), Some(&arguments[..]), "{name:?}");
        }
        for open in ["doctor 'a", "doctor \"a", r"doctor $'a\14'", "doctor $'a", "doctor \\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }
}
