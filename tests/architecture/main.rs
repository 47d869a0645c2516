//! Checks the structure of the code: dependencies between modules, the parts of each rule and operation, and that no
//! unfinished code remains.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "reads the source tree")]

mod import_cycles;
mod rule_names;
mod rules_page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules that each module may use.
const ALLOWED_IMPORTS: &[(&str, &[&str])] = &[
    ("main", &["run"]),
    ("lib", &["error"]),
    ("commands", &["cli", "drift", "error", "io", "report"]),
    ("io", &["drift", "error"]),
    ("report", &["drift"]),
    ("cli", &["drift", "report"]),
    ("drift", &["error"]),
    ("error", &[]),
    // Compiled only for tests.
    ("messages", &["commands", "drift", "error", "io", "report"]),
];

/// Modules of `std` that pure modules must not use. The lints of `clippy.toml` ban single functions only.
const IMPURE: &[&str] = &["std::fs", "std::env", "std::net", "std::process", "std::thread", "std::time::Instant"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `src/drift/rules/mod.rs` → `drift`; `src/error/mod.rs` → `error`.
fn top_module(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Returns the first names after each `crate::` or `railway_doctor::`.
fn modules_used(source: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for marker in ["crate::", "railway_doctor::"] {
            for (start, _) in line.match_indices(marker) {
                let rest = &line[start + marker.len()..];
                let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if word.is_empty() {
                    assert!(!rest.starts_with('{'), "write one import for each module: {line}");
                }
                used.insert(word);
            }
        }
    }
    used
}

#[test]
fn modules_import_only_allowed_modules() {
    for path in files_below(&root().join("src"), "rs") {
        let module = top_module(&path);
        let (_, allowed) = ALLOWED_IMPORTS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is missing from ALLOWED_IMPORTS"));
        for used in modules_used(&fs::read_to_string(&path).unwrap()) {
            assert!(used == module || allowed.contains(&used.as_str()), "{} imports {used}", path.display());
        }
    }
}

#[test]
fn analysis_and_output_are_pure() {
    for module in ["drift", "report"] {
        for path in files_below(&root().join("src").join(module), "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for word in IMPURE {
                assert!(!source.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn every_rule_has_one_file_and_one_table_row() {
    let directory = root().join("src/drift/rules");
    // A rule with long tables is a directory.
    let files: BTreeSet<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .filter(|name| name != "mod")
        .collect();
    let rules = railway_doctor::drift::rules::RULES;
    let names: BTreeSet<String> = rules.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(names, files);
    let codes: Vec<&str> = rules.iter().map(|rule| rule.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted, "codes are not unique or not sorted");
    for rule in rules {
        assert!(!rule.summary.is_empty() && rule.explain.len() > 100, "{} has no explanation", rule.name);
    }
}

#[test]
fn every_operation_has_one_file_derive_and_simulated_response() {
    let operations = fs::read_to_string(root().join("src/io/railway/operations.rs")).unwrap();
    let simulated: String =
        files_below(&root().join("src/io/sim"), "rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for path in files_below(&root().join("graphql"), "graphql") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "schema" {
            continue;
        }
        let name: String = stem.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.matches("query ").count() + text.matches("mutation ").count(),
            1,
            "{stem} must contain one operation"
        );
        let declared = ["query", "mutation"].map(|kind| text.contains(&format!("{kind} {name}")));
        assert!(declared.contains(&true), "{stem} does not define {name}");
        assert!(
            operations.contains(&format!("operation!({name}, \"graphql/{stem}.graphql\"")),
            "{name} is missing from operations.rs"
        );
        assert!(simulated.contains(&format!("\"{name}\"")), "the simulated Railway does not implement {name}");
    }
}

#[test]
fn mutations_are_limited_to_five_known_operations() {
    let mut mutations = BTreeSet::new();
    for path in files_below(&root().join("graphql"), "graphql") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let document = lines.join("\n");
        if stem != "schema" && document.contains("mutation") {
            mutations.insert(stem.to_owned());
        }
        // These would delete variables that are not listed, or deploy the staged changes of others.
        for word in ["replace", "PatchCommitStaged", "StageChanges"] {
            assert!(!document.contains(word), "{stem} contains {word}");
        }
    }
    let known = ["commit_patch", "delete_variable", "deploy", "redeploy", "set_variables"].map(String::from);
    assert_eq!(mutations, BTreeSet::from(known));
}

/// Only a `Writer` can send mutations, and commands such as `check` must not have one.
#[test]
fn only_fix_rotate_and_undo_can_write_to_railway() {
    for path in files_below(&root().join("src"), "rs") {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let is_allowed = ["commands/apply", "io/railway"].iter().any(|directory| inside.starts_with(directory));
        let has_writer = fs::read_to_string(&path).unwrap().contains("railway::writer::");
        assert!(is_allowed || !has_writer, "{} uses the writer", path.display());
    }
    let commands = root().join("src/commands");
    let files = ["analysis", "check", "explain", "key_value", "matrix", "output", "session"];
    let mut paths: Vec<PathBuf> = files.iter().map(|name| commands.join(format!("{name}.rs"))).collect();
    paths
        .extend(["compare", "gather", "init", "trace"].iter().flat_map(|name| files_below(&commands.join(name), "rs")));
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("commands::apply"), "{} must not be able to change anything on Railway", path.display());
    }
    // `rotate` uses them, and not the reverse.
    for path in files_below(&commands.join("trace"), "rs").into_iter().chain([commands.join("key_value.rs")]) {
        let text = fs::read_to_string(&path).unwrap();
        let found = ["commands::fix", "commands::rotate", "commands::undo"].iter().find(|name| text.contains(**name));
        assert_eq!(found, None, "{} must not be able to change anything on Railway", path.display());
    }
}

