//! Appends services, required keys and expected differences to a `doctor.toml` without changing the existing text.

use crate::drift::Secret;
use crate::drift::suggest::ConfigDraft;
use crate::error::Error;
use crate::io::config::append_ignore::{appended, not_appended};
use crate::io::config::find::parse_on_large_stack;
use crate::io::config::new_file::{additions, has_sections};
use crate::io::config::{Config, RuleName};

/// A `doctor.toml` with new sections at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtendedConfig {
    /// The whole text.
    pub text: Secret,
    /// The new part of the text.
    pub added: String,
    /// The settings of the whole text.
    pub config: Config,
}

/// Returns the text of `old` with the services, the required keys and the exceptions of the draft appended. The result
/// is parsed: it must have the old settings and those of the draft.
pub fn with_sections(
    old: &Config,
    text: &Secret,
    draft: &ConfigDraft,
    rules: &[RuleName],
) -> Result<ExtendedConfig, Error> {
    let added = additions(draft);
    let refused = || not_appended(&old.name, "sections can't be appended to it", &added);
    let new = appended(text, &added);
    // TOML does not allow `[services.web]` after an inline `services = {…}`.
    let empty = Config::empty(old.path.clone(), old.name.clone(), old.root.clone());
    let config = parse_on_large_stack(&new, empty, rules).map_err(|_| refused())?;
    let (rest, own) = split(config.clone(), old);
    if rest == *old && has_sections(&own, draft) {
        Ok(ExtendedConfig { text: new, added, config })
    } else {
        Err(refused())
    }
}

/// Splits the settings into the old ones and the new ones.
fn split(mut config: Config, old: &Config) -> (Config, Config) {
    let mut new = Config::empty(config.path.clone(), config.name.clone(), config.root.clone());
    let (known, added) = config.services.into_iter().partition(|(alias, _)| old.services.contains_key(alias));
    (config.services, new.services) = (known, added);
    new.require = config.require.split_off(old.require.len().min(config.require.len()));
    new.ignore = config.ignore.split_off(old.ignore.len().min(config.ignore.len()));
    (config, new)
}

#[cfg(test)]
mod tests {
    use crate::drift::suggest::{ConfigDraft, Exception, Requirement, Section};
    use crate::drift::test_support::named;
    use crate::drift::{ResourceRef, Secret};
    use crate::error::Error;
    use crate::io::config::append_sections::with_sections;
    use crate::io::config::find::parse_on_large_stack;
    use crate::io::config::{Config, RuleName};

    const RULES: &[RuleName] = &[("D103", "value-differs")];

    fn draft() -> ConfigDraft {
        let files = vec!["apps/web/.env".to_owned()];
        ConfigDraft {
            services: vec![
                Section { alias: "web".to_owned(), name: "shop-web".to_owned(), service: named("shop-web"), files },
                Section {
                    alias: "jobs".to_owned(),
                    name: "5".to_owned(),
                    service: ResourceRef { id: "5".to_owned(), name: "a\nb".to_owned() },
                    files: Vec::new(),
                },
            ],
            require: vec![Requirement {
                keys: vec!["JWT".to_owned()],
                services: vec!["api".to_owned(), "web".to_owned()],
            }],
            ignore: vec![Exception {
                keys: vec!["MODE".to_owned()],
                services: Vec::new(),
                rules: vec!["value-differs"],
                reason: "a \"test\"".to_owned(),
            }],
            ..ConfigDraft::default()
        }
    }

    fn extended(text: &str, draft: &ConfigDraft) -> Result<String, Error> {
        let empty = Config::empty("/r/doctor.toml".into(), "doctor.toml".to_owned(), "/r".into());
        let text = Secret::new(text);
        let old = parse_on_large_stack(&text, empty, RULES)?;
        let extended = with_sections(&old, &text, draft, RULES)?;
        assert!(extended.text.expose().ends_with(&extended.added) || text.expose().contains('\r'));
        Ok(extended.text.expose().to_owned())
    }

    #[test]
    fn sections_are_appended_without_changing_existing_text() {
        let added = "[services.web]\nname = \"shop-web\"\nenv-file = [\"apps/web/.env\"]\n\n\
                     [services.jobs]\nname = \"5\"  # a\u{fffd}b\n\n\
                     [[require]]\nkeys     = [\"JWT\"]\nservices = [\"api\", \"web\"]\n\n\
                     [[ignore]]\nkeys     = [\"MODE\"]\nrules    = [\"value-differs\"]\nreason   = \"a \\\"test\\\"\"\n";
        let crlf = added.replace('\n', "\r\n");
        for (text, expected) in [
            ("", added.to_owned()),
            ("\u{feff}", format!("\u{feff}{added}")),
            ("# mine\nproject = 'x'", format!("# mine\nproject = 'x'\n\n{added}")),
            ("\u{feff}project = \"x\"\r\n# end", format!("\u{feff}project = \"x\"\r\n# end\r\n\r\n{crlf}")),
            (
                "[services.api]\n[[require]]\nkeys=['A']\n# last\n\n",
                format!("[services.api]\n[[require]]\nkeys=['A']\n# last\n\n\n{added}"),
            ),
            (
                "[[across]]\nkeys = ['A']\nmust = 'differ'\n",
                format!("[[across]]\nkeys = ['A']\nmust = 'differ'\n\n{added}"),
            ),
        ] {
            assert_eq!(extended(text, &draft()), Ok(expected), "{text:?}");
            assert_eq!(extended(text, &ConfigDraft::default()).as_deref(), Ok(text), "{text:?}");
        }
    }

    #[test]
    fn text_that_would_read_differently_is_refused() {
        let refused = |text: &str, draft: &ConfigDraft| match extended(text, draft) {
            Err(Error::Write { path, cause, help }) => {
                assert!(help.lines().iter().any(|line| line == "[services.web]"), "{help:?}");
                format!("{path}: {cause}")
            }
            other => panic!("{text}: {other:?}"),
        };
        let cause = "doctor.toml: sections can't be appended to it";
        assert_eq!(refused("services = { api = {} }\n", &draft()), cause);
        assert_eq!(refused("[services.web]\n", &draft()), cause, "the alias exists");
        assert_eq!(refused("require = [{ keys = ['A'] }]\n", &draft()), cause);
        let pattern = ConfigDraft {
            require: vec![Requirement { keys: vec!["A*".to_owned()], services: vec!["web".to_owned()] }],
            ..draft()
        };
        assert_eq!(refused("", &pattern), cause);
    }
}
