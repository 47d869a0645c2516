//! `doctor.toml`, exit codes, environment variables, defaults and rules match the documents.

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory;
use railway_doctor::cli::Cli;
use railway_doctor::drift::rules::RULES;
use railway_doctor::error::{Error, Exit};
use railway_doctor::io::config::read_baseline;
use railway_doctor::io::railway::deployment_log::WITHIN;
use railway_doctor::io::sim::seed::incident;

use crate::binary::Doctor;
use crate::documents::{CONFIGURATION, blocks_of, document, parse_config, root, rows};

#[test]
fn documented_doctor_toml_applies_to_a_check() {
    let configuration = document(CONFIGURATION);
    let blocks = configuration.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let example = blocks.into_iter().find(|block| block.contains("[[expect.log]]")).unwrap();
    let doctor = Doctor::new(incident::estate())
        .file(".env", incident::ENV_FILE)
        .file("worker/.env", incident::ENV_FILE)
        .file("doctor.toml", example);
    let outcome = doctor.check(&["-v"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.out.contains("worker/.env"), "{outcome:?}");
    assert!(!outcome.out.contains("missing-locally"), "missing-locally is off: {outcome:?}");
}

#[test]
fn every_doctor_toml_example_is_valid() {
    let blocks: Vec<String> = blocks_of("toml").into_iter().filter(|text| !is_baseline(text)).collect();
    assert!(!blocks.is_empty());
    for text in blocks {
        assert!(parse_config(&text).is_ok(), "{:?}\n{text}", parse_config(&text));
    }
}

fn is_baseline(text: &str) -> bool {
    text.starts_with("finding = [")
}

#[test]
fn every_baseline_example_is_valid() {
    let head = "version = 1\nproject = \"a\"\nproject-id = \"b\"\nenvironment = \"c\"\nenvironment-id = \"d\"\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known.toml");
    let mut examples = 0;
    for text in blocks_of("toml").iter().filter(|text| is_baseline(text)) {
        std::fs::write(&path, format!("{head}{text}")).unwrap();
        let baseline = read_baseline(&path, "known.toml").unwrap().unwrap();
        assert_eq!(baseline.entries.len(), 1, "{text}");
        examples += 1;
    }
    assert_eq!(examples, 1);
}

#[test]
fn every_explanation_has_four_sections_and_valid_examples() {
    let mut examples = 0;
    for rule in RULES {
        let headings: Vec<&str> = rule.explain.lines().filter(|line| line.starts_with("## ")).collect();
        let expected = ["## Why it matters", "## Example", "## Fix", "## Suppress"];
        assert_eq!(headings, expected, "{}", rule.name);
        assert!(rule.explain.lines().count() < 40, "{} is longer than a screen", rule.name);
        let sections = rule.explain.split("\n## ").skip(1);
        assert!(
            sections.into_iter().all(|section| section.lines().skip(1).any(|line| !line.is_empty())),
            "{}",
            rule.name
        );
        for example in rule.explain.split("\n\n").filter(|part| part.starts_with("    [")) {
            let text = example.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
            assert!(parse_config(&text).is_ok(), "{}: {:?}\n{text}", rule.name, parse_config(&text));
            examples += 1;
        }
    }
    assert!(examples >= 20, "only {examples} examples were found");
}

#[test]
fn documented_config_file_retirement_matches_the_code() {
    let end = railway_doctor::drift::config_as_code::END.to_string();
    assert!(document("docs/checking.md").contains(&format!("`railway.toml` (announced for {end})")));
}

#[test]
fn reference_lists_exactly_the_keys_of_the_parser() {
    let sections = [
        "",
        "[environments.NAME]",
        "[services.ALIAS]",
        "[[require]]",
        "[[across]]",
        "[[ignore]]",
        "[expect]",
        "[[expect.log]]",
        "[[expect.http]]",
        "[hook]",
        "[pull]",
    ];
    let mut known = Vec::new();
    for section in sections {
        // The error of the parser lists the valid keys.
        let Err(Error::Config { help, .. }) = parse_config(&format!("{section}\nzzzz = 1\n")) else {
            panic!("{section} accepts any key")
        };
        let (_, keys) = help.text.split_once("valid keys: ").expect("the help lists the keys");
        let keys = keys.split('`').skip(1).step_by(2);
        // Sections have separate rows.
        let is_section = |key: &&str| {
            [
                "environments",
                "services",
                "require",
                "across",
                "ignore",
                "severity",
                "expect",
                "hook",
                "pull",
                "log",
                "http",
            ]
            .contains(key)
                && matches!(section, "" | "[expect]")
        };
        known.extend(keys.filter(|key| !is_section(key)).map(|key| format!("{section} {key}").trim().to_owned()));
    }
    known.push("[severity] RULE".to_owned());
    let mut documented: Vec<String> =
        rows(&document(CONFIGURATION), "## Every key").iter().map(|row| row[0].clone()).collect();
    known.sort();
    documented.sort();
    assert_eq!(documented, known);
}

