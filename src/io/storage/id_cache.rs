//! Caches the ids that the last run requested, so that the next one can request them immediately: ids, never a value, a
//! name or a token. If they can't be written or read, the next run needs one more round trip.
//!
//! If Railway has rejected a batch as too large, the size that it accepted is cached with the ids. Such an entry is not
//! renewed, so that larger batches are tried again when it expires.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::io::os;
use crate::io::railway::prefetch::remembered_ids::{
    LOWEST_BATCH_LIMIT, MOST_SERVICES, MOST_SERVICES_PER_REQUEST, RememberedIds, RememberedService,
};
use crate::io::storage::cache_slot::{CacheEntry, CacheSlot, digest_parts};
use crate::io::storage::state_dir::{PrivateDir, Purpose};

/// How long the ids are valid.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The age after which unchanged ids are written again.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// The maximum length of an id.
const LONGEST_ID: usize = 64;

/// The texts of errors, which are never printed.
const PURPOSE: Purpose =
    Purpose { what: "the id cache", cannot: "failed to cache ids", instead: "query them in each run" };

/// Returns the cache directory: `$XDG_CACHE_HOME/railway-doctor` if that is absolute, or else
/// `~/.cache/railway-doctor`; on Windows, a directory in `%LOCALAPPDATA%`.
pub fn cache_folder(variables: &BTreeMap<String, String>, home: Option<&Path>) -> Option<PathBuf> {
    let (variable, below_home, name) = os::CACHE;
    let named = variables.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| Some(home.filter(|home| home.is_absolute())?.join(below_home)))?;
    Some(cache.join(name))
}

/// The content of a cache file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CachedIds {
    /// Seconds since 1970.
    time: i64,
    project: String,
    services: Vec<RememberedService>,
    /// The number of services per request, after a larger batch was rejected.
    batch_limit: Option<usize>,
    /// The rate limit: requests, and the seconds that they apply to.
    allowance: Option<(u64, u64)>,
}

impl CacheEntry for CachedIds {
    const ENDING: &'static str = ".ids";
    const MAX_AGE: SignedDuration = KEPT;

    fn time(&self) -> i64 {
        self.time
    }
}

/// The slot for the ids of one target.
#[derive(Debug)]
pub struct IdCacheSlot(CacheSlot<CachedIds>);

impl IdCacheSlot {
    /// Returns the slot for these inputs, or `None` without a cache directory.
    pub fn of(cache: Option<&Path>, parts: &[&[u8]]) -> Option<Self> {
        let mut context = Context::new(&SHA256);
        digest_parts(parts, |bytes| context.update(bytes));
        Some(Self(CacheSlot::new(PrivateDir::new(cache?.to_owned(), PURPOSE), context.finish().as_ref())))
    }

    /// Returns the cached ids, if they are valid.
    pub fn get(&self, now: Timestamp) -> Option<RememberedIds> {
        let ids = self.0.get(now)?;
        let remembered = RememberedIds {
            project: ids.project,
            services: ids.services,
            batch_limit: ids.batch_limit,
            allowance: ids.allowance,
        };
        is_valid(&remembered).then_some(remembered)
    }

    /// Caches ids for the next run. Without any, removes those of the last run.
    pub fn put(&self, remembered: Option<RememberedIds>, now: Timestamp) {
        let Some(remembered) = remembered.filter(is_valid) else { return self.0.clear() };
        let known = self.0.get(now);
        let has_same_limit =
            |known: &&CachedIds| known.batch_limit.is_some() && known.batch_limit == remembered.batch_limit;
        let learnt = known.as_ref().filter(has_same_limit).map(|known| known.time);
        let ids = CachedIds {
            time: learnt.unwrap_or(now.as_second()),
            project: remembered.project,
            services: remembered.services,
            batch_limit: remembered.batch_limit,
            allowance: remembered.allowance,
        };
        let known = known.filter(|known| learnt.is_some() || known.is_younger(FRESH, now));
        if known.is_none_or(|known| CachedIds { time: ids.time, ..known } != ids) {
            self.0.put(&ids, now);
        }
    }
}

