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
    for text in record.files.iter().flat_map(|file| file.before.iter().chain(&file.after)) {
        for entry in LocalFile::parse("", text.clone()).entries {
            scrubber.learn(&entry.key, &entry.value);
        }
    }
}
