//! The documents match the program: every block, command, key, exit code, variable and link is checked.

use std::collections::BTreeSet;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};
use railway_doctor::cli::Cli;
use railway_doctor::drift::rules::RULES;
use railway_doctor::error::{Error, Exit};
use railway_doctor::io::config::{Config, ConfigChoice, load};
use railway_doctor::io::railway::deployment_log::WITHIN;
use railway_doctor::io::sim::seed::incident;
use serde_json::Value;

use crate::binary::Doctor;

#[test]
fn readme_doctor_toml_is_used_completely() {
    let configuration = document(CONFIGURATION);
    let (_, rest) = configuration.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let doctor = Doctor::new(incident::estate())
        .file(".env", incident::ENV_FILE)
        .file("worker/.env", incident::ENV_FILE)
        .file("doctor.toml", example);
    let ended = doctor.check(&["-v"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.out.contains("does not use it yet"), "nothing of it is unused: {ended:?}");
    assert!(ended.out.contains("worker/.env"), "{ended:?}");
    assert!(!ended.out.contains("only on Railway"), "missing-locally is off: {ended:?}");
}

const CONFIGURATION: &str = "docs/configuration.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all documents, relative to the root.
fn documents() -> Vec<String> {
    let mut names: Vec<String> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "BENCHMARKS.md"].map(str::to_owned).into();
    let pages = std::fs::read_dir(root().join("docs")).unwrap();
    names.extend(pages.map(|page| format!("docs/{}", page.unwrap().file_name().to_string_lossy())));
    names.sort();
    names
}

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The fenced blocks of a document: what is behind the fence, and the text.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let inside = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
            let inside: Vec<&str> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
            blocks.push((kind, inside.join("\n")));
        }
    }
    blocks
}

fn blocks_of(kind: &str) -> Vec<String> {
    let texts = documents().iter().map(|name| document(name)).collect::<Vec<_>>();
    let all = texts.iter().flat_map(|text| blocks(text));
    all.filter(|(found, _)| *found == kind).map(|(_, text)| text).collect()
}

/// What stands between single backticks, in the prose.
fn spans(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// The call of `doctor` in a line of a shell, as arguments; what comes before and after it is the shell's.
fn call(line: &str) -> Option<Vec<String>> {
    let words = shlex::split(line)?;
    let end = words.iter().position(|word| ["||", "<", ">>"].contains(&word.as_str()) || word.starts_with('#'));
    let words = &words[..end.unwrap_or(words.len())];
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["doctor", ..] => Some(words.to_vec()),
        ["cargo", "run", "--release", "--", rest @ ..] => {
            Some(["doctor"].iter().chain(rest).map(|word| (*word).to_owned()).collect())
        }
        // A line that is written into a hook.
        ["echo", text] => call(text),
        _ => None,
    }
}

fn is_understood(call: &[String]) -> Result<(), String> {
    Cli::try_parse_from(call).map(drop).map_err(|error| format!("{call:?}: {error}"))
}

fn rule_names() -> Vec<(&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.code, rule.name)).collect()
}

/// What the parser makes of a `doctor.toml`.
fn understood(text: &str) -> Result<Option<Config>, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doctor.toml"), text).unwrap();
    load(&ConfigChoice::Nearest, folder.path(), &rule_names())
}

/// The rows of the table below a heading: the cells, without backticks.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let table = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    table.skip(2).map(cells).collect()
}

#[test]
fn every_code_block_is_covered_by_a_test() {
    for name in documents() {
        for (kind, text) in blocks(&document(&name)) {
            let is_run = match kind {
                // `tests/cli.rs` runs them.
                "console" => name == "README.md" || name.starts_with("docs/"),
                "toml" | "yaml" | "sh" => true,
                // A diagram. `tests/architecture` compares the table below it.
                "text" => name == "CONTRIBUTING.md",
                _ => false,
            };
            assert!(is_run, "{name} has a block ```{kind} that no test runs:\n{text}");
        }
    }
}

