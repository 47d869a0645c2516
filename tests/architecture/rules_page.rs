//! Generates `docs/rules.md` from `RULES`. To update: `SNAPSHOTS=overwrite`.

use std::fmt::Write;

use railway_doctor::drift::rules::RULES;
use snapbox::{assert_data_eq, file};

const INTRODUCTION: &str = "\
# Rules

Every finding belongs to a rule. `doctor explain RULE` prints a rule's section of this page.

To change the severity of a rule, name it under `[severity]` in `doctor.toml`. To suppress it for some keys, add an `[[ignore]]`.
[Configuration](configuration.md#every-key) lists both. The severity of a finding can differ from that of its rule; the section of
the rule states when.

Codes: `D1xx` compares the file with Railway, `D2xx` concerns the file itself, `D3xx` safety, `D4xx` deployments, and `D5xx` compares two environments.

<!-- Generated from src/drift/rules. To update: SNAPSHOTS=overwrite cargo test --test architecture -->

| code | rule | severity | summary |
|---|---|---|---|
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for rule in RULES {
        let (code, name, severity) = (rule.code, rule.name, rule.severity.name());
        writeln!(page, "| {code} | [`{name}`](#{name}) | {severity} | {} |", rule.summary).unwrap();
    }
    for rule in RULES {
        let (code, name, severity) = (rule.code, rule.name, rule.severity.name());
        let explanation = rule.explain.replace("\n## ", "\n### ").replacen("## ", "### ", 1);
        write!(page, "\n## {name}\n\n`{code}`, {severity}: {}.\n\n{explanation}", rule.summary).unwrap();
    }
    page
}

#[test]
fn rules_page_matches_the_rules() {
    assert_data_eq!(page(), file!["../../docs/rules.md"].raw());
}
