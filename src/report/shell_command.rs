//! Commands that can be copied from a report into a shell and mean what they say.

use std::collections::HashSet;
use std::fmt::Write;

use crate::drift::ResourceRef;
use crate::report::Report;
use crate::report::escape;

/// The whole command: how this run was called, the arguments, the targeting flags of the run. Unless the arguments name
/// services themselves, the services that were named by flags are named again. Every command that is printed for copying
/// is put together here.
pub fn whole<'w>(
    program: &'w [String],
    arguments: &'w [String],
    flags: &'w [String],
    services: impl Iterator<Item = &'w String>,
) -> Vec<String> {
    let names_services = arguments.iter().any(|word| word.starts_with("--service="));
    let own = services.filter(|_| !names_services);
    [program, arguments, flags].into_iter().flatten().chain(own).cloned().collect()
}

/// The whole command for the arguments of a finding. Of the services that were named by flags, its own are named again.
pub fn arguments(report: &Report, arguments: &[String], services: &[ResourceRef]) -> Vec<String> {
    let names: HashSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let own = report.service_flags.iter().filter(|(name, _)| names.contains(name.as_str())).map(|(_, flag)| flag);
    whole(&report.program, arguments, &report.flags, own)
}

/// The same, quoted for a shell, on one line. `None` where no shell can pass it on: an argument can't hold a NUL.
pub fn command(report: &Report, words: &[String], services: &[ResourceRef]) -> Option<String> {
    let quoted: Option<Vec<String>> = arguments(report, words, services).iter().map(|word| quote(word)).collect();
    quoted.map(|words| words.join(" "))
}

/// These words as one line that a shell takes apart again.
pub fn line(words: &[String]) -> String {
    // Only a NUL can't be quoted, and no shell can be given one anyway.
    words.iter().map(|word| quote(word).unwrap_or_else(|| "NAME".to_owned())).collect::<Vec<_>>().join(" ")
}

/// One word of the command. In `--flag=value` the flag stays readable, which means the same to a shell.
fn quote(word: &str) -> Option<String> {
    let is_flag =
        |name: &str| name.starts_with("--") && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    match word.split_once('=') {
        Some((flag, value)) if is_flag(flag) => quote_whole(value).map(|value| format!("{flag}={value}")),
        _ => quote_whole(word),
    }
}

/// What can't be shown as it is goes into `$'…'`, byte by byte in octal: macOS's bash 3.2 does not know
/// `\u` there, and POSIX leaves open how many digits belong to `\x`.
fn quote_whole(word: &str) -> Option<String> {
    if escape::line(word) == word {
        return shlex::try_quote(word).ok().map(Into::into);
    }
    if word.contains('\0') {
        return None;
    }
    let mut quoted = String::from("$'");
    let mut bytes = [0; 4];
    for (index, character) in word.char_indices() {
        let alone = character.encode_utf8(&mut bytes);
        match character {
            '\\' | '\'' => quoted.extend(['\\', character]),
            _ if escape::is_hidden(character) || (index == 0 && escape::line(alone) != *alone) => {
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

#[cfg(test)]
mod tests {
    use crate::report::shell_command::quote;

    #[test]
    fn quotes_only_what_a_shell_would_change() {
        for (word, quoted) in [
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
            assert_eq!(quote(word).as_deref(), Some(quoted), "{word}");
        }
    }

    #[test]
    fn invisible_characters_are_quoted_as_octal_bytes() {
        assert_eq!(quote("a\nb").as_deref(), Some(r"$'a\012b'"));
        assert_eq!(quote("\u{202e}it's\\").as_deref(), Some(r"$'\342\200\256it\'s\\'"));
        assert_eq!(quote("\u{1b}[31m").as_deref(), Some(r"$'\033[31m'"));
        assert_eq!(quote("nul\0"), None);
    }
}