#[test]
fn every_doctor_toml_example_is_valid() {
    let blocks = blocks_of("toml");
    assert!(!blocks.is_empty());
    for text in blocks {
        assert!(understood(&text).is_ok(), "{:?}\n{text}", understood(&text));
    }
}

/// Commands of other programs, which this test can't check.
const OTHERS: &[&str] = &[
    "cargo test",
    "bash .ci/run",
    "cargo bench",
    "cargo bench -- --quick",
    "cargo bench -- small",
    "TRYCMD=overwrite cargo test --test cli",
    "SNAPSHOTS=overwrite cargo test --test architecture",
    "DOCTOR_TEST_WORLDS=10000 cargo test --lib printed -- --nocapture",
    "bash .ci/fuzz 60",
    "bash .ci/fuzz 300 env_editor",
    "cargo +nightly llvm-cov test --branch --no-fail-fast --failure-mode all --lib --test e2e --test faults",
    "cargo mutants --file 'src/drift/**' --shard 1/40 -- --lib",
    "cargo install --locked --path .",
    "railway login",
    "railway link",
    "pre-commit install",
    "npx husky init",
];

#[test]
fn every_shell_line_is_a_valid_command() {
    let mut seen = 0;
    for line in blocks_of("sh").iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()) {
        if let Some(call) = call(doctors(line)) {
            assert_eq!(is_understood(&call), Ok(()), "{line}");
            seen += 1;
        } else {
            let is_known = OTHERS.contains(&line.split(" #").next().unwrap_or_default().trim_end());
            assert!(is_known, "no test checks this line: {line}");
        }
    }
    assert!(seen >= 5, "only {seen} calls were found");
}

/// The part of a line that is doctor's: where its output goes is the shell's. A table writes `|` as `\|`.
fn doctors(line: &str) -> &str {
    [" > ", " | ", " \\| "].iter().fold(line, |line, sign| line.split_once(sign).map_or(line, |(typed, _)| typed))
}

