//! The documents match the program: code blocks, commands, keys, exit codes, environment variables and links.

mod commands;
mod reference;
mod structure;

use std::path::Path;

use railway_doctor::drift::rules::RULES;
use railway_doctor::error::Error;
use railway_doctor::io::config::{Config, ConfigChoice, load};

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

/// Returns the fenced blocks of a document: the language and the text.
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

/// Returns the code spans outside fenced blocks.
fn spans(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// Parses a `doctor.toml`.
fn parse_config(text: &str) -> Result<Option<Config>, Error> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("doctor.toml"), text).unwrap();
    load(&ConfigChoice::Nearest, directory.path(), &rule_names())
}

fn rule_names() -> Vec<(&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.code, rule.name)).collect()
}

/// Returns the rows of the table below a heading, without backticks.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let table = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    table.skip(2).map(cells).collect()
}
