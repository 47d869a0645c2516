//! Edits a `.env` file by replacing spans: all other bytes stay the same. Every edited text is parsed again by each
//! loader before it is returned, and the edit is refused if anything but the intended change has happened.
//!
//! A file from [`LocalFile::read_as`] is edited for that loader, any other file for all loaders.

mod masked;
mod quoting;
mod refusal;
mod set_all;
pub mod sh_reader;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::HashSet;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::agreed_spelling::Spelling;
use crate::drift::dotenv::edit::quoting::{Unwritten, right_hand_sides};
pub use crate::drift::dotenv::edit::refusal::{EditRefusal, Obstacle};
use crate::drift::dotenv::edit::set_all::EntryIndex;
pub use crate::drift::dotenv::edit::set_all::NewValue;
use crate::drift::dotenv::edit::verify::{IntendedEdit, WrittenValue};
use crate::drift::dotenv::source_text::{line_end, line_start};
use crate::drift::dotenv::{Entry, LocalFile};

/// The start of the comments that callers pass to [`LocalFile::add`]. [`LocalFile::remove`] removes such a comment
/// together with the last key below it.
pub const OUR_COMMENT: &str = "# added by doctor";

/// Returns whether a key can be written to a file: `sh` and every loader accept ASCII letters, digits and underscores,
/// without a digit at the start.
pub fn is_writable_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && key.starts_with(|first: char| !first.is_ascii_digit())
}

