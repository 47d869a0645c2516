//! The journal in real directories.

mod keyring;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{option, prop_assert, prop_assert_eq};

use crate::drift::Secret;
use crate::drift::model::resource::ResourceRef;
use crate::drift::plan::start_command::StartCommandChange;
use crate::error::{Error, Exit};
use crate::io::credentials::keyring::{InMemoryKeyring, KeyringError};
use crate::io::storage::journal::{
    Before, Journal, JournalRecord, RecordedCommand, RecordedFile, RecordedVariable, RunName, record_format,
    state_folder,
};

const MARKER: &str = "marker-4711-of-a-value";

/// As on most servers. The tests of the keyring have their own.
static NO_KEYRING: LazyLock<InMemoryKeyring> =
    LazyLock::new(|| InMemoryKeyring::broken(KeyringError::Unavailable("no bus".to_owned())));

fn named(name: &str) -> ResourceRef {
    ResourceRef { id: format!("id-of-{name}"), name: name.to_owned() }
}

fn record(time: &str) -> JournalRecord {
    let file = |path: &str, before: Option<&str>| RecordedFile {
        path: PathBuf::from(path),
        shown: ".env".to_owned(),
        before: before.map(Secret::new),
        after: Some(Secret::new(format!("A={MARKER}\n"))),
        keys: vec!["A".to_owned()],
    };
    let store = |owner: Option<&str>, before: Before, after: Option<&str>| RecordedVariable {
        owner: owner.map(named),
        key: "A".to_owned(),
        before,
        after: after.map(Secret::new),
        keeps_value: owner.is_none(),
    };
    JournalRecord {
        time: time.parse().unwrap(),
        command: RecordedCommand::Fix,
        undoes: None,
        host: "backboard.railway.com".to_owned(),
        project: named("agentverse"),
        environment: named("staging"),
        protected: true,
        folder: PathBuf::from("/home/ada/agentverse"),
        stores: vec![
            store(Some("api"), Before::Stored(Secret::new(MARKER)), Some("${{Postgres.URL}}")),
            store(Some("worker"), Before::Sealed, Some("")),
            store(None, Before::Missing, None),
        ],
        files: vec![file("/home/ada/agentverse/.env", Some("A=\"1\"\r\n")), file("/srv/.env", None)],
        settings: vec![
            StartCommandChange { service: named("worker"), before: None, after: Some(Secret::new("celery \"-B\"")) },
            StartCommandChange { service: named("cron"), before: Some(Secret::new("cron")), after: None },
        ],
        deploys: vec![named("api"), named("worker")],
    }
}

/// Returns an empty journal and its directory, which does not exist yet.
fn journal() -> (tempfile::TempDir, PathBuf, Journal<'static>) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap().join("state/railway-doctor");
    let journal = Journal::open(Some(&folder), &*NO_KEYRING).unwrap();
    (guard, folder, journal)
}

fn path(folder: &Path, run: &RunName) -> PathBuf {
    folder.join(format!("{run}.journal"))
}

/// Returns the cause of the expected error.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(error @ Error::Journal { .. }) => {
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.help().is_some());
            error.cause().unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_round_trip() {
    let (_guard, folder, journal) = journal();
    let fix = record("2026-11-24T13:45:30.5Z");
    let run = journal.write(&fix).unwrap().run;
    assert!(run.as_str().starts_with("2026-11-24-1345-"), "{run}");
    assert_eq!(journal.read(&run), Ok(fix.clone()));
    let undo = JournalRecord { command: RecordedCommand::Undo, undoes: Some(run.clone()), stores: Vec::new(), ..fix };
    let undone = journal.write(&undo).unwrap().run;
    assert_eq!(
        Journal::open(Some(&folder), &*NO_KEYRING).unwrap().read(&undone),
        Ok(undo),
        "another process has the same key"
    );
}

