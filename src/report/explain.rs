//! The explanations of rules as text. Prose is wrapped to the terminal; examples are printed unchanged.

use crate::drift::model::rule::Rule;
use crate::drift::rules::RULES;
use crate::report::TextOptions;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::pad;

/// With fewer columns left, the summary is on its own line.
const SUMMARY: usize = 30;
const EXAMPLE: &str = "    ";

/// Returns a line for each rule; with `whole`, it is never wrapped, so that `grep` works.
pub fn rules(options: &TextOptions<'_>, whole: bool) -> String {
    let mut page = TextPage::new(options);
    let names = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in RULES {
        let severity = rule.severity.name();
        let blanks = " ".repeat(9 - severity.len());
        let name = format!("{}  ", pad(rule.name, names));
        let lead = [
            (Tone::Plain, rule.code),
            (Tone::Plain, "  "),
            (rule.severity.into(), severity),
            (Tone::Plain, &*blanks),
            (Tone::Strong, &*name),
        ];
        let hang: usize = lead.iter().map(|(_, text)| text.len()).sum();
        if whole {
            let mut spans = lead.to_vec();
            spans.push((Tone::Plain, rule.summary));
            page.line(&spans);
        } else if page.prose() < hang + SUMMARY {
            page.line(&lead);
            page.paragraph(&[(Tone::Plain, "      ")], 6, (Tone::Plain, rule.summary));
        } else {
            page.paragraph(&lead, hang, (Tone::Plain, rule.summary));
        }
    }
    page.gap();
    let more = "`doctor explain RULE` explains why a rule matters, how to fix it and how to suppress it.";
    page.paragraph(&[], 0, (Tone::Plain, more));
    page.into_text()
}

/// Returns the explanation of a rule.
pub fn rule(rule: &Rule, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    let severity = rule.severity;
    page.line(&[
        (Tone::Strong, rule.code),
        (Tone::Strong, " "),
        (Tone::Strong, rule.name),
        (Tone::Plain, " ("),
        (severity.into(), severity.name()),
        (Tone::Plain, ")"),
    ]);
    page.paragraph(&[], 0, (Tone::Plain, rule.summary));
    page.gap();
    let mut paragraph = String::new();
    for line in rule.explain.trim_end().lines() {
        let ends_paragraph =
            line.is_empty() || line.starts_with(EXAMPLE) || line.starts_with("## ") || line.starts_with("- ");
        if ends_paragraph {
            flow(&mut page, &mut paragraph);
        }
        if line.is_empty() {
            page.gap();
        } else if line.starts_with(EXAMPLE) {
            page.line(&[(Tone::Plain, line)]);
        } else if let Some(heading) = line.strip_prefix("## ") {
            page.line(&[(Tone::Faint, "## "), (Tone::Strong, heading)]);
        } else {
            paragraph.push_str(if paragraph.is_empty() { "" } else { " " });
            paragraph.push_str(line.trim());
        }
    }
    flow(&mut page, &mut paragraph);
    page.into_text()
}

fn flow(page: &mut TextPage<'_>, paragraph: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    let hang = if paragraph.starts_with("- ") { 2 } else { 0 };
    page.paragraph(&[], hang, (Tone::Plain, paragraph));
    paragraph.clear();
}

#[cfg(test)]
mod tests {
    use super::{rule, rules};
    use crate::drift::rules::RULES;
    use crate::report::test_support::{key, text_options};
    use crate::report::text::text_width::columns;
    use crate::report::{Detail, TextOptions};

    fn split_words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn explanation_wraps_without_losing_text_or_examples() {
        let key = key();
        for width in [60, 80, 140] {
            for each in RULES {
                let output = rule(each, &text_options(&key, width, Detail::Normal));
                let prose = output.lines().filter(|line| !line.starts_with("    "));
                let longest = prose.map(columns).max().unwrap_or(0);
                assert!(longest <= width.min(100), "{} at {width}: {longest}\n{output}", each.name);
                let body = output.split_once("\n\n").expect("a head and a body").1;
                assert_eq!(split_words(body), split_words(each.explain), "{}", each.name);
                for example in each.explain.lines().filter(|line| line.starts_with("    ")) {
                    assert!(output.contains(&format!("{example}\n")), "{example}\n{output}");
                }
            }
            let list = rules(&text_options(&key, width, Detail::Normal), false);
            assert!(list.lines().all(|line| columns(line) <= width), "{list}");
        }
    }

    #[test]
    fn machine_readable_list_has_one_line_per_rule() {
        let key = key();
        let list = rules(&text_options(&key, 40, Detail::Normal), true);
        for each in RULES {
            let ends = |line: &str| line.starts_with(each.code) && line.ends_with(each.summary);
            assert!(list.lines().any(ends), "{list}");
        }
        let coloured = rule(RULES[0], &TextOptions { colour: true, ..text_options(&key, 80, Detail::Normal) });
        assert!(coloured.contains("\u{1b}[2m## \u{1b}[0m\u{1b}[1mWhy it matters\u{1b}[0m\n"), "{coloured:?}");
    }
}
