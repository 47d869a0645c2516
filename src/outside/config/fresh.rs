//! The text of a new `doctor.toml`, and the proof that it says what was meant.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::draft::{Draft, Exception, Requirement, Section};
use crate::error::Error;
use crate::outside::config::find::understand;
use crate::outside::config::written::{comment, key, quoted};
use crate::outside::config::{At, Config, EnvironmentSection, RuleName, inside};
use crate::outside::{files, git};

/// Longer lists have an item on each line. Comments keep to it, too.
const WIDEST: usize = 58;

/// Where a new `doctor.toml` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The file, absolute.
    pub path: PathBuf,
    /// The same, as a person would type it from the working folder.
    pub name: String,
    /// The root of the repository, or else the working folder.
    pub root: PathBuf,
}

impl Site {
    /// The root of the repository that the working folder lies in, or else that folder.
    pub fn of(working_folder: &Path) -> Self {
        let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
        let path = root.join("doctor.toml");
        Self { name: files::display_path(&path, working_folder), path, root }
    }

    /// How a file is named in it. An error for one that no `doctor.toml` may name.
    pub fn reach(&self, file: &Path) -> Result<String, Error> {
        inside(&self.root, &self.root, file)?;
        let parts = file.strip_prefix(&self.root).ok().map(Path::components);
        let parts: Option<Vec<&str>> = parts.into_iter().flatten().map(|part| part.as_os_str().to_str()).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/")).ok_or_else(|| Error::File {
            path: file.display().to_string(),
            why: "no doctor.toml can name it: it lies outside of the repository, or its name is no text".to_owned(),
            next: "name a file inside the repository with `--env-file PATH`".to_owned(),
        })
    }
}

/// The text of a draft: read again, and found to say this and nothing else. An error if the reader does not understand it so.
pub fn fresh(draft: &Draft, site: &Site, rules: &[RuleName]) -> Result<(String, Config), Error> {
    let text = text(draft);
    let empty = || Config::empty(site.path.clone(), site.name.clone(), site.root.clone());
    let mistaken = |why: &str| Error::Write {
        path: site.name.clone(),
        why: why.to_owned(),
        next: "nothing was written: write it by hand, and report this".to_owned(),
    };
    let read = understand(&Secret::new(text.as_str()), empty(), rules)
        .map_err(|error| mistaken(&format!("what was to be written can't be read again: {error}")))?;
    if says(&read, draft, empty()) { Ok((text, read)) } else { Err(mistaken("it would not say what was chosen")) }
}

/// Whether a file says that, and nothing that was not to be said.
fn says(read: &Config, draft: &Draft, empty: Config) -> bool {
    let word = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let words = |list: &[At<String>]| list.iter().map(|at| at.value.clone()).collect::<Vec<_>>();
    let sections = draft.services.iter().all(|section| {
        read.services.get(&section.alias).is_some_and(|own| {
            let rest = (&own.env_file, &own.commit, own.start_command_contains.len());
            own.name.value == section.name && rest == (&None, &None, 0)
        })
    });
    let require: Vec<_> = read.require.iter().map(|one| (words(&one.keys), words(&one.services))).collect();
    let ignore = read.ignore.iter().map(|one| {
        let rest = one.environments.is_empty() && one.until.is_none();
        (words(&one.keys), words(&one.services), one.rules.clone(), one.reason.clone(), rest)
    });
    let wanted = draft.ignore.iter().map(|one| {
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        (one.keys.clone(), one.services.clone(), rules, one.reason.clone(), true)
    });
    let is_protected = |section: &EnvironmentSection| section.protected == Some(true) && section.env_file.is_none();
    let environments = if draft.is_production() {
        read.environments.len() == 1 && read.environments.get(draft.environment_title()).is_some_and(is_protected)
    } else {
        read.environments.is_empty()
    };
    let rest = Config {
        project: read.project.clone(),
        environment: read.environment.clone(),
        env_file: read.env_file.clone(),
        environments: read.environments.clone(),
        services: read.services.clone(),
        require: read.require.clone(),
        ignore: read.ignore.clone(),
        ..empty
    };
    word(&read.project).as_ref() == Some(&draft.project.id)
        && word(&read.environment).as_ref() == Some(&draft.environment.id)
        && read.env_file.as_deref().map(words).unwrap_or_default() == draft.files
        && sections
        && read.services.len() == draft.services.len()
        && require == draft.require.iter().map(|one| (one.keys.clone(), one.services.clone())).collect::<Vec<_>>()
        && ignore.eq(wanted)
        && environments
        && *read == rest
}

