//! Edits of any `.env`: everything else stays byte for byte, our reader and dotenvy read the new value, repeating an
//! edit changes nothing, and a refusal does not contain the value.

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::edit::{EditRefusal, OUR_COMMENT, is_writable_name};
use railway_doctor::drift::dotenv::{Entry, Loader, LocalFile};

use super::dotenvy_oracle::{self, first, last};
use super::texts;

/// A text that no message of doctor contains.
const MARKER: &str = "MAR@KER";

/// The input is a key, a value and the text of the file.
pub fn check(data: &[u8]) {
    let Some([key, value, text]) = texts(data) else { return };
    for loader in [None, Some(Loader::Dotenvy), Some(Loader::Python), Some(Loader::Node)] {
        let edit = Edit { key, value, text, loader };
        edit.set();
        edit.add();
        edit.remove();
    }
}

/// One edit of a text, for one loader or for all.
#[derive(Clone, Copy)]
struct Edit<'e> {
    key: &'e str,
    value: &'e str,
    text: &'e str,
    loader: Option<Loader>,
}

type Assignments = Vec<(String, String)>;

impl Edit<'_> {
    /// Parses a text in the same way as the edits.
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
            return self.check_refusal(|value| before.set(self.key, value));
        };
        let new = after.text().expose();
        assert!(is_writable_name(self.key));
        self.check_new_value(new);
        self.check_changed_span(new);
        self.check_other_values(new);
        assert!(after.problems.len() <= before.problems.len(), "the edit broke a line");
        let again = self.read(new).set(self.key, &value);
        assert_eq!(
            again.map(|file| file.text().expose().to_owned()).as_deref(),
            Ok(new),
            "repeating the edit changes the file"
        );
    }

    fn add(&self) {
        let before = self.read(self.text);
        let add = |value: &Secret| before.add(&[(self.key.to_owned(), value.clone())], OUR_COMMENT);
        let Ok(after) = add(&Secret::new(self.value)) else { return self.check_refusal(add) };
        let new = after.text().expose();
        assert!(new.starts_with(self.text), "existing text was changed");
        self.check_new_value(new);
        self.check_other_values(new);
        let again = self.read(new).add(&[(self.key.to_owned(), Secret::new(self.value))], OUR_COMMENT);
        assert!(matches!(again, Err(EditRefusal::Present { .. })), "a key was added twice");
        let removed = self.read(new).remove(self.key).expect("the added key can be removed");
        let rest = removed.text().expose().strip_prefix(self.text).expect("existing text is unchanged");
        assert!(["", "\n", "\r\n"].contains(&rest), "more than a line ending remains: {rest:?}");
    }

    fn remove(&self) {
        let before = self.read(self.text);
        let Ok(after) = before.remove(self.key) else { return };
        let new = after.text().expose();
        assert!(self.read(new).entry(self.key).is_none(), "the key was not removed");
        let kept = |text: &str| -> Vec<String> {
            let file = LocalFile::parse(".env", Secret::new(text));
            let others = file.entries.iter().filter(|entry| entry.key != self.key);
            others.map(|entry| text[entry.key_span.start..entry.span.end].to_owned()).collect()
        };
        assert_eq!(kept(new), kept(self.text), "another assignment was changed");
        assert_eq!(
            without_our_comments(new),
            without_our_comments(&self.without_statements()),
            "another line was changed"
        );
        if let (None | Some(Loader::Dotenvy), Some(assignments)) = (self.loader, dotenvy_oracle::dotenvy(new)) {
            assert_eq!(first(&assignments, self.key), None, "dotenvy still reads it");
        }
        self.check_other_values(new);
    }

    /// The text without the statements of the key, according to their spans.
    fn without_statements(&self) -> String {
        let file = LocalFile::parse(".env", Secret::new(self.text));
        let (mut left, mut from) = (String::new(), 0);
        for entry in file.entries.iter().filter(|entry| entry.key == self.key) {
            left.push_str(&self.text[from..entry.statement.start]);
            from = entry.statement.end;
        }
        left + &self.text[from..]
    }

    /// Checks the new value with our reader and with dotenvy.
    fn check_new_value(&self, new: &str) {
        let read = self.read(new);
        assert_eq!(read.entry(self.key).map(|entry| entry.value.expose()), Some(self.value), "our reader");
        let Some(assignments) = dotenvy_oracle::dotenvy(new) else { return };
        match self.loader {
            // An edit for all loaders changes the last assignment, an edit for dotenvy the first.
            None => assert_eq!(last(&assignments, self.key), Some(self.value), "dotenvy"),
            Some(Loader::Dotenvy) => assert_eq!(first(&assignments, self.key), Some(self.value), "dotenvy"),
            Some(Loader::Python | Loader::Node) => {}
        }
    }

    /// Exactly one span of the old text differs, and it is the right-hand side of that key.
    fn check_changed_span(&self, new: &str) {
        let (old, new) = (self.text.as_bytes(), new.as_bytes());
        let is_side = |entry: &Entry| {
            let (start, end) = (entry.span.start, old.len() - entry.span.end);
            entry.key == self.key
                && new.len() >= start + end
                && new[..start] == old[..start]
                && new[new.len() - end..] == old[entry.span.end..]
        };
        let file = LocalFile::parse(".env", Secret::new(self.text));
        assert!(file.entries.iter().any(is_side), "another part was changed");
    }

    /// Compares the other values, with our reader and with dotenvy. A value with `$` may change with the variable it
    /// names.
    fn check_other_values(&self, new: &str) {
        if self.text.contains('$') {
            return;
        }
        let ours = |text: &str| -> Assignments {
            let file = LocalFile::parse(".env", Secret::new(text));
            file.entries.iter().map(|entry| (entry.key.clone(), entry.value.expose().to_owned())).collect()
        };
        let others = |assignments: Assignments| -> Assignments {
            assignments.into_iter().filter(|assignment| assignment.0 != self.key).collect()
        };
        assert_eq!(others(ours(new)), others(ours(self.text)), "another value was changed");
        // A loader may read additional lines that a broken line had hidden, but must read every previous value as
        // before.
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

    fn check_refusal(&self, edit: impl Fn(&Secret) -> Result<LocalFile, EditRefusal>) {
        if let Err(refusal) = edit(&Secret::new(format!("{}{MARKER}", self.value))) {
            assert!(self.key.contains(MARKER) || !refusal.message().contains(MARKER), "a refusal quotes the value");
        }
    }
}

/// The lines without doctor's comments about added keys, which are removed with the last of these keys.
fn without_our_comments(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with(OUR_COMMENT)).collect()
}