impl LocalFile {
    /// Returns the file with another value for an existing key. Replaces the right-hand side of the effective
    /// assignment.
    pub fn set(&self, key: &str, value: &Secret) -> Result<Self, EditRefusal> {
        if !is_writable_name(key) {
            return Err(EditRefusal::Name { key: key.to_owned() });
        }
        let plain = self.plain();
        let entry = self.effective_entry(&EntryIndex::of(&plain), key)?;
        let text = plain.text().expose();
        let current = &text[entry.span.clone()];
        let set = |right_hand_side: &str| {
            let span = entry.span.start..entry.span.start + right_hand_side.len();
            let written = WrittenValue { at: entry.key_span.start, span: span.clone(), key, value };
            let edit = IntendedEdit {
                cut: vec![(entry.key_span.start, entry.span.clone())],
                inserted: vec![span],
                written: vec![written],
            };
            verify::verify(&plain, splice(text, &entry.span, right_hand_side), &edit, self.loader)
        };
        if entry.value == *value
            && let Ok(unchanged) = set(current)
        {
            return Ok(unchanged);
        }
        let mut refusal = None;
        for right_hand_side in right_hand_sides(value, current, self.loader).map_err(|why| unwritten(key, why))? {
            match set(&right_hand_side) {
                Ok(file) => return Ok(file),
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
        match refusal {
            Some(EditRefusal::Entangled { .. }) if Spelling::of(value).is_none() => {
                Err(unwritten(key, Unwritten::Unread(Obstacle::of(value.expose()))))
            }
            other => Err(other.unwrap_or_else(|| EditRefusal::Entangled { key: key.to_owned() })),
        }
    }

    /// Returns the file with new keys at its end, below a one-line comment.
    pub fn add(&self, pairs: &[(String, Secret)], comment: &str) -> Result<Self, EditRefusal> {
        let plain = self.plain();
        let mut taken: HashSet<String> = verify::keys(&plain);
        let text = plain.text().expose();
        let mut tail = Tail::of(text, comment);
        for (key, value) in pairs {
            if !is_writable_name(key) {
                return Err(EditRefusal::Name { key: key.clone() });
            }
            if !taken.insert(key.clone()) {
                return Err(EditRefusal::Present { key: key.clone() });
            }
            let sides = right_hand_sides(value, "", self.loader).map_err(|why| unwritten(key, why))?;
            tail.assign(key, value, &sides[0]);
        }
        if pairs.is_empty() {
            return Ok(self.reread(plain));
        }
        let new = splice(text, &(text.len()..text.len()), &tail.text);
        let added = text.len()..new.expose().len();
        let edit = IntendedEdit { cut: Vec::new(), inserted: Vec::from([added]), written: tail.written };
        verify::verify(&plain, new, &edit, self.loader).map_err(|why| {
            let open = sh_reader::Walk::through(text).end != sh_reader::Quote::None;
            if open { EditRefusal::Open } else { why }
        })
    }

    /// Returns why a value can't be written to any file under that key, or `None` if it can.
    pub fn refusal(&self, key: &str, value: &Secret) -> Option<EditRefusal> {
        if !is_writable_name(key) {
            return Some(EditRefusal::Name { key: key.to_owned() });
        }
        right_hand_sides(value, "", self.loader).err().map(|why| unwritten(key, why))
    }

    /// Returns the file without a key. Removes every line that assigns it.
    pub fn remove(&self, key: &str) -> Result<Self, EditRefusal> {
        let plain = self.plain();
        let text = plain.text().expose();
        let index = EntryIndex::of(&plain);
        let entries: Vec<&Entry> = plain.entries.iter().filter(|entry| entry.key == key).collect();
        if entries.is_empty() {
            return Err(EditRefusal::Absent { key: key.to_owned() });
        }
        let mut new = String::with_capacity(text.len());
        let mut cut: Vec<(usize, Range<usize>)> = Vec::new();
        let mut kept = 0;
        for entry in entries {
            index.check_editable(entry)?;
            let range = with_our_comment(text, &entry.statement);
            new.push_str(&text[kept..range.start]);
            kept = range.end;
            cut.push((entry.key_span.start, range));
        }
        new.push_str(&text[kept..]);
        let start = cut[0].1.start;
        let nothing = start..start;
        let edit = IntendedEdit { cut, inserted: Vec::from([nothing]), written: Vec::new() };
        let without = verify::verify(&plain, Secret::new(new), &edit, self.loader)?;
        // Some loader may read the key from a line that has no entry for it.
        if verify::keys(&without).contains(key) {
            Err(EditRefusal::Entangled { key: key.to_owned() })
        } else {
            Ok(without)
        }
    }

    /// Returns the file with its values as written.
    fn plain(&self) -> Self {
        Self::parse(self.name.clone(), self.text.clone())
    }

    /// Returns the given file, read by the loader of this one.
    fn reread(&self, plain: Self) -> Self {
        match self.loader {
            Some(loader) => plain.read_as(loader),
            None => plain,
        }
    }
}

fn unwritten(key: &str, why: Unwritten) -> EditRefusal {
    match why {
        Unwritten::Unread(obstacle) => EditRefusal::Unwritable { key: key.to_owned(), obstacle },
        Unwritten::Runs => EditRefusal::Runs { key: key.to_owned() },
    }
}

fn splice(text: &str, range: &Range<usize>, insert: &str) -> Secret {
    // Allocated at full size, because a string that grows leaves copies of secrets in memory.
    let mut new = String::with_capacity(text.len() - range.len() + insert.len());
    new.extend([&text[..range.start], insert, &text[range.end..]]);
    Secret::new(new)
}

/// Returns the range of the statement, extended to our own comment above it if the statement is the last one below that
/// comment.
fn with_our_comment(text: &str, statement: &Range<usize>) -> Range<usize> {
    let lines = text[..statement.start].strip_suffix('\n');
    let above = lines.map_or(statement.start, |lines| line_start(lines, lines.len()));
    let below = text[statement.end..line_end(text, statement.end)].trim();
    let is_last = below.is_empty() || below.starts_with('#');
    if text[above..statement.start].starts_with(OUR_COMMENT) && is_last {
        above..statement.end
    } else {
        statement.clone()
    }
}

/// The text to add at the end of a file.
struct Tail<'p> {
    start: usize,
    line_end: &'static str,
    text: Zeroizing<String>,
    written: Vec<WrittenValue<'p>>,
}

impl<'p> Tail<'p> {
    fn of(file: &str, comment: &str) -> Self {
        let first = file.find('\n').unwrap_or(0);
        let line_end = if file[..first].ends_with('\r') { "\r\n" } else { "\n" };
        let mut text = Zeroizing::new(String::new());
        if !file.is_empty() && !file.ends_with('\n') {
            text.push_str(line_end);
        }
        text.push_str(&single_line_comment(comment));
        text.push_str(line_end);
        Self { start: file.len(), line_end, text, written: Vec::new() }
    }

    fn assign(&mut self, key: &'p str, value: &'p Secret, right_hand_side: &str) {
        let at = self.start + self.text.len();
        let span = at + key.len() + 1..at + key.len() + 1 + right_hand_side.len();
        let needed = self.text.len() + key.len() + span.len() + 4;
        if needed > self.text.capacity() {
            // A string that grows by itself leaves copies of secrets in memory.
            let mut grown = Zeroizing::new(String::with_capacity(2 * needed));
            grown.push_str(&self.text);
            self.text = grown;
        }
        self.text.extend([key, "=", right_hand_side, self.line_end]);
        self.written.push(WrittenValue { at, span, key, value });
    }
}

/// Returns a one-line comment that neither loaders nor `sh` can interpret: it may contain a name from Railway, which
/// can be any text.
pub fn single_line_comment(comment: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || " -_.,:/".contains(character);
    let text = comment.trim_start_matches(['#', ' ']);
    let text: String = text.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    format!("# {text}")
}
