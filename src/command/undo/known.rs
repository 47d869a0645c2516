//! What a record holds is not told: Railway may quote it before anything was read that would make it known.

use crate::drift::local::LocalFile;
use crate::drift::scrub::Scrubber;
use crate::outside::journal::{Before, Record};

/// Makes every value of a record known, those of its files among them.
pub(super) fn learn(scrubber: &Scrubber, record: &Record) {
    for store in &record.stores {
        let before = match &store.before {
            Before::Stored(value) => Some(value),
            Before::Absent | Before::Sealed => None,
        };
        for value in before.into_iter().chain(&store.after) {
            scrubber.learn(&store.key, value);
        }
    }
    for text in record.settings.iter().flat_map(|setting| setting.before.iter().chain(&setting.after)) {
        scrubber.learn("START_COMMAND", text);
    }
    for text in record.files.iter().flat_map(|file| file.before.iter().chain(&file.after)) {
        for entry in LocalFile::parse("", text.clone()).entries {
            scrubber.learn(&entry.key, &entry.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::learn;
    use crate::drift::plan::start_command::StartCommandChange;
    use crate::drift::scrub::Scrubber;
    use crate::drift::{Named, Secret};
    use crate::outside::journal::{Before, Command, FileChange, Record, Store};

    #[test]
    fn both_sides_of_a_change_are_known_in_variables_and_in_files() {
        let named = || Named { id: "1".to_owned(), name: "one".to_owned() };
        let store =
            |before| Store { owner: None, key: "KEY".to_owned(), before, after: Some(Secret::new("later-value")) };
        let file = FileChange {
            path: "/work/.env".into(),
            shown: ".env".to_owned(),
            before: Some(Secret::new("A=old-of-file\nB='kept in file'\n")),
            after: Some(Secret::new("A=new-of-file\n")),
            keys: vec!["A".to_owned()],
        };
        let record = Record {
            time: Timestamp::UNIX_EPOCH,
            command: Command::Fix,
            undoes: None,
            host: "the host".to_owned(),
            project: named(),
            environment: named(),
            protected: false,
            folder: "/work".into(),
            stores: vec![store(Before::Stored(Secret::new("earlier-value"))), store(Before::Absent)],
            files: vec![file],
            settings: vec![StartCommandChange {
                service: named(),
                before: Some(Secret::new("web --old-token")),
                after: Some(Secret::new("web --new-token")),
            }],
            deploys: Vec::new(),
        };
        let scrubber = Scrubber::default();
        learn(&scrubber, &record);
        let said = "earlier-value, later-value, old-of-file, kept in file, new-of-file, web --old-token, web --new-token, the host";
        assert_eq!(scrubber.scrub(said), "•••, •••, •••, •••, •••, •••, •••, the host");
    }
}