/// Returns whether every text has the form of an id, and the batch limit is a possible one.
fn is_valid(remembered: &RememberedIds) -> bool {
    let is_id = |text: &String| {
        (1..=LONGEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (1..=MOST_SERVICES).contains(&remembered.services.len())
        && remembered.batch_limit.is_none_or(|limit| (LOWEST_BATCH_LIMIT..MOST_SERVICES_PER_REQUEST).contains(&limit))
        && is_id(&remembered.project)
        && remembered
            .services
            .iter()
            .all(|one| [&one.environment, &one.service].into_iter().chain(&one.deployment).all(is_id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use jiff::Timestamp;

    use crate::io::railway::prefetch::remembered_ids::{RememberedIds, RememberedService};
    use crate::io::storage::cache_slot::{LIMIT, MOST};
    use crate::io::storage::id_cache::{IdCacheSlot, cache_folder};

    const DAY: i64 = 24 * 3600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn service(id: &str, deployment: Option<&str>) -> RememberedService {
        RememberedService {
            environment: "e-1".to_owned(),
            service: id.to_owned(),
            deployment: deployment.map(str::to_owned),
        }
    }

    fn guess(service_id: &str) -> RememberedIds {
        RememberedIds {
            project: "p-1".to_owned(),
            services: vec![service(service_id, Some("d-1")), service("s-2", None)],
            batch_limit: None,
            allowance: Some((100, 3600)),
        }
    }

    fn slot(cache: &Path, target: &str) -> IdCacheSlot {
        IdCacheSlot::of(Some(cache), &[target.as_bytes()]).unwrap()
    }

    fn files(cache: &Path) -> Vec<PathBuf> {
        fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn ids_expire_after_thirty_days_and_belong_to_one_target() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        assert_eq!(kept.get(at(0)), None);
        kept.put(Some(guess("s-1")), at(0));
        for (seconds, is_good) in [(0, true), (30 * DAY - 1, true), (30 * DAY, false), (-1, false)] {
            assert_eq!(kept.get(at(seconds)), is_good.then(|| guess("s-1")), "after {seconds} s");
        }
        assert_eq!(slot(cache.path(), "b").get(at(0)), None);
        assert!(IdCacheSlot::of(Some(cache.path()), &[b"a", b""]).unwrap().get(at(0)).is_none());
        kept.put(Some(guess("s-9")), at(1));
        assert_eq!(kept.get(at(1)), Some(guess("s-9")), "the newer ids win");
        kept.put(None, at(2));
        assert_eq!((kept.get(at(2)), files(cache.path()).len()), (None, 0));
    }

    #[test]
    fn unchanged_ids_are_rewritten_once_a_day() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        for (seconds, good_at, is_good) in [(0, 30 * DAY, false), (DAY - 1, 30 * DAY, false), (DAY, 30 * DAY, true)] {
            kept.put(Some(guess("s-1")), at(seconds));
            assert_eq!(kept.get(at(good_at)).is_some(), is_good, "written after {seconds} s");
        }
    }

    #[test]
    fn batch_limit_is_kept_and_expires_thirty_days_after_it_was_learnt() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        let limited = |id, batch_limit| RememberedIds { batch_limit: Some(batch_limit), ..guess(id) };
        kept.put(Some(guess("s-1")), at(0));
        for (seconds, id) in [(DAY, "s-1"), (2 * DAY, "s-1"), (20 * DAY, "s-2")] {
            kept.put(Some(limited(id, 20)), at(seconds));
            assert_eq!(kept.get(at(31 * DAY - 1)), Some(limited(id, 20)));
            assert_eq!(kept.get(at(31 * DAY)), None, "written after {seconds} s");
        }
        kept.put(Some(limited("s-2", 10)), at(25 * DAY));
        assert_eq!(kept.get(at(55 * DAY - 1)), Some(limited("s-2", 10)), "another limit was learnt later");
        kept.put(Some(guess("s-2")), at(60 * DAY));
        assert_eq!(kept.get(at(89 * DAY)), Some(guess("s-2")), "larger batches are accepted again");
    }

    #[test]
    fn impossible_batch_limit_is_neither_stored_nor_read() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        for limit in [0, 1, 4, 40, 1_000_000, usize::MAX] {
            kept.put(Some(RememberedIds { batch_limit: Some(limit), ..guess("s-1") }), at(0));
            assert_eq!(files(cache.path()).len(), 0, "{limit}");
        }
        kept.put(Some(RememberedIds { batch_limit: Some(20), ..guess("s-1") }), at(0));
        let path = files(cache.path()).remove(0);
        let good = fs::read_to_string(&path).unwrap();
        assert!(kept.get(at(1)).is_some());
        for text in ["0", "-20", "4", "40", "2.5", "\"20\"", "[20]", "18446744073709551616", "{}", "true"] {
            fs::write(&path, good.replace("\"batch_limit\":20", &format!("\"batch_limit\":{text}"))).unwrap();
            assert_eq!(kept.get(at(1)), None, "{text}");
        }
        fs::write(&path, good.replace("\"batch_limit\":20,", "")).unwrap();
        assert_eq!(kept.get(at(1)), Some(guess("s-1")), "a file of an earlier version has none");
    }

    #[test]
    fn file_count_is_limited_and_oldest_are_removed() {
        let cache = tempfile::tempdir().unwrap();
        slot(cache.path(), "first").put(Some(guess("s-1")), at(0));
        fs::write(cache.path().join(".rest.of.a.run"), "").unwrap();
        for (seconds, number) in (1..).zip(0..MOST) {
            slot(cache.path(), &number.to_string()).put(Some(guess("s-1")), at(seconds));
        }
        assert_eq!(files(cache.path()).len(), MOST);
        assert_eq!(slot(cache.path(), "first").get(at(DAY)), None);
        assert!(!cache.path().join(".rest.of.a.run").exists());
        for number in 0..MOST {
            assert!(slot(cache.path(), &number.to_string()).get(at(DAY)).is_some(), "{number}");
        }
    }

    #[test]
    fn invalid_ids_are_neither_stored_nor_read() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        for text in ["", "a value", "postgres://user:word@host/", "a\nb", "ä", "\"", &"x".repeat(65)] {
            kept.put(Some(guess("s-1")), at(0));
            kept.put(Some(guess(text)), at(1));
            assert_eq!(files(cache.path()).len(), 0, "{text}");
            let mut odd = guess("s-1");
            odd.services[0].deployment = Some(text.to_owned());
            kept.put(Some(odd), at(1));
            assert_eq!(files(cache.path()).len(), 0, "{text}");
            let mut odd = guess("s-1");
            odd.services[1].environment = text.to_owned();
            kept.put(Some(odd), at(1));
            assert_eq!(files(cache.path()).len(), 0, "{text}");
        }
        let many = RememberedIds { services: vec![service("s", None); 421], ..guess("s-1") };
        kept.put(Some(many), at(0));
        kept.put(Some(RememberedIds { services: Vec::new(), ..guess("s-1") }), at(0));
        assert_eq!(files(cache.path()).len(), 0);
    }

    #[test]
    fn malformed_file_is_ignored_and_overwritten() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        kept.put(Some(guess("s-1")), at(0));
        let path = files(cache.path()).remove(0);
        let good = fs::read_to_string(&path).unwrap();
        let long = format!("{good}{}", " ".repeat(usize::try_from(LIMIT).unwrap()));
        for text in [
            "",
            "{",
            "[]",
            "null",
            &good[..good.len() / 2],
            &good.replace("{\"time\"", "{\"more\":1,\"time\""),
            &good.replace("\"services\"", "\"environment\":\"e-1\",\"services\""),
            &good.replace("\"environment\":\"e-1\",", ""),
            &good.replace("\"service\":\"s-1\"", "\"service\":\"s-1\",\"value\":\"x\""),
            &good.replace("s-1", "s-1\\n"),
            &good.replace("p-1", "../p"),
            &good.replace("\"d-1\"", "7"),
            &good.replace("1800000000", "\"1800000000\""),
            &long,
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(kept.get(at(1)), None, "{text}");
            kept.put(Some(guess("s-1")), at(1));
            assert_eq!(kept.get(at(1)), Some(guess("s-1")), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_directories_are_ignored_and_replaced() {
        use std::os::unix::fs::{MetadataExt, symlink};
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        kept.put(Some(guess("s-1")), at(0));
        let path = files(cache.path()).remove(0);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(cache.path().metadata().unwrap().mode() & 0o777, 0o700);
        let elsewhere = cache.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(kept.get(at(1)), None, "the link is not followed");
        kept.put(Some(guess("s-3")), at(1));
        assert_eq!(kept.get(at(1)), Some(guess("s-3")));
        assert!(fs::read_to_string(&elsewhere).unwrap().contains("s-1"), "the target of the link is unchanged");
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!(kept.get(at(1)), None);
        kept.put(Some(guess("s-4")), at(1));
        assert_eq!(kept.get(at(1)), Some(guess("s-4")));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        kept.put(Some(guess("s-1")), at(1));
        assert_eq!(kept.get(at(1)), None);
        let link = tempfile::tempdir().unwrap();
        symlink(cache.path(), link.path().join("link")).unwrap();
        let through = slot(&link.path().join("link"), "b");
        through.put(Some(guess("s-1")), at(0));
        assert_eq!(through.get(at(0)), None, "a linked directory is not used");
    }

    #[cfg(unix)]
    #[test]
    fn file_of_other_user_is_ignored() {
        let cache = tempfile::tempdir().unwrap();
        let kept = slot(cache.path(), "a");
        kept.put(Some(guess("s-1")), at(0));
        // Only root can change the owner; for other users, this tests nothing.
        if std::os::unix::fs::chown(files(cache.path()).remove(0), Some(65534), None).is_ok() {
            assert_eq!(kept.get(at(0)), None);
            kept.put(Some(guess("s-2")), at(0));
            assert_eq!(kept.get(at(0)), Some(guess("s-2")));
        }
    }

    #[test]
    fn uses_user_cache_directory_and_rejects_relative_path() {
        let of = |variables: &[(&str, &str)], home: Option<&str>| {
            let variables: BTreeMap<String, String> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            cache_folder(&variables, home.map(Path::new))
        };
        #[cfg(not(windows))]
        {
            assert_eq!(of(&[("XDG_CACHE_HOME", "/c")], Some("/h")), Some("/c/railway-doctor".into()));
            assert_eq!(of(&[("XDG_CACHE_HOME", "c")], Some("/h")), Some("/h/.cache/railway-doctor".into()));
        }
        assert_eq!(of(&[], Some("h")), None);
        assert_eq!(of(&[], None), None);
        assert!(IdCacheSlot::of(None, &[b"a"]).is_none());
    }
}