#[test]
fn variable_recorded_as_absent_was_missing() {
    let (run, fix) = (RunName::parse("2026-11-24-1345-7f3a").unwrap(), record("2026-11-24T13:45:30Z"));
    let mut text = Vec::new();
    record_format::write(&run, &fix, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let old = text.replace(r#""before":"missing""#, r#""before":"absent""#);
    assert_ne!(old, text);
    assert_eq!(record_format::read(&run, old.as_bytes()), Some(fix));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_text_round_trips(
        texts in proptest::collection::vec(any::<String>(), 3),
        before in prop_oneof![
            Just(Before::Missing),
            Just(Before::Sealed),
            any::<String>().prop_map(|text| Before::Stored(Secret::new(text))),
        ],
        after in option::of(any::<String>()),
    ) {
        let (_guard, _, journal) = journal();
        let mut kept = record("2026-11-24T13:45:30Z");
        kept.stores[0].before = before;
        kept.stores[0].after = after.map(Secret::new);
        kept.stores[1].key.clone_from(&texts[0]);
        kept.files[0].before = Some(Secret::new(texts[1].as_str()));
        kept.project.name.clone_from(&texts[2]);
        let run = journal.write(&kept).unwrap().run;
        prop_assert!(journal.read(&run) == Ok(kept));
        prop_assert_eq!(journal.list().unwrap().len(), 1);
    }
}

#[test]
fn nothing_is_created_before_first_record() {
    let (_guard, folder, journal) = journal();
    assert_eq!(journal.list().unwrap().len(), 0);
    journal.prune(Timestamp::UNIX_EPOCH);
    let missing = refused(journal.read(&RunName::parse("2026-11-24-1345-7f3a").unwrap()));
    assert!(missing.starts_with("runs are kept for 30 days"), "{missing}");
    assert!(!folder.parent().unwrap().exists());
}

#[test]
fn files_contain_no_plain_or_base64_values() {
    let (_guard, folder, journal) = journal();
    journal.write(&record("2026-11-24T13:45:30Z")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let needles = [MARKER.to_owned(), STANDARD.encode(MARKER), "agentverse".to_owned(), "api".to_owned()];
        for needle in needles {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()), "{needle}");
        }
    }
}