#[test]
fn every_mentioned_command_is_valid() {
    let mut seen = 0;
    for (name, text) in documents().into_iter().map(|name| (name.clone(), document(&name))) {
        for span in spans(&text).into_iter().filter(|span| span.starts_with("doctor ")) {
            // A verb that is spoken of broken over two lines is still one.
            let call = call(doctors(&span.replace('\n', " "))).expect("it starts with doctor");
            if let Err(error) = Cli::try_parse_from(&call) {
                // `doctor auth` and `doctor completions` alone are names of verbs.
                let is_name = call.len() == 2
                    && matches!(
                        error.kind(),
                        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingRequiredArgument
                    );
                let is_answer = matches!(error.kind(), ErrorKind::DisplayVersion | ErrorKind::DisplayHelp);
                assert!(is_name || is_answer, "{name}: `{span}`: {error}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 50, "only {seen} commands were found");
}

/// The commands of a file for CI or for a tool of hooks: texts under `run` and `script`.
fn commands(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) => {
            let each = entries.iter().flat_map(|(key, value)| match value {
                Value::String(text) if ["run", "script"].contains(&key.as_str()) => {
                    text.lines().map(str::to_owned).collect()
                }
                _ => commands(value),
            });
            each.collect()
        }
        Value::Array(values) => values.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

#[cfg(unix)]
#[test]
fn every_ci_and_hook_recipe_runs() {
    let mut ran = 0;
    for text in blocks_of("yaml") {
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for line in commands(&value) {
            let Some(call) = call(&line) else {
                assert!(line.starts_with("gh pr comment "), "nothing looks at this line: {line}");
                continue;
            };
            assert_eq!(is_understood(&call), Ok(()), "{line}");
            if call[1] != "check" {
                continue;
            }
            let doctor = Doctor::new(incident::estate()).file(".env", incident::ENV_FILE);
            let arguments: Vec<&str> = call[2..].iter().map(String::as_str).collect();
            let ended = doctor.check(&arguments);
            let never = arguments.windows(2).any(|pair| pair == ["--fail-on", "never"]);
            assert_eq!(ended.code, Some(i32::from(!never)), "{line}: {ended:?}");
            if let Some(pair) = arguments.windows(2).find(|pair| pair[0] == "--output") {
                assert!(doctor.work().join(pair[1]).metadata().unwrap().len() > 0, "{line}");
                assert!(text.matches(pair[1]).count() > 1, "{}, which {line} writes, is used for nothing", pair[1]);
            }
            ran += 1;
        }
    }
    assert!(ran >= 4, "only {ran} recipes were run");
}

#[test]
fn every_explanation_has_four_parts_and_valid_examples() {
    let mut examples = 0;
    for rule in RULES {
        let heads: Vec<&str> = rule.explain.lines().filter(|line| line.starts_with("## ")).collect();
        let wanted = ["## Why it matters", "## Example", "## How to mend it", "## How to silence it"];
        assert_eq!(heads, wanted, "{}", rule.name);
        assert!(rule.explain.lines().count() < 40, "{} is longer than a screen", rule.name);
        let parts = rule.explain.split("\n## ").skip(1);
        assert!(parts.into_iter().all(|part| part.lines().skip(1).any(|line| !line.is_empty())), "{}", rule.name);
        for example in rule.explain.split("\n\n").filter(|part| part.starts_with("    [")) {
            let text = example.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
            assert!(understood(&text).is_ok(), "{}: {:?}\n{text}", rule.name, understood(&text));
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
        "[[ignore]]",
        "[expect]",
        "[[expect.log]]",
        "[[expect.http]]",
        "[hook]",
    ];
    let mut known = Vec::new();
    for section in sections {
        // The parser itself says what can stand there.
        let Err(Error::Config { help: next, .. }) = understood(&format!("{section}\nzzzz = 1\n")) else {
            panic!("{section} takes any key")
        };
        let (_, keys) = next.split_once("use one of ").expect("it lists them");
        let keys = keys.split('`').skip(1).step_by(2);
        // What is a section has rows of its own.
        let is_section = |key: &&str| {
            ["environments", "services", "require", "ignore", "severity", "expect", "hook", "log", "http"].contains(key)
                && matches!(section, "" | "[expect]")
        };
        known.extend(keys.filter(|key| !is_section(key)).map(|key| format!("{section} {key}").trim().to_owned()));
    }
    known.push("[severity] RULE".to_owned());
    let mut told: Vec<String> =
        rows(&document(CONFIGURATION), "## Every key").iter().map(|row| row[0].clone()).collect();
    known.sort();
    told.sort();
    assert_eq!(told, known);
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
    let told: Vec<String> = rows(&document("README.md"), "## Exit codes").iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, all.map(|exit| exit.code().to_string()));
    // A new one does not compile here before it is in the list above.
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

/// Sources that ship: no tests, and nothing of the pretend Railway.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "sim"].contains(&name.as_str()) {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
        }
    }
}

#[test]
fn every_environment_variable_is_documented() {
    let mut texts = Vec::new();
    for room in ["src/commands", "src/io"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room), &mut texts);
    }
    let told = rows(&document(CONFIGURATION), "## Environment variables");
    let told: BTreeSet<String> = told.iter().flat_map(|row| row[0].split(", ").map(str::to_owned)).collect();
    let mut read = BTreeSet::new();
    for text in &texts {
        for asked in ["variable(\"", "variables.get(\"", "var_os(\"", "get(\"", "const NAME: &str = \""] {
            for rest in text.split(asked).skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                let is_name = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                read.extend((is_name && name != "HEAD").then(|| name.to_owned()));
            }
        }
    }
    assert!(read.len() >= 12, "only {read:?} were found");
    let missing: Vec<&String> = read.difference(&told).collect();
    assert!(missing.is_empty(), "{CONFIGURATION} lacks {missing:?}");
    // Read by libraries, by git, or for a list that is not in this form.
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
    let other: Vec<&String> = told.difference(&read).filter(|name| !elsewhere.contains(&name.as_str())).collect();
    assert!(other.is_empty(), "nothing reads {other:?}");
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
    let (_, fail_on) = help.split_once("Fail from ").unwrap();
    assert_eq!(default("fail-on"), format!("\"{}\"", fail_on.split(" (default)").next().unwrap()));
    // What the parser itself demands is told as required, and nothing else is.
    let wholes = [
        ("[[require]]", vec!["keys = ['A']"]),
        ("[[ignore]]", vec!["keys = ['A']", "reason = 'x'"]),
        ("[[expect.log]]", vec!["service = 'a'", "contains = 'x'"]),
        ("[[expect.http]]", vec!["service = 'a'", "request = 'GET /'", "status = 200"]),
    ];
    let mut required = Vec::new();
    for (section, lines) in wholes {
        let text = |lines: &[&str]| format!("{section}\n{}\n", lines.join("\n"));
        assert!(understood(&text(&lines)).is_ok(), "{section}");
        for left_out in &lines {
            let rest: Vec<&str> = lines.iter().copied().filter(|line| line != left_out).collect();
            assert!(understood(&text(&rest)).is_err(), "{section} does without {left_out}");
            required.push(format!("{section} {}", left_out.split(' ').next().unwrap()));
        }
    }
    // `json` can stand in its place.
    required.retain(|key| key != "[[expect.http]] status");
    assert!(understood("[[expect.http]]\nservice = 'a'\nrequest = 'GET /'\njson = { \"/a\" = 1 }\n").is_ok());
    let told: Vec<String> = table.iter().filter(|row| row[2] == "required").map(|row| row[0].clone()).collect();
    assert_eq!(told, required);
}

