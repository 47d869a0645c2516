//! Edits of any `.env`: what is not meant stays byte for byte, the new value is what our reader and dotenvy read, the same
//! edit once more changes nothing, and a refusal says nothing of the value.

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::edit::{EditRefusal, OUR_COMMENT, is_writable_name};
use railway_doctor::drift::dotenv::{Entry, Loader, LocalFile};

use super::dotenvy_oracle::{self, first, last};
use super::texts;

/// A word that stands in no text of ours.
const MARKER: &str = "MAR@KER";

/// The input is a key, a value and the text of the file.
pub fn hold(data: &[u8]) {
    let Some([key, value, text]) = texts(data) else { return };
    for loader in [None, Some(Loader::Dotenvy), Some(Loader::Python), Some(Loader::Node)] {
        let edit = Edit { key, value, text, loader };
        edit.set();
        edit.add();
        edit.remove();
    }
}

/// One edit of a text for a loader, or for all.
#[derive(Clone, Copy)]
struct Edit<'e> {
    key: &'e str,
    value: &'e str,
    text: &'e str,
    loader: Option<Loader>,
}

/// Key and value of each assignment.
type Rows = Vec<(String, String)>;

impl Edit<'_> {
    /// A text as the edits read it.
    fn read(&self, text: &str) -> LocalFile {
        let file = LocalFile::parse(".env", Secret::new(text));
        match self.loader {
            Some(loader) => file.read_as(loader),
            None => file,
        }
    }

    fn set(&self) {
        let before = self.read(self.text);
        let value = Secret::new(self.value);
        let Ok(after) = before.set(self.key, &value) else {
            return self.a_refusal_is_silent(|value| before.set(self.key, value));
        };
        let new = after.text().expose();
        assert!(is_writable_name(self.key));
        self.the_new_value_is_read(new);
        self.one_right_hand_side_changed(new);
        self.neighbours_are_read_as_before(new);
        assert!(after.flaws.len() <= before.flaws.len(), "a line is broken that was not");
        let again = self.read(new).set(self.key, &value);
        assert_eq!(again.map(|file| file.text().expose().to_owned()).as_deref(), Ok(new), "the same edit once more");
    }

    fn add(&self) {
        let before = self.read(self.text);
        let add = |value: &Secret| before.add(&[(self.key.to_owned(), value.clone())], OUR_COMMENT);
        let Ok(after) = add(&Secret::new(self.value)) else { return self.a_refusal_is_silent(add) };
        let new = after.text().expose();
        assert!(new.starts_with(self.text), "what was there stays");
        self.the_new_value_is_read(new);
        self.neighbours_are_read_as_before(new);
        let again = self.read(new).add(&[(self.key.to_owned(), Secret::new(self.value))], OUR_COMMENT);
        assert!(matches!(again, Err(EditRefusal::Present { .. })), "a key is there once");
        let removed = self.read(new).remove(self.key).expect("what was added can be taken away");
        let rest = removed.text().expose().strip_prefix(self.text).expect("what was there stays");
        assert!(["", "\n", "\r\n"].contains(&rest), "more is left than the end of a line: {rest:?}");
    }

    fn remove(&self) {
        let before = self.read(self.text);
        let Ok(after) = before.remove(self.key) else { return };
        let new = after.text().expose();
        assert!(self.read(new).entry(self.key).is_none(), "it is still there");
        let kept = |text: &str| -> Vec<String> {
            let file = LocalFile::parse(".env", Secret::new(text));
            let others = file.entries.iter().filter(|entry| entry.key != self.key);
            others.map(|entry| text[entry.key_span.start..entry.span.end].to_owned()).collect()
        };
        assert_eq!(kept(new), kept(self.text), "another assignment has changed");
        assert_eq!(
            without_our_comments(new),
            without_our_comments(&self.without_statements()),
            "another line has changed"
        );
        if let (None | Some(Loader::Dotenvy), Some(rows)) = (self.loader, dotenvy_oracle::dotenvy(new)) {
            assert_eq!(first(&rows, self.key), None, "dotenvy still reads it");
        }
        self.neighbours_are_read_as_before(new);
    }

    /// The text without the statements of the key, as the spans say.
    fn without_statements(&self) -> String {
        let file = LocalFile::parse(".env", Secret::new(self.text));
        let (mut left, mut from) = (String::new(), 0);
        for entry in file.entries.iter().filter(|entry| entry.key == self.key) {
            left.push_str(&self.text[from..entry.statement.start]);
            from = entry.statement.end;
        }
        left + &self.text[from..]
    }

    /// By our reader from the text alone, and by dotenvy itself.
    fn the_new_value_is_read(&self, new: &str) {
        let read = self.read(new);
        assert_eq!(read.entry(self.key).map(|entry| entry.value.expose()), Some(self.value), "our reader");
        let Some(rows) = dotenvy_oracle::dotenvy(new) else { return };
        match self.loader {
            // One edit for all changes the last assignment, one for dotenvy the first.
            None => assert_eq!(last(&rows, self.key), Some(self.value), "dotenvy itself"),
            Some(Loader::Dotenvy) => assert_eq!(first(&rows, self.key), Some(self.value), "dotenvy itself"),
            Some(Loader::Python | Loader::Node) => {}
        }
    }

    /// Exactly one span of the old text differs, and it is the right-hand side of that key.
    fn one_right_hand_side_changed(&self, new: &str) {
        let (old, new) = (self.text.as_bytes(), new.as_bytes());
        let is_side = |entry: &Entry| {
            let (start, end) = (entry.span.start, old.len() - entry.span.end);
            entry.key == self.key
                && new.len() >= start + end
                && new[..start] == old[..start]
                && new[new.len() - end..] == old[entry.span.end..]
        };
        let file = LocalFile::parse(".env", Secret::new(self.text));
        assert!(file.entries.iter().any(is_side), "something else has changed");
    }

    /// As our reader has them, and dotenvy where it counts. What follows a `$` may move with what it names.
    fn neighbours_are_read_as_before(&self, new: &str) {
        if self.text.contains('$') {
            return;
        }
        let ours = |text: &str| -> Rows {
            let file = LocalFile::parse(".env", Secret::new(text));
            file.entries.iter().map(|entry| (entry.key.clone(), entry.value.expose().to_owned())).collect()
        };
        let others = |rows: Rows| -> Rows { rows.into_iter().filter(|row| row.0 != self.key).collect() };
        assert_eq!(others(ours(new)), others(ours(self.text)), "another value has changed");
        // A loader may read a line that a broken one had swallowed, and no other value of what it has read before.
        let theirs = |text: &str| {
            if self.loader.is_none_or(|one| one == Loader::Dotenvy) { dotenvy_oracle::dotenvy(text) } else { None }
        };
        if let (Some(before), Some(after)) = (theirs(self.text), theirs(new)) {
            for (key, _) in others(before.clone()) {
                assert_eq!(first(&after, &key), first(&before, &key), "dotenvy reads another first value of {key:?}");
                assert_eq!(last(&after, &key), last(&before, &key), "dotenvy reads another last value of {key:?}");
            }
        }
    }

    fn a_refusal_is_silent(&self, edit: impl Fn(&Secret) -> Result<LocalFile, EditRefusal>) {
        if let Err(refusal) = edit(&Secret::new(format!("{}{MARKER}", self.value))) {
            assert!(self.key.contains(MARKER) || !refusal.sentence().contains(MARKER), "a refusal quotes the value");
        }
    }
}

/// The lines of a text but for those that say which keys were added: they go with the last of these keys.
fn without_our_comments(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with(OUR_COMMENT)).collect()
}