fn text(draft: &Draft) -> String {
    let mut text = head(draft);
    if draft.is_production() {
        text.push_str("\n# A fix wants the name of this environment typed.\n");
        text.extend(["[environments.", &key(draft.environment_title()), "]\nprotected = true\n"]);
    }
    text.push_str(&services(&draft.services));
    text.push_str(&require(&draft.require, &draft.services));
    text.push_str(&ignore(&draft.ignore));
    text
}

fn head(draft: &Draft) -> String {
    let mut text = String::from(
        "# What `doctor check` compares, and how strictly.\n\
         # It holds names and no values: commit it.\n\n",
    );
    let [project, environment] = [&draft.project, &draft.environment];
    text.extend(["# Project ", &comment(&project.name), ", environment ", &comment(&environment.name), ":\n"]);
    text.extend(["project     = ", &quoted(&project.id), "\n"]);
    text.extend(["environment = ", &quoted(&environment.id), "\n"]);
    if !draft.files.is_empty() {
        text.push_str(&list("env-file   ", &draft.files));
    }
    text
}

fn services(sections: &[Section]) -> String {
    if sections.is_empty() {
        return "\n# No service is named: each one that shares a key with the file is\n\
                # looked at. To choose, and to give short names:\n\
                # [services.api]\n# name = \"my-api-production\"\n"
            .to_owned();
    }
    let first = &sections[0].alias;
    let mut text = format!("\n# The services, by short names: `doctor check -s {first}`.\n");
    for (index, section) in sections.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let called = if section.name == section.service.name {
            String::new()
        } else {
            format!("  # {}", comment(&section.service.name))
        };
        text.extend([gap, "[services.", &key(&section.alias), "]\nname = ", &quoted(&section.name), &called, "\n"]);
    }
    text
}

fn require(all: &[Requirement], sections: &[Section]) -> String {
    if all.is_empty() {
        let alias = sections.first().map_or("api", |section| &section.alias);
        return format!(
            "\n# Keys that must be there, and equal everywhere, go here:\n\
             # [[require]]\n# keys     = [\"API_KEY\"]\n# services = [{}]\n",
            quoted(alias)
        );
    }
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        text.push_str(match index {
            0 => "\n# These keys must be there, and be equal everywhere.\n# Add keys to require more.\n",
            _ => "\n",
        });
        text.push_str("[[require]]\n");
        text.push_str(&list("keys    ", &one.keys));
        text.push_str(&list("services", &one.services));
    }
    text
}

fn ignore(all: &[Exception]) -> String {
    if all.is_empty() {
        return "\n# Keys that differ on purpose go here, and are not told:\n\
                # [[ignore]]\n# keys   = [\"DEBUG\", \"LOCAL_*\"]\n# reason = \"only for local runs\"\n"
            .to_owned();
    }
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        text.push_str(match index {
            0 => "\n# These keys differ on purpose, and these rules skip them.\n# Add keys to silence more.\n",
            _ => "\n",
        });
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        text.push_str("[[ignore]]\n");
        text.push_str(&list("keys    ", &one.keys));
        if !one.services.is_empty() {
            text.push_str(&list("services", &one.services));
        }
        text.push_str(&list("rules   ", &rules));
        text.extend(["reason   = ", &quoted(&one.reason), "\n"]);
    }
    text
}

