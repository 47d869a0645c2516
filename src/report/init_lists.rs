//! The texts of `init` before its prompts: the target, and notes.

use crate::drift::phrases::{count, grouped};
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

/// The project, the files and what they share.
#[derive(Clone, Debug, Default)]
pub struct InitSides {
    pub project: String,
    pub environment: String,
    /// The origin of both.
    pub origin: String,
    pub files: Vec<String>,
    /// The number of keys in the files.
    pub keys: usize,
    /// The number of services that share keys with the files.
    pub services: usize,
    /// The number of services in the environment.
    pub all: usize,
    /// The number of keys that differ on at least one service.
    pub differing: usize,
    /// Notes.
    pub remarks: Vec<String>,
}

/// Returns a summary of the target and the files, for a terminal of that width.
pub fn sides_table(sides: &InitSides, width: usize) -> String {
    let options = TextOptions {
        colour: false,
        links: false,
        width,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    };
    let mut page = TextPage::new(&options);
    let target = [sides.project.clone(), format!("{} ({})", sides.environment, sides.origin)];
    page.flow(&[], 2, Tone::Plain, " · ", &target);
    let files = sides.files.join(", ");
    let shares = if sides.services == 1 { "shares" } else { "share" };
    let sentence = format!(
        "{} in {files}; {} of {} {shares} some of them; {}.",
        count(sides.keys, "key"),
        grouped(sides.services),
        count(sides.all, "service"),
        match sides.differing {
            0 => "no value differs unexpectedly".to_owned(),
            1 => "1 value differs unexpectedly".to_owned(),
            more => format!("{} values differ unexpectedly", grouped(more)),
        }
    );
    page.paragraph(&[], 2, (Tone::Plain, &sentence));
    for remark in &sides.remarks {
        page.paragraph(&[(Tone::Plain, "note: ")], 2, (Tone::Plain, remark));
    }
    page.into_text()
}

/// Returns a note, for a terminal of that width.
pub fn note(text: &str, width: usize) -> String {
    let options = TextOptions {
        colour: false,
        links: false,
        width,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    };
    let mut page = TextPage::new(&options);
    page.paragraph(&[(Tone::Plain, "note: ")], 2, (Tone::Plain, text));
    page.into_text()
}

#[cfg(test)]
mod tests {
    use crate::report::init_lists::{InitSides, sides_table};

    #[test]
    fn summarizes_target_and_both_sides() {
        let sides = InitSides {
            project: "shop\u{202e}".to_owned(),
            environment: "staging".to_owned(),
            origin: "railway link".to_owned(),
            files: vec![".env".to_owned()],
            keys: 6,
            services: 1,
            all: 4,
            differing: 1,
            remarks: vec!["the token expires".to_owned()],
        };
        let expected = "shop\\u{202e} · staging (railway link)\n6 keys in .env; 1 of 4 services shares some of them; 1 value differs\n  unexpectedly.\n\
                        note: the token expires\n";
        assert_eq!(sides_table(&sides, 80), expected);
        let many = InitSides { services: 1000, all: 1200, keys: 3001, differing: 2000, ..sides };
        let sentence =
            "3,001 keys in .env; 1,000 of 1,200 services share some of them; 2,000 values differ unexpectedly.";
        assert!(sides_table(&many, 200).contains(sentence), "{}", sides_table(&many, 200));
    }
}
