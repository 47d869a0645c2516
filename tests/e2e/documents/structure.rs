//! Blocks, links and pages of the documents.

use std::collections::BTreeSet;

use crate::documents::{blocks, document, documents, root};

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
