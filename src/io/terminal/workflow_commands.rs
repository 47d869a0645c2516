//! Escapes text for the logs of GitHub Actions, where a line that starts with `::name` is a command to the runner.
//!
//! The runner accepts `::` after leading white space, and the older `##[name]` anywhere in a line. An attacker may
//! choose the names of services and keys, so both are escaped in every line that `doctor` prints there. The escapes are
//! those of JSON, so JSON keeps its meaning.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Returns whether the output is the log of a workflow.
pub fn are_read(variables: &BTreeMap<String, String>) -> bool {
    variables.get("GITHUB_ACTIONS").is_some_and(|value| !value.is_empty())
}

/// Escapes every line that the runner would take for a command.
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive(['\n', '\r']) {
        let command = line.trim_start();
        let (indent, rest) = line.split_at(line.len() - command.len());
        harmless.push_str(indent);
        let rest = match rest.strip_prefix("::") {
            Some(rest) => {
                harmless.push_str("\\u003a:");
                rest
            }
            None => rest,
        };
        harmless.push_str(&rest.replace("##[", "\\u0023#["));
    }
    Cow::Owned(harmless)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::prop_assert;

    use crate::io::terminal::workflow_commands::disarmed;

    #[test]
    fn escapes_only_what_runner_treats_as_command() {
        for (text, expected) in [
            ("", ""),
            ("plain\n", "plain\n"),
            ("::debug::x", "\\u003a:debug::x"),
            ("a\n  ::debug::x\nb", "a\n  \\u003a:debug::x\nb"),
            ("\t\u{a0}::add-mask::e", "\t\u{a0}\\u003a:add-mask::e"),
            ("::::", "\\u003a:::"),
            ("a\r::x\r\n::y", "a\r\\u003a:x\r\n\\u003a:y"),
            ("std::env and a::b", "std::env and a::b"),
            ("- ::x", "- ::x"),
            (": :x", ": :x"),
            ("a ##[group]x ##[y]", "a \\u0023#[group]x \\u0023#[y]"),
            ("###[x", "#\\u0023#[x"),
            ("## [x]", "## [x]"),
        ] {
            assert_eq!(disarmed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = serde_json::json!({ "name": "##[x]::y" }).to_string();
        let read: serde_json::Value = serde_json::from_str(&disarmed(&text)).unwrap();
        assert_eq!(read["name"], "##[x]::y");
    }

    proptest! {
        #[test]
        fn escaped_output_contains_no_command(text in "[:# \\t\\n\\r\\[a\u{a0}]{0,40}") {
            let harmless = disarmed(&text);
            prop_assert!(!harmless.split(['\n', '\r']).any(|line| line.trim_start().starts_with("::") || line.contains("##[")));
            prop_assert!(disarmed(&harmless) == harmless);
        }
    }
}
