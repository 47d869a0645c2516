//! Appends an `[[ignore]]` to a `doctor.toml` without changing the existing text.

use crate::drift::Secret;
use crate::error::{Error, Help};
use crate::io::config::find::parse_on_large_stack;
use crate::io::config::toml_text::quoted;
use crate::io::config::{Config, RuleName};

/// An `[[ignore]]` to append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewIgnore {
    /// Exact names; never empty.
    pub keys: Vec<String>,
    /// Aliases or names; empty means all.
    pub services: Vec<String>,
    /// Names of rules; empty means all.
    pub rules: Vec<String>,
    /// Never empty.
    pub reason: String,
}

/// Returns the text with the entry appended. The result is parsed, and must contain the entry and be otherwise
/// unchanged.
///
/// A text that is invalid before the change is an [`Error::Config`]. `name` is the file's name, for messages.
pub fn with_ignore(text: &Secret, ignore: &NewIgnore, name: &str, rules: &[RuleName]) -> Result<Secret, Error> {
    // The parser would treat them as patterns.
    if ignore.keys.iter().any(|key| key.contains(['*', '?'])) {
        let help = "the file is unchanged; ignore the key with a pattern that you write by hand".into();
        let cause = "a key with `*` or `?` in its name would be read as a pattern".to_owned();
        return Err(Error::Write { path: name.to_owned(), cause, help });
    }
    let read =
        |text: &Secret| parse_on_large_stack(text, Config::empty(name.into(), name.to_owned(), name.into()), rules);
    let before = read(text)?;
    let added = section(ignore);
    let refused = || not_appended(name, "an [[ignore]] section can't be appended to it", &added);
    let new = appended(text, &added);
    // TOML does not allow `[[ignore]]` after an inline `ignore = […]`.
    let mut after = read(&new).map_err(|_| refused())?;
    let is_added = after.ignore.pop().is_some_and(|added| {
        let keys = added.keys.iter().map(|at| &at.value).eq(&ignore.keys);
        let services = added.services.iter().map(|at| &at.value).eq(&ignore.services);
        let whole = added.environments.is_empty() && added.until.is_none();
        keys && services && whole && added.rules == ignore.rules && added.reason == ignore.reason
    });
    if is_added && after == before { Ok(new) } else { Err(refused()) }
}

/// Returns the error for sections that the file can't get automatically, with their text.
pub(super) fn not_appended(path: &str, cause: impl Into<String>, sections: &str) -> Error {
    let help = Help::addition("the file is unchanged; add this by hand:", sections);
    Error::Write { path: path.to_owned(), cause: cause.into(), help }
}

