//! Which ids the last run asked about, so that the next one can ask for them at once: ids, and never a value, a name or a
//! token. What can't be kept or read costs a round trip and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::outside::railway::batch::SERVICES_PER_REQUEST;
use crate::outside::railway::guess::Guess;
use crate::outside::state::{Content, Folder, Purpose};

/// How long it is good for.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How old it may grow before the same is written anew.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// The longest file that is read, in bytes; twenty services are less than a quarter of it.
const LIMIT: u64 = 16 << 10;

/// How many files there may be.
const MOST: usize = 64;

/// The longest id that is taken for one.
const LONGEST_ID: usize = 64;

const ENDING: &str = ".ids";

/// The words of its folder's errors, which nobody hears.
const PURPOSE: Purpose =
    Purpose { what: "remembered ids", cannot: "can't remember ids", instead: "let each run ask for them" };

/// The folder for what only saves time: `$XDG_CACHE_HOME/railway-doctor`, below the home folder without it.
pub fn cache_folder(variables: &BTreeMap<String, String>, home: Option<&Path>) -> Option<PathBuf> {
    let (variable, below_home, name) = if cfg!(windows) {
        ("LOCALAPPDATA", "AppData/Local", "railway-doctor/cache")
    } else {
        ("XDG_CACHE_HOME", ".cache", "railway-doctor")
    };
    let named = variables.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| Some(home.filter(|home| home.is_absolute())?.join(below_home)))?;
    Some(cache.join(name))
}

/// A file of the folder.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// Seconds since 1970.
    time: i64,
    project: String,
    environment: String,
    services: Vec<ServiceForm>,
    /// Requests, and in how many seconds.
    allowance: Option<(u64, u64)>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceForm {
    service: String,
    deployment: Option<String>,
}

/// The place for the ids of one target, as one folder asks for it.
#[derive(Debug)]
pub struct Slot {
    folder: Folder,
    name: String,
}

impl Slot {
    /// The place for what depends on these parts; none where nothing can be kept.
    pub fn of(cache: Option<&Path>, parts: &[&[u8]]) -> Option<Self> {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let name = context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String can't fail");
            text
        });
        Some(Self { folder: Folder::new(cache?.to_owned(), PURPOSE), name: name + ENDING })
    }

    /// The ids that are remembered there, if they are young enough and look like ids.
    pub fn get(&self, now: Timestamp) -> Option<Guess> {
        let form = self.read(&self.name).filter(|form| is_younger(form, KEPT, now))?;
        let services = form.services.into_iter().map(|one| (one.service, one.deployment));
        let guess = Guess {
            project: form.project,
            environment: form.environment,
            services: services.collect(),
            allowance: form.allowance,
        };
        has_ids_only(&guess).then_some(guess)
    }

    /// Remembers ids for the next run; without any, forgets those of the last one.
    pub fn put(&self, guess: Option<Guess>, now: Timestamp) {
        let Some(guess) = guess.filter(has_ids_only) else { return self.forget() };
        let services = guess.services.into_iter().map(|(service, deployment)| ServiceForm { service, deployment });
        let form = Form {
            time: now.as_second(),
            project: guess.project,
            environment: guess.environment,
            services: services.collect(),
            allowance: guess.allowance,
        };
        let known = self.read(&self.name).filter(|known| is_younger(known, FRESH, now));
        if known.is_some_and(|known| Form { time: form.time, ..known } == form) {
            return;
        }
        self.make_room();
        if let Ok(bytes) = serde_json::to_vec(&form) {
            drop(self.folder.replace(&self.name, &bytes));
        }
    }

    fn forget(&self) {
        // Where nothing was kept yet, no folder is made for it.
        if self.folder.names().is_ok_and(|names| names.contains(&self.name)) {
            self.folder.remove(&self.name);
        }
    }

    /// Removes the oldest where there are too many, and what can't be read before that.
    fn make_room(&self) {
        let names = self.folder.names().unwrap_or_default();
        if names.len() < MOST {
            return;
        }
        let mut aged: Vec<(i64, String)> = names
            .into_iter()
            .filter(|name| name.ends_with(ENDING) || name.starts_with('.'))
            .map(|name| (self.read(&name).map_or(i64::MIN, |form| form.time), name))
            .collect();
        aged.sort_unstable();
        let surplus = (aged.len() + 1).saturating_sub(MOST);
        aged[..surplus].iter().for_each(|(_, name)| self.folder.remove(name));
    }

    fn read(&self, name: &str) -> Option<Form> {
        let Content(bytes) = self.folder.read_up_to(name, LIMIT).ok()??;
        serde_json::from_slice(&bytes).ok()
    }
}

/// A clock that was set back makes everything old.
fn is_younger(form: &Form, age: SignedDuration, now: Timestamp) -> bool {
    (0..age.as_secs()).contains(&now.as_second().saturating_sub(form.time))
}

/// Whether nothing in it could be anything but Railway's ids.
fn has_ids_only(guess: &Guess) -> bool {
    let is_id = |text: &String| {
        (1..=LONGEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (1..=SERVICES_PER_REQUEST).contains(&guess.services.len())
        && [&guess.project, &guess.environment].into_iter().all(is_id)
        && guess.services.iter().all(|(service, deployment)| is_id(service) && deployment.iter().all(is_id))
}