#[test]
fn modified_file_cannot_be_opened() {
    let (_guard, folder, journal) = journal();
    let run = journal.write(&record("2026-11-24T13:45:30Z")).unwrap().run;
    let whole = fs::read(path(&folder, &run)).unwrap();
    let mut reasons = BTreeSet::new();
    for position in 0..whole.len() {
        let mut touched = whole.clone();
        touched[position] ^= 0x80;
        fs::write(path(&folder, &run), touched).unwrap();
        reasons.insert(refused(journal.read(&run)));
    }
    for length in [0, 5, 8, 19, 20, 35, whole.len() - 1] {
        fs::write(path(&folder, &run), &whole[..length]).unwrap();
        reasons.insert(refused(journal.read(&run)));
    }
    let expected = [
        "it was recorded by a newer version of doctor",
        "its file is not a journal file",
        "its file was modified or truncated, or encrypted with another key",
    ];
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn file_opens_only_with_its_own_name_and_key() {
    let (_guard, folder, journal) = journal();
    let run = journal.write(&record("2026-11-24T13:45:30Z")).unwrap().run;
    let other = RunName::parse("2026-11-24-1346-7f3a").unwrap();
    fs::copy(path(&folder, &run), path(&folder, &other)).unwrap();
    assert_eq!(refused(journal.read(&other)), "its file was modified or truncated, or encrypted with another key");
    let key = folder.join("journal.key");
    fs::write(&key, [7; 32]).unwrap();
    assert_eq!(refused(journal.read(&run)), "its file was modified or truncated, or encrypted with another key");
    fs::write(&key, [7; 31]).unwrap();
    assert_eq!(refused(journal.read(&run)), "expected 32 bytes, got 31");
    assert_eq!(refused(journal.write(&record("2026-11-24T13:45:30Z"))), "expected 32 bytes, got 31");
    fs::remove_file(&key).unwrap();
    assert_eq!(refused(journal.read(&run)), "the journal's key is missing");
    let new = journal.write(&record("2026-11-25T13:45:30Z")).unwrap().run;
    assert!(journal.read(&new).is_ok(), "a new key is created");
}

#[test]
fn runs_are_listed_newest_first_despite_bad_file() {
    let (_guard, folder, journal) = journal();
    let times = ["2026-11-24T13:45:10Z", "2026-11-24T13:45:50Z", "2026-11-20T00:00:00Z", "2026-11-24T13:45:30Z"];
    let runs: Vec<RunName> = times.iter().map(|time| journal.write(&record(time)).unwrap().run).collect();
    fs::write(path(&folder, &runs[2]), "cut").unwrap();
    fs::write(folder.join("notes.journal"), "of another program").unwrap();
    let entries = journal.list().unwrap();
    let listed: Vec<(&RunName, bool)> = entries.iter().map(|entry| (&entry.run, entry.record.is_ok())).collect();
    assert_eq!(listed, [(&runs[3], true), (&runs[2], false), (&runs[1], true), (&runs[0], true)]);
    fs::remove_file(folder.join("journal.key")).unwrap();
    assert_eq!(journal.list().unwrap().iter().filter(|entry| entry.record.is_err()).count(), 4);
}

/// Records runs at these times, then one at `now`, which prunes. Returns which of the first still exist.
fn left(times: &[&str], now: &str) -> Vec<bool> {
    let (_guard, folder, journal) = journal();
    let runs: Vec<RunName> = times.iter().map(|time| journal.write(&record(time)).unwrap().run).collect();
    journal.write(&record(now)).unwrap();
    journal.prune(now.parse().unwrap());
    runs.iter().map(|run| path(&folder, run).exists()).collect()
}

#[test]
fn records_older_than_thirty_days_are_pruned() {
    let now = "2026-11-24T13:45:30Z";
    for (times, expected) in [
        (&["2026-10-25T13:44:00Z", "2026-10-25T13:46:00Z"][..], &[false, true][..]),
        (&["2026-11-24T13:40:00Z", "2026-11-24T13:41:00Z"], &[true, true]),
        // A run with a time in the future is as old as its neighbours by number, and does not expire them.
        (&["2027-06-01T00:00:00Z", "2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z"], &[false, false, true]),
        (&["2026-11-01T00:00:00Z", "2027-06-01T00:00:00Z", "2026-11-20T00:00:00Z"], &[true, true, true]),
    ] {
        assert_eq!(left(times, now), expected, "{times:?}");
    }
    let (_guard, folder, journal) = journal();
    let run = journal.write(&record(now)).unwrap().run;
    let rest = folder.join(".2026-01-01-0000-0000.journal.Ab12Cd");
    fs::write(&rest, "half").unwrap();
    fs::write(folder.join("2026-01-01.txt"), "of another program").unwrap();
    journal.prune(now.parse().unwrap());
    assert!(!rest.exists() && path(&folder, &run).exists() && folder.join("2026-01-01.txt").exists());
}

#[test]
fn run_numbers_increase_regardless_of_clock() {
    let (_guard, folder, journal) = journal();
    let times = ["2026-11-24T13:45:30Z", "2026-11-24T13:45:30Z", "2031-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];
    let runs: Vec<RunName> = times.iter().map(|time| journal.write(&record(time)).unwrap().run).collect();
    let names: Vec<&str> = runs.iter().map(RunName::as_str).collect();
    let expected = ["2026-11-24-1345-0001", "2026-11-24-1345-0002", "2031-01-01-0000-0003", "1970-01-01-0000-0004"];
    assert_eq!(names, expected);
    // An unreadable run keeps its position.
    fs::write(path(&folder, &runs[2]), "cut").unwrap();
    let listed: Vec<RunName> = journal.list().unwrap().into_iter().map(|entry| entry.run).collect();
    assert_eq!(listed, runs.iter().rev().cloned().collect::<Vec<_>>());
    journal.forget(&runs[3]);
    fs::write(folder.join("2026-11-24-1345-ffff.journal"), "").unwrap();
    assert_eq!(journal.write(&record(times[0])).unwrap().run.as_str(), "2026-11-24-1345-10000");
    fs::write(folder.join("2026-11-24-1345-ffffffff.journal"), "").unwrap();
    assert!(journal.write(&record(times[0])).is_err(), "no number is left");

    let writers: Vec<_> = (0..4)
        .map(|_| {
            let folder = folder.join("shared");
            thread::spawn(move || {
                let journal = Journal::open(Some(&folder), &*NO_KEYRING).unwrap();
                (0..8).map(|_| journal.write(&record("2026-11-25T13:45:30Z")).unwrap().run).collect::<Vec<_>>()
            })
        })
        .collect();
    let runs: BTreeSet<u32> =
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).map(|run| run.number()).collect();
    assert_eq!(runs, (1..=32).collect(), "no two runs of one minute share a number");
}

#[test]
fn concurrent_first_writers_share_one_key() {
    let (_guard, folder, journal) = journal();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let folder = folder.clone();
            thread::spawn(move || {
                let journal = Journal::open(Some(&folder), &*NO_KEYRING).unwrap();
                journal.write(&record("2026-11-25T13:45:30Z")).unwrap().run
            })
        })
        .collect();
    for writer in writers {
        assert!(journal.read(&writer.join().unwrap()).is_ok());
    }
}

