//! Code blocks, links and pages of the documents.

use std::collections::BTreeSet;

use crate::documents::{blocks, document, documents, root};

#[test]
fn every_code_block_is_covered_by_a_test() {
    for name in documents() {
        for (kind, text) in blocks(&document(&name)) {
            let is_tested = match kind {
                // `tests/cli.rs` runs them.
                "console" => name == "README.md" || name.starts_with("docs/"),
                "toml" | "yaml" | "sh" => true,
                // A diagram. `tests/architecture` compares the table below it.
                "text" => name == "CONTRIBUTING.md",
                _ => false,
            };
            assert!(is_tested, "{name} has a block ```{kind} that no test runs:\n{text}");
        }
    }
}

/// Returns the link anchors of the headings, as GitHub and GitLab generate them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let kept = |heading: &str| {
        heading
            .chars()
            .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
            .collect::<String>()
    };
    headings.map(|heading| kept(heading.trim_start_matches('#').trim()).to_lowercase().replace(' ', "-")).collect()
}

#[test]
fn every_link_has_an_existing_target() {
    let mut count = 0;
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
            count += 1;
        }
    }
    assert!(count >= 40, "only {count} links were found");
}

#[test]
fn readme_is_short_and_links_every_page() {
    let readme = document("README.md");
    assert!(readme.lines().count() <= 250, "{} lines", readme.lines().count());
    for page in documents().iter().filter(|name| name.starts_with("docs/") && *name != "docs/maintaining.md") {
        assert!(readme.contains(&format!("]({page})")), "the README has no link to {page}");
    }
}
