//! A new `doctor.toml`: its text, and that it parses back to the draft.

use std::path::PathBuf;

use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};

use crate::drift::suggest::{ConfigDraft, Exception, Requirement, Section, sections};
use crate::drift::test_support::named;
use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::config::find::parse_on_large_stack;
use crate::io::config::new_file::{ConfigLocation, generate, states, text};
use crate::io::config::{Config, RuleName};

const RULES: &[RuleName] = &[("D103", "value-differs"), ("D104", "expected-difference")];

fn site() -> ConfigLocation {
    ConfigLocation { path: "/r/doctor.toml".into(), name: "doctor.toml".to_owned(), root: "/r".into() }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn draft() -> ConfigDraft {
    let section = |alias: &str, name: &str| Section {
        alias: alias.to_owned(),
        name: name.to_owned(),
        service: ResourceRef { id: format!("id-of-{alias}"), name: format!("shop-{alias}") },
        files: if alias == "worker" { owned(&["apps/worker/.env"]) } else { Vec::new() },
    };
    let keys = ["AWS_SECRET_ACCESS_KEY", "STAGING_OPS_API_KEY", "STRIPE_KEY"];
    ConfigDraft {
        project: named("shop"),
        environment: named("Production"),
        files: owned(&[".env", "apps/a b/.env"]),
        services: vec![section("api", "shop-api"), section("worker", "id-of-worker")],
        require: vec![Requirement { keys: owned(&keys), services: owned(&["api", "worker"]) }],
        ignore: vec![
            Exception {
                keys: owned(&["PORT"]),
                services: Vec::new(),
                rules: vec!["expected-difference"],
                reason: "every machine sets its own".to_owned(),
            },
            Exception {
                keys: owned(&["MODE"]),
                services: owned(&["api"]),
                rules: vec!["expected-difference", "value-differs"],
                reason: "a \"test\"".to_owned(),
            },
        ],
        undecided: Vec::new(),
    }
}

#[test]
fn generated_comments_explain_each_section() {
    let expected = r#"# What doctor compares, and how strictly.
# Contains names but no values, so commit it.

# Project shop, environment Production:
project     = "id-of-shop"
environment = "id-of-Production"

# `doctor fix` asks you to type this environment's name.
[environments.Production]
env-file  = [".env", "apps/a b/.env"]
protected = true

# Services by alias, as in `doctor check -s api`.
[services.api]
name = "shop-api"

[services.worker]
name = "id-of-worker"  # shop-worker
env-file = ["apps/worker/.env"]

# These keys must be set and equal on these services
# and in the file. Add keys to require more.
[[require]]
keys = [
    "AWS_SECRET_ACCESS_KEY",
    "STAGING_OPS_API_KEY",
    "STRIPE_KEY",
]
services = ["api", "worker"]

# These keys are expected to differ: the rules skip them.
# Add keys to ignore more.
[[ignore]]
keys     = ["PORT"]
rules    = ["expected-difference"]
reason   = "every machine sets its own"

[[ignore]]
keys     = ["MODE"]
services = ["api"]
rules    = ["expected-difference", "value-differs"]
reason   = "a \"test\""
"#;
    assert_eq!(generate(&draft(), &site(), RULES).unwrap().0, expected);
    assert!(expected.lines().all(|line| line.chars().count() <= 60));
}

#[test]
fn unused_sections_are_valid_commented_examples() {
    let bare = ConfigDraft { project: named("shop"), environment: named("staging"), ..ConfigDraft::default() };
    let (text, _) = generate(&bare, &site(), RULES).unwrap();
    let lines = text.lines().skip_while(|line| !line.contains("No service"));
    let lines = lines.filter_map(|line| line.strip_prefix("# "));
    let shown: Vec<&str> = lines.filter(|line| line.contains('=') || line.starts_with('[')).collect();
    let shown = shown.join("\n");
    assert_eq!(shown.matches("[[").count(), 2, "{shown}");
    let empty = Config::empty(PathBuf::new(), String::new(), PathBuf::new());
    let read = parse_on_large_stack(&Secret::new(shown), empty, RULES).unwrap();
    assert_eq!((read.services.len(), read.require.len(), read.ignore.len()), (1, 1, 1));
}

#[test]
fn undecided_differences_become_commented_ignores() {
    let undecided = owned(&["SECRET_KEY", "A \"quoted\"\nkey", "THE_NAME_OF_A_VERY_LONG_KEY_THAT_DIFFERS_EVERYWHERE"]);
    let draft = ConfigDraft { undecided: undecided.clone(), ..draft() };
    let (text, read) = generate(&draft, &site(), RULES).unwrap();
    assert_eq!(read.ignore.len(), 2);
    let (_, comment) = text.split_once("# those that are expected to differ:\n").unwrap();
    let shown: Vec<&str> = comment.lines().map(|line| line.strip_prefix("# ").unwrap()).collect();
    let empty = Config::empty(PathBuf::new(), String::new(), PathBuf::new());
    let read = parse_on_large_stack(&Secret::new(shown.join("\n")), empty, RULES).unwrap();
    assert_eq!(read.ignore[0].keys.iter().map(|at| at.value.clone()).collect::<Vec<_>>(), undecided);
}

#[test]
fn detects_text_that_differs_from_draft() {
    let draft = draft();
    let empty = || Config::empty(site().path, site().name, site().root);
    let whole = text(&draft);
    let read = |text: &str| parse_on_large_stack(&Secret::new(text), empty(), RULES).unwrap();
    assert!(states(&read(&whole), &draft, empty()));
    for (from, to) in [
        ("id-of-shop", "id-of-other"),
        ("environment = \"id-of-Production\"", ""),
        ("[\".env\", ", "["),
        ("protected = true", "protected = false"),
        ("shop-api", "shop-web"),
        ("\"STRIPE_KEY\"", "\"OTHER\""),
        ("[\"PORT\"]", "[\"*\"]"),
        ("rules    = [\"expected-difference\"]\n", ""),
        ("every machine", "no machine"),
        ("[services.worker]", "[services.cron]"),
        ("[services.worker]", "[severity]\nvalue-differs = \"off\"\n[services.worker]"),
        ("[services.worker]", "[[across]]\nkeys = [\"A\"]\nmust = \"differ\"\n[services.worker]"),
        ("[services.worker]", "[services.worker]\ncommit = \"HEAD\""),
        ("[services.worker]", "[services.web]\nname = \"x\"\n[services.worker]"),
        ("reason   = \"every", "until = \"2027-01-01\"\nreason   = \"every"),
    ] {
        let other = whole.replacen(from, to, 1);
        assert!(other != whole && !states(&read(&other), &draft, empty()), "{from} → {to}");
    }
}

#[test]
fn rejects_drafts_that_parser_would_refuse() {
    for wrong in [
        ConfigDraft { files: owned(&[""]), ..draft() },
        ConfigDraft { require: vec![Requirement { keys: owned(&["A*"]), services: owned(&["api"]) }], ..draft() },
        ConfigDraft { require: vec![Requirement::default()], ..draft() },
        ConfigDraft { ignore: vec![Exception { keys: owned(&["A"]), ..Exception::default() }], ..draft() },
    ] {
        let Err(Error::Write { path, help, .. }) = generate(&wrong, &site(), RULES) else { panic!("{wrong:?}") };
        assert!(path == "doctor.toml" && help.text.starts_with("nothing was written"));
    }
}

#[test]
fn only_files_inside_repository_can_be_named() {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap();
    let site = ConfigLocation::of(&folder);
    assert_eq!(site.path, folder.join("doctor.toml"));
    assert_eq!(site.reach(&folder.join("a b/.env")), Ok("a b/.env".to_owned()));
    for outside in [folder.join("../.env"), "/etc/passwd".into(), folder] {
        assert!(matches!(site.reach(&outside), Err(Error::File { .. })), "{outside:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_names_round_trip(
        names in collection::vec(any::<String>(), 0..4),
        keys in collection::vec("\\PC{1,8}|[\u{0}-\u{1f}\u{202e}\"'\\\\\\]#]{1,5}", 1..4),
        reason in "\\PC{1,20}|(?s:.){1,20}",
        environment in any::<String>(),
        project in any::<String>(),
    ) {
        let all: Vec<ResourceRef> =
            names.into_iter().enumerate().map(|(at, name)| ResourceRef { id: format!("id-{at}"), name }).collect();
        let keys: Vec<String> = keys.into_iter().map(|key| key.replace(['*', '?'], "x")).collect();
        let services = sections(&all, &all, [&project, &environment]);
        let aliases: Vec<String> = services.iter().map(|section| section.alias.clone()).collect();
        let draft = ConfigDraft {
            project: ResourceRef { id: "p".to_owned(), name: project },
            environment: ResourceRef { id: "e".to_owned(), name: format!("prod{environment}") },
            files: keys.clone(),
            require: if aliases.is_empty() {
                Vec::new()
            } else {
                vec![Requirement { keys: keys.clone(), services: aliases.clone() }]
            },
            undecided: keys.clone(),
            ignore: vec![Exception { keys, services: aliases, rules: vec!["value-differs"], reason }],
            services,
        };
        let (text, _) = generate(&draft, &site(), RULES).unwrap();
        prop_assert!(text.chars().all(|one| one == '\n' || !one.is_control()));
        let turns = text.contains('\u{202e}');
        prop_assert!(!turns);
        prop_assert_eq!(text.matches("\n[[ignore]]\n").count(), 1);
    }
}
