//! Registers the values of a record for redaction: Railway may quote them before any other source of them is read.

use crate::drift::dotenv::LocalFile;
use crate::drift::redact::Redactor;
use crate::io::storage::journal::{Before, JournalRecord};

/// Registers every value of a record, including those of its files.
pub(super) fn add(redactor: &Redactor, record: &JournalRecord) {
    for store in &record.stores {
        let before = match &store.before {
            Before::Stored(value) => Some(value),
            Before::Missing | Before::Sealed => None,
        };
        for value in before.into_iter().chain(&store.after) {
            redactor.add(&store.key, value);
        }
    }
    for text in record.settings.iter().flat_map(|setting| setting.before.iter().chain(&setting.after)) {
        redactor.add("START_COMMAND", text);
    }
    for text in record.files.iter().flat_map(|file| file.before.iter().chain(&file.after)) {
        for entry in LocalFile::parse("", text.clone()).entries {
            redactor.add(&entry.key, &entry.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::commands::undo::redactions::add;
    use crate::drift::plan::start_command::StartCommandChange;
    use crate::drift::redact::Redactor;
    use crate::drift::{ResourceRef, Secret};
    use crate::io::storage::journal::{Before, JournalRecord, RecordedCommand, RecordedFile, RecordedVariable};

    #[test]
    fn redacts_old_and_new_values_of_variables_and_files() {
        let named = || ResourceRef { id: "1".to_owned(), name: "one".to_owned() };
        let store = |before| RecordedVariable {
            owner: None,
            key: "KEY".to_owned(),
            before,
            after: Some(Secret::new("later-value")),
            keeps_value: false,
        };
        let file = RecordedFile {
            path: "/work/.env".into(),
            shown: ".env".to_owned(),
            before: Some(Secret::new("A=old-of-file\nB='kept in file'\n")),
            after: Some(Secret::new("A=new-of-file\n")),
            keys: vec!["A".to_owned()],
        };
        let record = JournalRecord {
            time: Timestamp::UNIX_EPOCH,
            command: RecordedCommand::Fix,
            undoes: None,
            host: "the host".to_owned(),
            project: named(),
            environment: named(),
            protected: false,
            folder: "/work".into(),
            stores: vec![store(Before::Stored(Secret::new("earlier-value"))), store(Before::Missing)],
            files: vec![file],
            settings: vec![StartCommandChange {
                service: named(),
                before: Some(Secret::new("web --old-token")),
                after: Some(Secret::new("web --new-token")),
            }],
            deploys: Vec::new(),
        };
        let redactor = Redactor::default();
        add(&redactor, &record);
        let text = "earlier-value, later-value, old-of-file, kept in file, new-of-file, web --old-token, web --new-token, the host";
        assert_eq!(redactor.redact(text), "•••, •••, •••, •••, •••, •••, •••, the host");
    }
}
