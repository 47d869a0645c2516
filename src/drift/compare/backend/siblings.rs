//! Other variables that complete an address: the port and the database of a host, the endpoint of a bucket.

use std::num::ParseIntError;

use crate::drift::Secret;
use crate::drift::compare::backend::engine::{self, Engine};
use crate::drift::secret_like::name_parts;

/// Beginnings of keys for the only database of a program.
const USUAL_DATABASE: [&str; 2] = ["DB", "DATABASE"];

/// Last words of keys for the name of a user.
const USER_KEYS: [&str; 5] = ["USER", "USERNAME", "DB_USER", "SASL_USERNAME", "API_KEY"];

/// Last words of keys for the driver of a database.
const DRIVER_KEYS: [&str; 8] = ["CONNECTION", "DRIVER", "ENGINE", "DIALECT", "TYPE", "CLIENT", "ADAPTER", "PROVIDER"];

/// A key, and the other variables of its service.
pub(super) struct Siblings<'s, 'v> {
    pub(super) key: &'s str,
    lookup: &'s dyn Fn(&str) -> Option<&'v Secret>,
}

impl<'s, 'v> Siblings<'s, 'v> {
    pub(super) fn new(key: &'s str, lookup: &'s dyn Fn(&str) -> Option<&'v Secret>) -> Self {
        Self { key, lookup }
    }

    /// Returns the port of the host in the key; an error if it is unknown.
    pub(super) fn port(&self, engine: &Engine) -> Result<Option<u16>, ParseIntError> {
        self.first(&self.stems(engine), &["PORT"]).map(str::parse).transpose()
    }

    /// Returns the name of the database that belongs to the address in the key.
    pub(super) fn database(&self, engine: &Engine) -> Option<String> {
        let mut stems = self.stems(engine);
        // Next to `DB_HOST`, `DB_NAME` is a database on that host.
        let is_of_other = || self.first(&USUAL_DATABASE, &["HOST"]).is_some();
        if engine.database_keys.contains(&"DBNAME") && !is_of_other() {
            stems.extend(USUAL_DATABASE);
        }
        self.first(&stems, engine.database_keys).map(str::to_owned)
    }

    /// Returns the user of the address in the key.
    pub(super) fn user(&self, engine: &Engine) -> Option<String> {
        self.first(&self.stems(engine), &USER_KEYS).map(str::to_owned)
    }

    /// Returns the engine that a driver belongs to.
    pub(super) fn engine(&self, generic: &Engine) -> Option<&'static Engine> {
        engine::by_driver(self.first(&self.stems(generic), &DRIVER_KEYS)?)
    }

    /// Returns the value of a variable, if it has one.
    pub(super) fn value(&self, name: &str) -> Option<&'v str> {
        (self.lookup)(name).map(|value| value.expose().trim()).filter(|text| !text.is_empty())
    }

    /// Returns the value of the first key that consists of a stem and an ending, with or without `_` in between.
    pub(super) fn first(&self, stems: &[&str], endings: &[&str]) -> Option<&'v str> {
        let is_small = self.key.contains(|letter: char| letter.is_ascii_lowercase());
        let named = |name: String| self.value(&if is_small { name.to_ascii_lowercase() } else { name });
        stems.iter().find_map(|stem| {
            let joined = |ending: &&str| named(format!("{stem}_{ending}")).or_else(|| named(format!("{stem}{ending}")));
            endings.iter().find_map(joined)
        })
    }

    /// Returns the beginnings of the key up to each of its `_`, the longest first.
    pub(super) fn beginnings(&self) -> Vec<&'s str> {
        self.key.rmatch_indices('_').map(|(at, _)| &self.key[..at]).filter(|beginning| !beginning.is_empty()).collect()
    }

    /// Returns the beginnings that keys for parts of the address share with this key, and the usual ones of the engine.
    /// A beginning such as `APP` belongs to other settings.
    fn stems(&self, engine: &Engine) -> Vec<&'s str> {
        let names_backend = |stem: &&str| engine::by_words(&name_parts(stem)).is_some();
        // `PGHOST` and `PGPORT`
        let before_host = self.key.strip_suffix("HOST").map(|before| before.trim_end_matches('_'));
        let stems = before_host.into_iter().chain(self.beginnings()).filter(names_backend);
        stems.chain(engine.words.iter().copied()).collect()
    }
}