#[test]
fn documented_exit_codes_match_the_program() {
    let all = [
        Exit::Clean,
        Exit::Findings,
        Exit::Usage,
        Exit::NothingCompared,
        Exit::Credentials,
        Exit::Unreachable,
        Exit::Partial,
        Exit::Disproved,
        Exit::Inconclusive,
        Exit::Interrupted,
    ];
    let documented: Vec<String> =
        rows(&document("README.md"), "## Exit codes").iter().map(|row| row[0].clone()).collect();
    assert_eq!(documented, all.map(|exit| exit.code().to_string()));
    // If this does not compile, add the new variant to the list above, too.
    for exit in all {
        match exit {
            Exit::Clean
            | Exit::Findings
            | Exit::Usage
            | Exit::NothingCompared
            | Exit::Credentials
            | Exit::Unreachable
            | Exit::Partial
            | Exit::Disproved
            | Exit::Inconclusive
            | Exit::Interrupted => {}
        }
    }
}

/// Collects the sources, without tests and without the simulator.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "sim"].contains(&name.as_str()) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
        }
    }
}

/// Returns the names of environment variables that the code reads.
fn variables_read(text: &str) -> impl Iterator<Item = String> {
    let patterns = ["name(\"", "variable(\"", "variables.get(\"", "var_os(\"", "get(\"", "const NAME: &str = \""];
    let single = patterns.into_iter().flat_map(move |pattern| text.split(pattern).skip(1));
    let single = single.filter_map(|rest| rest.split('"').next());
    let lists = text.split("const VARIABLES: [&str; ").skip(1).filter_map(|rest| rest.split(';').next());
    let listed = lists.flat_map(|list| list.split('"').skip(1).step_by(2));
    let is_name = |name: &&str| name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    single.chain(listed).filter(is_name).filter(|name| *name != "HEAD").map(str::to_owned)
}

#[test]
fn every_environment_variable_is_documented() {
    let mut texts = Vec::new();
    for module in ["src/commands", "src/io"] {
        sources(&root().join(module), &mut texts);
    }
    let rows = rows(&document(CONFIGURATION), "## Environment variables");
    let documented: BTreeSet<String> = rows.iter().flat_map(|row| row[0].split(", ").map(str::to_owned)).collect();
    let read: BTreeSet<String> = texts.iter().flat_map(|text| variables_read(text)).collect();
    assert!(read.len() >= 12, "only {read:?} were found");
    let missing: Vec<&String> = read.difference(&documented).collect();
    assert!(missing.is_empty(), "{CONFIGURATION} does not describe {missing:?}");
    // Read by a library, by git, or by code that the patterns above do not match.
    let elsewhere = [
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
        "LOCALAPPDATA",
        "XDG_CONFIG_HOME",
        "RAILWAY_TOKEN",
        "RAILWAY_API_TOKEN",
        "TERM",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    let other: Vec<&String> = documented.difference(&read).filter(|name| !elsewhere.contains(&name.as_str())).collect();
    assert!(other.is_empty(), "documented but never read: {other:?}");
}

#[test]
fn environment_variables_in_help_are_documented() {
    let help = Cli::command().render_long_help().to_string();
    let (_, section) = help.split_once("Environment:\n").unwrap();
    let rows = rows(&document(CONFIGURATION), "## Environment variables");
    let documented: BTreeSet<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    let names = |line: &str| line.trim().split("  ").next().unwrap_or_default().replace("=0", "");
    for line in section.trim_end().lines().map(names) {
        for name in line.split(", ") {
            assert!(documented.contains(name), "{CONFIGURATION} does not describe {name}");
        }
    }
    for name in ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN", "DOCTOR=0", "CI", "NO_COLOR"] {
        assert!(section.contains(&format!("  {name}")), "{help}");
    }
}

#[test]
fn documented_defaults_match_the_code() {
    let table = rows(&document(CONFIGURATION), "## Every key");
    let default = |key: &str| {
        let row = table.iter().find(|row| row[0] == key).unwrap_or_else(|| panic!("no {key}"));
        row[2].clone()
    };
    assert_eq!(default("[[expect.log]] within"), format!("\"{}s\"", WITHIN.as_secs()));
    let help = Cli::command().find_subcommand_mut("check").unwrap().render_long_help().to_string();
    let (_, fail_on) = help.split_once("Fail on ").unwrap();
    assert_eq!(default("fail-on"), format!("\"{}\"", fail_on.split(" (default)").next().unwrap()));
    // Exactly the keys that the parser requires are documented as required.
    let complete = [
        ("[[require]]", vec!["keys = ['A']"]),
        ("[[across]]", vec!["keys = ['A']", "must = 'agree'"]),
        ("[[ignore]]", vec!["keys = ['A']", "reason = 'x'"]),
        ("[[expect.log]]", vec!["service = 'a'", "contains = 'x'"]),
        ("[[expect.http]]", vec!["service = 'a'", "request = 'GET /'", "status = 200"]),
    ];
    let mut required = Vec::new();
    for (section, lines) in complete {
        let text = |lines: &[&str]| format!("{section}\n{}\n", lines.join("\n"));
        assert!(parse_config(&text(&lines)).is_ok(), "{section}");
        for left_out in &lines {
            let rest: Vec<&str> = lines.iter().copied().filter(|line| line != left_out).collect();
            assert!(parse_config(&text(&rest)).is_err(), "{section} is valid without {left_out}");
            required.push(format!("{section} {}", left_out.split(' ').next().unwrap()));
        }
    }
    // `json` can replace it.
    required.retain(|key| key != "[[expect.http]] status");
    assert!(parse_config("[[expect.http]]\nservice = 'a'\nrequest = 'GET /'\njson = { \"/a\" = 1 }\n").is_ok());
    let documented: Vec<String> = table.iter().filter(|row| row[2] == "required").map(|row| row[0].clone()).collect();
    assert_eq!(documented, required);
}