/// Returns the text with sections appended, if there are any: after a blank line, with the line ending of the text.
pub(super) fn appended(text: &Secret, sections: &str) -> Secret {
    let text = text.expose();
    let gap = match text {
        _ if sections.is_empty() => "",
        "" | "\u{feff}" => "",
        _ if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let first = text.find('\n').unwrap_or(0);
    let has_carriage_returns = text[..first].ends_with('\r');
    let added = gap.to_owned() + sections;
    let added = if has_carriage_returns { added.replace('\n', "\r\n") } else { added };
    let mut new = String::with_capacity(text.len() + added.len());
    new.extend([text, &added]);
    Secret::new(new)
}

/// Returns the lines of the section.
fn section(ignore: &NewIgnore) -> String {
    let mut lines = String::from("[[ignore]]\n");
    for (key, values) in [("keys", &ignore.keys), ("services", &ignore.services), ("rules", &ignore.rules)] {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            lines.extend([key, " = [", &values.join(", "), "]\n"]);
        }
    }
    lines.extend(["reason = ", &quoted(&ignore.reason), "\n"]);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use crate::drift::Secret;
    use crate::error::Error;
    use crate::io::config::RuleName;
    use crate::io::config::append_ignore::{NewIgnore, with_ignore};

    const RULES: &[RuleName] = &[("D102", "missing-locally"), ("D103", "value-differs")];

    fn ignore(keys: &[&str], reason: &str) -> NewIgnore {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        NewIgnore { keys, reason: reason.to_owned(), ..NewIgnore::default() }
    }

    fn added(text: &str, ignore: &NewIgnore) -> Result<String, Error> {
        with_ignore(&Secret::new(text), ignore, "doctor.toml", RULES).map(|text| text.expose().to_owned())
    }

    #[test]
    fn section_is_appended_without_changing_existing_text() {
        let lone = "[[ignore]]\nkeys = [\"DEBUG\"]\nreason = \"mine\"\n";
        for (text, expected) in [
            ("", lone.to_owned()),
            ("project = \"x\"\n", format!("project = \"x\"\n\n{lone}")),
            ("project = \"x\"  # no line end", format!("project = \"x\"  # no line end\n\n{lone}")),
            ("[services.api]\r\n", format!("[services.api]\r\n\r\n{}", lone.replace('\n', "\r\n"))),
            ("[[across]]\nkeys=['A']\nmust='agree'\n", format!("[[across]]\nkeys=['A']\nmust='agree'\n\n{lone}")),
            ("[[ignore]]\nkeys=['A']\nreason='x'\n\n", format!("[[ignore]]\nkeys=['A']\nreason='x'\n\n\n{lone}")),
        ] {
            assert_eq!(added(text, &ignore(&["DEBUG"], "mine")), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn writes_every_field() {
        let ignore = NewIgnore {
            services: vec!["api".to_owned(), "a \"b\" \\".to_owned()],
            rules: vec!["value-differs".to_owned()],
            ..ignore(&["A", "B"], "two\nlines\t\u{202e}")
        };
        let expected = "[[ignore]]\nkeys = [\"A\", \"B\"]\nservices = [\"api\", \"a \\\"b\\\" \\\\\"]\n\
                        rules = [\"value-differs\"]\nreason = \"two\\U0000000Alines\\U00000009\\U0000202E\"\n";
        assert_eq!(added("", &ignore).as_deref(), Ok(expected));
    }

    #[test]
    fn refuses_entries_that_cannot_be_appended() {
        let refused = |text: &str, ignore: &NewIgnore| match added(text, ignore) {
            Err(Error::Write { path, cause: why, .. }) => format!("{path}: {why}"),
            other => panic!("{text}: {other:?}"),
        };
        let inline = "ignore = [{ keys = [\"A\"], reason = \"x\" }]\n";
        assert_eq!(refused(inline, &ignore(&["B"], "x")), "doctor.toml: an [[ignore]] section can't be appended to it");
        assert!(refused("", &ignore(&["*"], "x")).contains("pattern"));
        assert!(refused("", &ignore(&[], "x")).contains("can't be appended"));
        assert!(refused("", &ignore(&["A"], "")).contains("can't be appended"));
        assert!(matches!(added("project = \n", &ignore(&["A"], "x")), Err(Error::Config { line: 1, .. })));
        assert!(matches!(added("projekt = 'x'\n", &ignore(&["A"], "x")), Err(Error::Config { .. })));
    }

    proptest! {
        #[test]
        fn arbitrary_names_round_trip_or_are_refused(
            keys in collection::vec(any::<String>(), 1..3),
            services in collection::vec(any::<String>(), 0..3),
            reason in any::<String>(),
        ) {
            let empty = keys.iter().chain(&services).chain([&reason]).any(String::is_empty);
            let pattern = keys.iter().any(|key| key.contains(['*', '?']));
            let ignore = NewIgnore { keys, services, rules: Vec::new(), reason };
            let text = "project = \"x\"\r\n";
            let new = added(text, &ignore);
            prop_assert_eq!(new.is_ok(), !empty && !pattern);
            prop_assert!(new.is_err() || new.unwrap().starts_with(text));
        }
    }
}