/// `name = ["a", "b"]`, or an item on each line.
fn list(name: &str, items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let line = format!("{name} = [{}]\n", items.join(", "));
    if items.len() < 2 || line.chars().count() <= WIDEST {
        return line;
    }
    format!("{} = [\n    {},\n]\n", name.trim_end(), items.join(",\n    "))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use super::{Site, fresh, says, text};
    use crate::drift::draft::{Draft, Exception, Requirement, Section, sections};
    use crate::drift::scene::named;
    use crate::drift::{Named, Secret};
    use crate::error::Error;
    use crate::outside::config::{Config, RuleName};

    const RULES: &[RuleName] = &[("D103", "value-differs"), ("D104", "local-by-nature")];

    fn site() -> Site {
        Site { path: "/r/doctor.toml".into(), name: "doctor.toml".to_owned(), root: "/r".into() }
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn draft() -> Draft {
        let section = |alias: &str, name: &str| Section {
            alias: alias.to_owned(),
            name: name.to_owned(),
            service: Named { id: format!("id-of-{alias}"), name: format!("shop-{alias}") },
        };
        let keys = ["AWS_SECRET_ACCESS_KEY", "STAGING_OPS_API_KEY", "STRIPE_KEY"];
        Draft {
            project: named("shop"),
            environment: named("Production"),
            files: owned(&[".env", "apps/a b/.env"]),
            services: vec![section("api", "shop-api"), section("worker", "id-of-worker")],
            require: vec![Requirement { keys: owned(&keys), services: owned(&["api", "worker"]) }],
            ignore: vec![
                Exception {
                    keys: owned(&["PORT"]),
                    services: Vec::new(),
                    rules: vec!["local-by-nature"],
                    reason: "every machine sets its own".to_owned(),
                },
                Exception {
                    keys: owned(&["MODE"]),
                    services: owned(&["api"]),
                    rules: vec!["local-by-nature", "value-differs"],
                    reason: "a \"test\"".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn a_newcomer_is_told_what_each_part_is_for() {
        let expected = r#"# What `doctor check` compares, and how strictly.
# It holds names and no values: commit it.

# Project shop, environment Production:
project     = "id-of-shop"
environment = "id-of-Production"
env-file    = [".env", "apps/a b/.env"]

# A fix wants the name of this environment typed.
[environments.Production]
protected = true

# The services, by short names: `doctor check -s api`.
[services.api]
name = "shop-api"

[services.worker]
name = "id-of-worker"  # shop-worker

# These keys must be there, and be equal everywhere.
# Add keys to require more.
[[require]]
keys = [
    "AWS_SECRET_ACCESS_KEY",
    "STAGING_OPS_API_KEY",
    "STRIPE_KEY",
]
services = ["api", "worker"]

# These keys differ on purpose, and these rules skip them.
# Add keys to silence more.
[[ignore]]
keys     = ["PORT"]
rules    = ["local-by-nature"]
reason   = "every machine sets its own"

[[ignore]]
keys     = ["MODE"]
services = ["api"]
rules    = ["local-by-nature", "value-differs"]
reason   = "a \"test\""
"#;
        assert_eq!(fresh(&draft(), &site(), RULES).unwrap().0, expected);
        assert!(expected.lines().all(|line| line.chars().count() <= 60));
    }

    #[test]
    fn what_is_not_used_is_shown_as_a_comment_that_works() {
        let bare = Draft { project: named("shop"), environment: named("staging"), ..Draft::default() };
        let (text, _) = fresh(&bare, &site(), RULES).unwrap();
        let shown: String = text
            .lines()
            .skip_while(|line| !line.contains("No service"))
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains('=') || line.starts_with('['))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(shown.matches("[[").count(), 2, "{shown}");
        let empty = Config::empty(PathBuf::new(), String::new(), PathBuf::new());
        let read = super::understand(&Secret::new(shown), empty, RULES).unwrap();
        assert_eq!((read.services.len(), read.require.len(), read.ignore.len()), (1, 1, 1));
    }

    #[test]
    fn a_text_that_says_something_else_is_noticed() {
        let draft = draft();
        let empty = || Config::empty(site().path, site().name, site().root);
        let whole = text(&draft);
        let read = |text: &str| super::understand(&Secret::new(text), empty(), RULES).unwrap();
        assert!(says(&read(&whole), &draft, empty()));
        for (from, to) in [
            ("id-of-shop", "id-of-other"),
            ("environment = \"id-of-Production\"", ""),
            ("[\".env\", ", "["),
            ("protected = true", "protected = false"),
            ("shop-api", "shop-web"),
            ("\"STRIPE_KEY\"", "\"OTHER\""),
            ("[\"PORT\"]", "[\"*\"]"),
            ("rules    = [\"local-by-nature\"]\n", ""),
            ("every machine", "no machine"),
            ("[services.worker]", "[services.cron]"),
            ("[services.worker]", "[severity]\nvalue-differs = \"off\"\n[services.worker]"),
            ("[services.worker]", "[services.worker]\ncommit = \"HEAD\""),
            ("[services.worker]", "[services.web]\nname = \"x\"\n[services.worker]"),
            ("reason   = \"every", "until = \"2027-01-01\"\nreason   = \"every"),
        ] {
            let other = whole.replacen(from, to, 1);
            assert!(other != whole && !says(&read(&other), &draft, empty()), "{from} → {to}");
        }
    }

    #[test]
    fn what_the_reader_would_not_take_is_refused() {
        for wrong in [
            Draft { files: owned(&[""]), ..draft() },
            Draft { require: vec![Requirement { keys: owned(&["A*"]), services: owned(&["api"]) }], ..draft() },
            Draft { require: vec![Requirement::default()], ..draft() },
            Draft { ignore: vec![Exception { keys: owned(&["A"]), ..Exception::default() }], ..draft() },
        ] {
            let Err(Error::Write { path, next, .. }) = fresh(&wrong, &site(), RULES) else { panic!("{wrong:?}") };
            assert!(path == "doctor.toml" && next.starts_with("nothing was written"));
        }
    }

    #[test]
    fn only_files_inside_the_repository_can_be_named() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        let site = Site::of(&folder);
        assert_eq!(site.path, folder.join("doctor.toml"));
        assert_eq!(site.reach(&folder.join("a b/.env")), Ok("a b/.env".to_owned()));
        for outside in [folder.join("../.env"), "/etc/passwd".into(), folder] {
            assert!(matches!(site.reach(&outside), Err(Error::File { .. })), "{outside:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_names_they_are_read_back(
            names in collection::vec(any::<String>(), 0..4),
            keys in collection::vec("\\PC{1,8}|[\u{0}-\u{1f}\u{202e}\"'\\\\\\]#]{1,5}", 1..4),
            reason in "\\PC{1,20}|(?s:.){1,20}",
            environment in any::<String>(),
            project in any::<String>(),
        ) {
            let all: Vec<Named> =
                names.into_iter().enumerate().map(|(at, name)| Named { id: format!("id-{at}"), name }).collect();
            let keys: Vec<String> = keys.into_iter().map(|key| key.replace(['*', '?'], "x")).collect();
            let services = sections(&all, &all, [&project, &environment]);
            let aliases: Vec<String> = services.iter().map(|section| section.alias.clone()).collect();
            let draft = Draft {
                project: Named { id: "p".to_owned(), name: project },
                environment: Named { id: "e".to_owned(), name: format!("prod{environment}") },
                files: keys.clone(),
                require: if aliases.is_empty() {
                    Vec::new()
                } else {
                    vec![Requirement { keys: keys.clone(), services: aliases.clone() }]
                },
                ignore: vec![Exception { keys, services: aliases, rules: vec!["value-differs"], reason }],
                services,
            };
            let (text, _) = fresh(&draft, &site(), RULES).unwrap();
            prop_assert!(text.chars().all(|one| one == '\n' || !one.is_control()));
            let turns = text.contains('\u{202e}');
            prop_assert!(!turns);
            prop_assert_eq!(text.matches("\n[[ignore]]\n").count(), 1);
        }
    }
}
