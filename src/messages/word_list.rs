//! Words and phrases that no message may contain. CONTRIBUTING.md, “How to write”, has the words to use.

use crate::messages::literals::BY_MODULE;

/// Each phrase, as whole words in lower case, and what to write.
const AVOIDED: &[(&str, &str)] = &[
    ("mend", "fix"),
    ("mended", "fixed"),
    ("mends", "fixes"),
    ("nobody", "the missing actor, or the passive voice"),
    ("somebody", "another user"),
    ("anybody", "anyone"),
    ("whom", "which"),
    ("whoever", "the user"),
    ("goes round", "skips"),
    ("go round", "skip"),
    ("by nature", "expected"),
    ("on purpose", "expected, intentionally"),
    ("anew", "again"),
    ("is to be", "must be"),
    ("are to be", "must be"),
    ("is to", "must"),
    ("is meant to", "should"),
    ("are meant to", "should"),
    ("tell", "show, report"),
    ("tells", "shows, reports"),
    ("told", "shown, reported"),
    ("says", "reports, states"),
    ("said", "reported, responded"),
    ("speaks", "reports"),
    ("look at", "check"),
    ("looks at", "checks"),
    ("looked at", "checked"),
    ("whom to", "which"),
    ("sees", "finds, reads"),
    ("of its own", "its own"),
    ("holds against", "applies"),
    ("comes to", "is"),
    ("untold", "unknown"),
    ("can't be told", "unknown"),
    ("scrub", "redact"),
    ("scrubbed", "redacted"),
    ("railway's page", "the dashboard"),
    ("verb", "command"),
    ("verbs", "commands"),
    ("folder", "directory"),
    ("folders", "directories"),
    ("all the same", "anyway"),
    ("at all", "(leave it out)"),
    ("way round", "how to skip"),
    ("way back", "how to undo"),
    ("for good", "permanently"),
    ("a stranger", "another user"),
    ("it is no", "it is not a"),
    ("that is no", "that is not a"),
    ("is no text", "is not text"),
    ("holds", "has, contains"),
    ("absent", "missing"),
    ("answered", "responded"),
    ("answers", "responds"),
    ("meanwhile", "in the meantime"),
    ("lately", "recently"),
    ("speech", "output"),
    ("is there already", "already exists"),
    ("not there", "missing, not found"),
    ("going on", "continuing"),
    ("go on", "continue"),
    ("in full", "with details"),
    ("yes to", "confirm"),
    ("said yes", "confirmed"),
    ("can't be asked", "is not available"),
    ("beside it", "next to it"),
    ("as little", "(leave it out)"),
];

/// Texts that use a phrase in its ordinary sense: the module and the phrase.
// `"absent"` is a value in `doctor.toml`.
const ALLOWED: &[(&str, &str)] = &[("io/config/expectations.rs", "absent")];

/// Returns the text in lower case, with single spaces and without punctuation at the ends of words.
fn words(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        word.trim_matches(|character: char| !character.is_alphanumeric() && !matches!(character, '-' | '{' | '`' | '<'))
    });
    format!(" {} ", words.collect::<Vec<_>>().join(" ").to_lowercase())
}

fn has(text: &str, phrase: &str) -> bool {
    words_have(&words(text), phrase)
}

fn words_have(words: &str, phrase: &str) -> bool {
    words.contains(&format!(" {phrase} "))
}

#[test]
fn messages_avoid_the_listed_words() {
    let mut found = Vec::new();
    for (module, texts) in &*BY_MODULE {
        for text in texts {
            let words = words(text);
            for (phrase, instead) in AVOIDED.iter().filter(|(phrase, _)| words_have(&words, phrase)) {
                if !ALLOWED.contains(&(module.as_str(), phrase)) {
                    found.push(format!("src/{module}: “{phrase}” ({instead}) in “{text}”"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn phrases_are_found_as_whole_words() {
    assert!(has("it is\n meant to differ,", "is meant to"));
    assert!(has("Nobody said yes.", "nobody"));
    assert!(!has("recommended, amend", "mend"));
}