/// Flags that are seen in help, with those of the verbs below.
fn flags(command: &Command, found: &mut BTreeSet<String>) {
    let seen = command.get_arguments().filter(|argument| !argument.is_hide_set());
    found.extend(seen.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")));
    command.get_subcommands().for_each(|verb| flags(verb, found));
}

#[test]
fn every_flag_is_documented() {
    let guides: Vec<String> = documents().into_iter().filter(|name| name != "CHANGELOG.md").collect();
    let text: String = guides.iter().map(|name| document(name)).collect();
    let mut found = BTreeSet::new();
    flags(&Cli::command(), &mut found);
    assert!(found.len() >= 25, "only {found:?} were found");
    let missing: Vec<&String> = found.iter().filter(|flag| !text.contains(flag.as_str())).collect();
    assert!(missing.is_empty(), "no document describes {missing:?}");
}

/// The headings of a document, as GitHub and GitLab name them in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let heads = prose.lines().filter(|line| line.starts_with('#'));
    let kept =
        |head: &str| head.chars().filter(|one| one.is_alphanumeric() || " -_".contains(*one)).collect::<String>();
    heads.map(|head| kept(head.trim_start_matches('#').trim()).to_lowercase().replace(' ', "-")).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut seen = 0;
    for name in documents() {
        let text = document(&name);
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let here = root().join(&name);
            let target = if path.is_empty() { here } else { here.parent().unwrap().join(path) };
            assert!(target.exists(), "{name} links to {link}");
            if let Some(anchor) = anchor {
                let target = std::fs::read_to_string(&target).unwrap();
                assert!(anchors(&target).contains(anchor), "{name} links to {link}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 40, "only {seen} links were found");
}

#[test]
fn the_readme_is_short_and_links_every_page() {
    let readme = document("README.md");
    assert!(readme.lines().count() <= 250, "{} lines", readme.lines().count());
    for page in documents().iter().filter(|name| name.starts_with("docs/") && *name != "docs/maintaining.md") {
        assert!(readme.contains(&format!("]({page})")), "the README has no link to {page}");
    }
}
