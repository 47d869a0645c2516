//! The text of a file without its values, so that a diff of two such texts can be shown.

use std::fmt::Write;

use crate::drift::Secret;
use crate::drift::dotenv::{Entry, LocalFile};

impl LocalFile {
    /// Returns the text with one line for each assignment and for each other line. `mask` replaces each value. Comments
    /// become `# …`, because they may contain a secret, and any other line becomes `…`.
    pub fn redacted(&self, mask: &dyn Fn(&Secret) -> String) -> String {
        let text = self.text().expose();
        let mut masked = String::new();
        let mut at = 0;
        for entry in &self.entries {
            // Entries may overlap where loaders disagree about the text; only the first one is shown.
            if entry.statement.start < at {
                continue;
            }
            others(&text[at..entry.statement.start], &mut masked);
            assignment(text, entry, mask, &mut masked);
            at = entry.statement.end;
            masked.push('\n');
        }
        others(&text[at..], &mut masked);
        masked
    }
}

fn assignment(text: &str, entry: &Entry, mask: &dyn Fn(&Secret) -> String, masked: &mut String) {
    let before = match text[entry.statement.start..entry.key_span.start].trim_matches(['\u{feff}', ' ', '\t']) {
        "" => "",
        "export" => "export ",
        _ => "… ",
    };
    let between = text.get(entry.key_span.end..entry.span.start).unwrap_or("=");
    let usual = between.chars().all(|character| " \t=:".contains(character));
    let between = if usual { between } else { "=" };
    let behind = text.get(entry.span.end..entry.statement.end).unwrap_or_default().trim();
    let behind = match behind.chars().next() {
        None => "",
        Some('#') => " # …",
        Some(_) => " …",
    };
    // With stray quotes, the key may be any text.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let key = if entry.key.bytes().all(is_name) { entry.key.as_str() } else { "…" };
    masked.push_str(before);
    let written = write!(masked, "{key}{between}{}{behind}", mask(&entry.value));
    debug_assert!(written.is_ok(), "writing to a string can't fail");
}

/// Adds lines that are not assignments.
fn others(text: &str, masked: &mut String) {
    for line in text.trim_start_matches('\u{feff}').split_inclusive('\n') {
        let line = line.trim();
        masked.push_str(match line.chars().next() {
            None => "",
            Some('#') => "# …",
            Some(_) => "…",
        });
        masked.push('\n');
    }
}
