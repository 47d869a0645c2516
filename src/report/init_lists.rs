//! What `init` tells and asks: the target, and lists in which a person picks.

use crate::drift::ResourceRef;
use crate::drift::phrases::{count, names};
use crate::drift::service_scope::Exclusion;
use crate::drift::suggest::{Difference, Section, Shared, aliases_of};
use crate::report::escape;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, cut, pad};
use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

/// Names are cut here in a list, so that what stands beside them can be seen.
const LONGEST_NAME: usize = 36;

/// What was looked at.
#[derive(Clone, Debug, Default)]
pub struct InitSides {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// Who named them.
    pub origin: String,
    /// The files.
    pub files: Vec<String>,
    /// How many keys they have.
    pub keys: usize,
    /// The services that share keys with them.
    pub services: usize,
    /// All services of the environment.
    pub all: usize,
    /// How many keys differ now, on whatever service.
    pub differing: usize,
    /// What else a person should know.
    pub remarks: Vec<String>,
}

/// What was looked at, for a terminal of that many columns.
pub fn sides_table(sides: &InitSides, width: usize) -> String {
    let look = TextOptions {
        colour: false,
        links: false,
        width,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    };
    let mut page = TextPage::new(&look);
    let target = [sides.project.clone(), format!("{} ({})", sides.environment, sides.origin)];
    page.flow(&[], 2, Tone::Plain, " · ", &target);
    let files = sides.files.join(", ");
    let shares = if sides.services == 1 { "shares" } else { "share" };
    let sentence = format!(
        "{} in {files}; {} of {} {shares} some of them, and {} now.",
        count(sides.keys, "key"),
        sides.services,
        count(sides.all, "service"),
        match sides.differing {
            0 => "none differs".to_owned(),
            1 => "1 differs".to_owned(),
            more => format!("{more} differ"),
        }
    );
    page.paragraph(&[], 2, (Tone::Plain, &sentence));
    for remark in &sides.remarks {
        page.paragraph(&[(Tone::Plain, "note: ")], 2, (Tone::Plain, remark));
    }
    page.into_text()
}

/// Why a service is not taken by itself.
pub fn objection(objection: &Exclusion) -> String {
    match objection {
        Exclusion::Database => "a database".to_owned(),
        Exclusion::NothingShared => "shares no key".to_owned(),
        Exclusion::Elsewhere { root } => format!("built from {root}"),
        Exclusion::Provider { takers } => {
            let takers: Vec<&str> = takers.iter().map(String::as_str).collect();
            format!("gives values to {}", names(&takers))
        }
    }
}

/// Services to be picked, each with a few words.
pub fn services(rows: &[(ResourceRef, String)]) -> Vec<String> {
    listed(rows.iter().map(|(service, words)| (service.name.as_str(), words.clone())))
}

/// Keys to be picked that must stay equal; services go by their short names.
pub fn shared(rows: &[Shared], sections: &[Section]) -> Vec<String> {
    let words = |one: &Shared| {
        let called = aliases_of(&one.services, sections);
        let called: Vec<&str> = called.iter().map(String::as_str).collect();
        names(&called)
    };
    listed(rows.iter().map(|one| (one.key.as_str(), words(one))))
}

/// Keys to be picked that differ on purpose.
pub fn differences(rows: &[Difference]) -> Vec<String> {
    listed(rows.iter().map(|one| (one.key.as_str(), one.what().to_owned())))
}

/// The question for the reason of keys.
pub fn why(keys: &[&str]) -> String {
    let verb = if keys.len() == 1 { "does" } else { "do" };
    escape::line(&format!("Why {verb} {} differ?", names(keys))).into_owned()
}

/// A note, for a terminal of that many columns.
pub fn note(text: &str, width: usize) -> String {
    let look = TextOptions {
        colour: false,
        links: false,
        width,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    };
    let mut page = TextPage::new(&look);
    page.paragraph(&[(Tone::Plain, "note: ")], 2, (Tone::Plain, text));
    page.into_text()
}

/// Names in a column, and words beside them; two blanks are where the words begin.
fn listed<'r>(rows: impl Iterator<Item = (&'r str, String)>) -> Vec<String> {
    let rows: Vec<(String, String)> =
        rows.map(|(name, words)| (cut(&escape::line(name), LONGEST_NAME), escape::line(&words).into_owned())).collect();
    let width = rows.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    rows.into_iter().map(|(name, words)| format!("{}  {words}", pad(&name, width))).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::service_scope::Exclusion;
    use crate::drift::test_support::named;
    use crate::report::init_lists::{InitSides, objection, services, sides_table, why};

    #[test]
    fn summarizes_target_and_both_sides() {
        let told = InitSides {
            project: "shop\u{202e}".to_owned(),
            environment: "staging".to_owned(),
            origin: "railway link".to_owned(),
            files: vec![".env".to_owned()],
            keys: 6,
            services: 1,
            all: 4,
            differing: 1,
            remarks: vec!["the token runs out".to_owned()],
        };
        let expected = "shop\\u{202e} · staging (railway link)\n6 keys in .env; 1 of 4 services shares some of them, and 1 differs now.\n\
                        note: the token runs out\n";
        assert_eq!(sides_table(&told, 80), expected);
    }

    #[test]
    fn names_are_aligned_and_escaped() {
        let rows = [(named("api"), "a database".to_owned()), (named("a\nb"), objection(&Exclusion::NothingShared))];
        assert_eq!(services(&rows), ["api   a database", "a\\nb  shares no key"]);
        let long = services(&[(named(&"x".repeat(80)), "words".to_owned())]);
        assert!(long[0].ends_with("x  words") && long[0].chars().count() < 50, "{long:?}");
        assert_eq!(why(&["A", "B\u{1b}"]), "Why do A and B\\u{1b} differ?");
        assert_eq!(why(&["A"]), "Why does A differ?");
        let takers = ["api", "worker"].map(str::to_owned).to_vec();
        assert_eq!(objection(&Exclusion::Provider { takers }), "gives values to api and worker");
        assert_eq!(objection(&Exclusion::Elsewhere { root: "web".to_owned() }), "built from web");
    }
}