/// The environment, the home directory, and the state directory.
type Place<'c> = (&'c [(&'c str, &'c str)], Option<&'c str>, Option<&'c str>);

#[test]
fn state_directory_depends_on_variables_and_home() {
    let variables = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let cases: &[Place<'_>] = &[
        (&[], Some("/home/ada"), Some("/home/ada/.local/state/railway-doctor")),
        (&[("XDG_STATE_HOME", "/var/ada")], Some("/home/ada"), Some("/var/ada/railway-doctor")),
        (&[("XDG_STATE_HOME", "/var/ada")], None, Some("/var/ada/railway-doctor")),
        (&[("XDG_STATE_HOME", "state")], Some("/home/ada"), Some("/home/ada/.local/state/railway-doctor")),
        (&[("XDG_STATE_HOME", "")], Some("/home/ada"), Some("/home/ada/.local/state/railway-doctor")),
        (&[("XDG_STATE_HOME", "state")], None, None),
        (&[], Some("ada"), None),
    ];
    if cfg!(unix) {
        for (given, home, expected) in cases {
            let folder = state_folder(&variables(given), home.map(Path::new));
            assert_eq!(folder.as_deref(), expected.map(Path::new), "{given:?} {home:?}");
        }
    }
    assert_eq!(refused(Journal::open(None, &*NO_KEYRING).map(drop)), "the home directory is unknown");
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs::{self, Permissions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use crate::io::storage::journal::tests::{journal, path, record, refused};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_are_private_and_restored() {
        let (_guard, folder, journal) = journal();
        let run = journal.write(&record("2026-11-24T13:45:30Z")).unwrap().run;
        let modes = || [mode(&folder), mode(&folder.join("journal.key")), mode(&path(&folder, &run))];
        assert_eq!(modes(), [0o700, 0o600, 0o600]);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("journal.key"), Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(path(&folder, &run), Permissions::from_mode(0o664)).unwrap();
        assert!(journal.read(&run).is_ok());
        assert_eq!(modes(), [0o700, 0o600, 0o600]);
    }

    #[test]
    fn link_or_file_in_place_of_directory_is_refused() {
        let (guard, folder, journal) = journal();
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        symlink(guard.path(), &folder).unwrap();
        let expected = "it is a symbolic link";
        assert_eq!(refused(journal.write(&record("2026-11-24T13:45:30Z"))), expected);
        assert_eq!(refused(journal.list()), expected);
        fs::remove_file(&folder).unwrap();
        fs::write(&folder, "").unwrap();
        assert_eq!(refused(journal.write(&record("2026-11-24T13:45:30Z"))), "it is not a directory");
    }

    #[test]
    fn link_in_place_of_file_is_refused() {
        let (guard, folder, journal) = journal();
        let run = journal.write(&record("2026-11-24T13:45:30Z")).unwrap().run;
        for file in [path(&folder, &run), folder.join("journal.key")] {
            let elsewhere = guard.path().join("elsewhere");
            fs::rename(&file, &elsewhere).unwrap();
            symlink(&elsewhere, &file).unwrap();
            assert_eq!(refused(journal.read(&run)), "it is not a file");
            fs::remove_file(&file).unwrap();
            fs::rename(&elsewhere, &file).unwrap();
        }
        assert!(journal.read(&run).is_ok());
    }

    #[test]
    fn unwritable_directory_fails_before_any_change() {
        let (_guard, folder, journal) = journal();
        fs::write(folder.parent().unwrap(), "a file in place of a directory").unwrap();
        let why = refused(journal.write(&record("2026-11-24T13:45:30Z")));
        assert!(why.starts_with(&folder.display().to_string()), "{why}");
    }

    #[test]
    fn non_utf8_path_cannot_be_recorded() {
        let (_guard, folder, journal) = journal();
        let mut kept = record("2026-11-24T13:45:30Z");
        kept.files[0].path = PathBuf::from(OsStr::from_bytes(b"/srv/\xff/.env"));
        assert_eq!(refused(journal.write(&kept)), "path contains invalid UTF-8 characters");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "only the key was created");
    }
}
