//! The journal's key in a keyring that is available, locked, emptied, or used by concurrent runs.

use std::fs;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::drift::Secret;
use crate::io::credentials::keyring::{InMemoryKeyring, Keyring, KeyringError};
use crate::io::storage::journal::tests::{journal, record, refused};
use crate::io::storage::journal::{Journal, RunName};

#[test]
fn key_is_stored_only_in_keyring() {
    let (_guard, folder, without) = journal();
    let keyring = InMemoryKeyring::default();
    let journal = Journal::open(Some(&folder), &keyring).unwrap();
    let recorded = journal.write(&record("2026-11-24T13:45:30Z")).unwrap();
    assert_eq!(recorded.key_in_file, None);
    let name = fs::read_to_string(folder.join("journal.keyring")).unwrap();
    let key = STANDARD.decode(keyring.read(&name).unwrap().unwrap().expose()).unwrap();
    assert_eq!(key.len(), 32);
    for entry in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(32).any(|window| window == key));
    }
    assert!(!folder.join("journal.key").exists());
    assert_eq!(journal.key_location(), "the key is in the OS keyring");
    let again = Journal::open(Some(&folder), &keyring).unwrap();
    assert_eq!(again.read(&recorded.run), Ok(record("2026-11-24T13:45:30Z")));
    let why = refused(without.read(&recorded.run));
    assert_eq!(why, "the OS keyring is unavailable (no bus)");
}

#[test]
fn locked_keyring_blocks_no_fix_and_loses_no_run() {
    let (_guard, folder, _) = journal();
    let (open, locked) = (InMemoryKeyring::default(), InMemoryKeyring::broken(KeyringError::Locked));
    let journal = |keyring| Journal::open(Some(&folder), keyring).unwrap();
    let first = journal(&open).write(&record("2026-11-24T13:45:30Z")).unwrap().run;
    let recorded = journal(&locked).write(&record("2026-11-24T13:46:30Z")).unwrap();
    assert_eq!(recorded.key_in_file, Some(KeyringError::Locked));
    let both = "the keys are in the OS keyring and in a file in the same directory";
    assert_eq!(journal(&open).key_location(), both);
    let readable = |keyring| {
        let entries = journal(keyring).list().unwrap();
        entries.iter().map(|entry| (entry.run.clone(), entry.record.is_ok())).collect::<Vec<_>>()
    };
    assert_eq!(readable(&locked), [(recorded.run.clone(), true), (first.clone(), false)]);
    assert_eq!(readable(&open), [(recorded.run.clone(), true), (first.clone(), true)]);
    let third = journal(&open).write(&record("2026-11-24T13:47:30Z")).unwrap();
    assert_eq!(third.key_in_file, None, "the keyring is used again when it is available");

    // After the keyring was emptied, only the runs that were recorded with its key are lost.
    let emptied = InMemoryKeyring::default();
    let why = refused(journal(&emptied).read(&first));
    assert_eq!(why, "the OS keyring can't be used: it no longer has the journal's key");
    assert!(journal(&emptied).read(&recorded.run).is_ok());
    let fourth = journal(&emptied).write(&record("2026-11-24T13:48:30Z")).unwrap();
    assert_eq!(fourth.key_in_file, None, "the key file is reported once");
    assert!(journal(&emptied).read(&fourth.run).is_ok());
}

#[test]
fn concurrent_first_writers_share_one_keyring_key() {
    let (_guard, folder, _) = journal();
    let keyring = InMemoryKeyring::default();
    let runs: Vec<RunName> = thread::scope(|scope| {
        let write = || Journal::open(Some(&folder), &keyring).unwrap().write(&record("2026-11-25T13:45:30Z")).unwrap();
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(write)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap().run).collect()
    });
    let journal = Journal::open(Some(&folder), &keyring).unwrap();
    assert!(runs.iter().all(|run| journal.read(run).is_ok()));
    assert_eq!(format!("{keyring:?}").matches("journal key ").count(), 1, "surplus keys were removed");
}

#[test]
fn missing_keyring_is_reported_by_one_of_many_runs() {
    let (_guard, folder, _) = journal();
    let write = |_: usize| {
        let keyring = InMemoryKeyring::broken(KeyringError::Unavailable("no bus".to_owned()));
        Journal::open(Some(&folder), &keyring).unwrap().write(&record("2026-11-25T13:45:30Z")).unwrap().key_in_file
    };
    let reported: Vec<Option<KeyringError>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|number| scope.spawn(move || write(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(reported.iter().flatten().count(), 1, "{reported:?}");
    assert_eq!(write(8), None);
}

/// A keyring that loses what is stored.
struct Forgetful;

impl Keyring for Forgetful {
    fn read(&self, _name: &str) -> Result<Option<Secret>, KeyringError> {
        Ok(None)
    }

    fn write(&self, _name: &str, _secret: &Secret) -> Result<(), KeyringError> {
        Ok(())
    }

    fn remove(&self, _name: &str) -> Result<(), KeyringError> {
        Ok(())
    }
}

#[test]
fn keyring_that_loses_values_is_not_used() {
    let (_guard, folder, _) = journal();
    let journal = Journal::open(Some(&folder), &Forgetful).unwrap();
    let recorded = journal.write(&record("2026-11-24T13:45:30Z")).unwrap();
    let expected = KeyringError::Failed("it did not return the key that was just stored".to_owned());
    assert_eq!(recorded.key_in_file, Some(expected));
    assert!(journal.read(&recorded.run).is_ok());
    assert!(!folder.join("journal.keyring").exists());
}