#[test]
fn documents_refer_to_existing_paths() {
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|page| page.unwrap().path());
    let others = ["CONTRIBUTING.md", "README.md", "SECURITY.md", "CHANGELOG.md", "BENCHMARKS.md"];
    for document in pages.chain(others.map(|name| root().join(name))) {
        let text = fs::read_to_string(&document).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            // The published package does not contain every directory.
            let directories = ["src/", "tests/", "graphql/", ".ci/", "packaging/", "fuzz/", "benches/"];
            let is_path = directories.iter().any(|start| word.starts_with(start) && root().join(start).exists());
            if is_path && !word.contains("NAME") {
                assert!(root().join(word).exists(), "{} names {word}", document.display());
            }
        }
    }
}

/// The table of modules lists the same imports as `ALLOWED_IMPORTS`.
#[test]
fn contributing_describes_the_modules() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for (module, allowed) in ALLOWED_IMPORTS.iter().filter(|(module, _)| !["main", "lib", "messages"].contains(module))
    {
        let start = format!("| `src/{module}` |");
        let row = text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row {start}"));
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, *allowed, "{module}");
    }
}

#[test]
fn no_todo_or_debug_output_remains() {
    let markers = ["TODO", "FIXME", "XXX"];
    for directory in ["src", "tests", "benches", "graphql"] {
        for ending in ["rs", "graphql", "py", "js"] {
            for path in files_below(&root().join(directory), ending) {
                let text = fs::read_to_string(&path).unwrap();
                let comments = text.lines().filter_map(|line| line.split_once("//").or_else(|| line.split_once('#')));
                for (_, comment) in comments {
                    let found = markers.iter().find(|marker| comment.trim_start().starts_with(**marker));
                    assert_eq!(found, None, "{}", path.display());
                }
                assert!(!text.contains(&["dbg", "!("].concat()), "{}", path.display());
            }
        }
    }
}

#[test]
fn source_files_stay_below_the_line_limit() {
    for path in files_below(&root().join("src"), "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 450, "{} has {lines} lines", path.display());
    }
}

#[test]
fn main_has_at_most_ten_lines() {
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 10, "main.rs has more than ten lines");
}
