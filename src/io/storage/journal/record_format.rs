//! The JSON text of a record. It contains values, and exists only encrypted or in memory that is zeroed.
//!
//! It is written from borrowed types, so that no value is copied on its way into the buffer that is encrypted, and no
//! record is `Serialize`. It is read into owned types, whose values are `Secret`s from the start.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::drift::Secret;
use crate::drift::model::resource::ResourceRef;
use crate::drift::plan::start_command::StartCommandChange;
use crate::io::storage::journal::record::{Before, JournalRecord, RecordedCommand, RecordedFile, RecordedVariable};
use crate::io::storage::journal::run_name::RunName;

/// The version of the format. Later versions are refused.
pub(super) const VERSION: u8 = 3;

/// Writes the text. A path that is not Unicode is an error, because JSON can't represent it.
pub(super) fn write(run: &RunName, record: &JournalRecord, out: &mut dyn Write) -> io::Result<()> {
    let form = RecordForm {
        version: VERSION,
        run: run.as_str(),
        time: record.time.to_string(),
        command: record.command.name(),
        undoes: record.undoes.as_ref().map(RunName::as_str),
        host: &record.host,
        project: ServiceRefForm::of(&record.project),
        environment: ServiceRefForm::of(&record.environment),
        protected: record.protected,
        folder: &record.folder,
        stores: record.stores.iter().map(StoreForm::of).collect(),
        files: record.files.iter().map(RecordedFileForm::of).collect(),
        settings: record.settings.iter().map(SettingForm::of).collect(),
        deploys: record.deploys.iter().map(ServiceRefForm::of).collect(),
    };
    serde_json::to_writer(out, &form).map_err(io::Error::other)
}

/// Returns the length of the text in bytes. A buffer allocated with it does not grow, which would leave copies in
/// memory.
pub(super) fn length(run: &RunName, record: &JournalRecord) -> io::Result<usize> {
    let mut count = Count(0);
    write(run, record, &mut count)?;
    Ok(count.0)
}

/// Parses the text of a run. Returns `None` if it is invalid.
pub(super) fn read(run: &RunName, text: &[u8]) -> Option<JournalRecord> {
    let read: RecordRead = serde_json::from_slice(text).ok()?;
    if !(1..=VERSION).contains(&read.version) || read.run != run.as_str() {
        return None;
    }
    let undoes = match read.undoes {
        Some(undone) => Some(RunName::parse(&undone)?),
        None => None,
    };
    Some(JournalRecord {
        time: read.time.parse().ok()?,
        command: [RecordedCommand::Fix, RecordedCommand::Rotate, RecordedCommand::Undo]
            .into_iter()
            .find(|command| command.name() == read.command)?,
        undoes,
        host: read.host,
        project: read.project.named(),
        environment: read.environment.named(),
        protected: read.protected,
        folder: read.folder,
        stores: read.stores.into_iter().map(StoreRead::store).collect(),
        files: read.files.into_iter().map(FileRead::file).collect(),
        settings: read.settings.into_iter().map(SettingRead::setting).collect(),
        deploys: read.deploys.into_iter().map(NamedRead::named).collect(),
    })
}

impl RecordedCommand {
    fn name(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Rotate => "rotate",
            Self::Undo => "undo",
        }
    }
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct RecordForm<'r> {
    version: u8,
    run: &'r str,
    time: String,
    command: &'r str,
    undoes: Option<&'r str>,
    host: &'r str,
    project: ServiceRefForm<'r>,
    environment: ServiceRefForm<'r>,
    protected: bool,
    folder: &'r Path,
    stores: Vec<StoreForm<'r>>,
    files: Vec<RecordedFileForm<'r>>,
    settings: Vec<SettingForm<'r>>,
    deploys: Vec<ServiceRefForm<'r>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordRead {
    version: u8,
    run: String,
    time: String,
    command: String,
    undoes: Option<String>,
    host: String,
    project: NamedRead,
    environment: NamedRead,
    /// Version 1 does not have it.
    #[serde(default)]
    protected: bool,
    folder: PathBuf,
    stores: Vec<StoreRead>,
    files: Vec<FileRead>,
    /// Versions 1 and 2 do not have it.
    #[serde(default)]
    settings: Vec<SettingRead>,
    deploys: Vec<NamedRead>,
}

#[derive(Serialize)]
struct SettingForm<'r> {
    service: ServiceRefForm<'r>,
    before: Option<&'r str>,
    after: Option<&'r str>,
}

impl<'r> SettingForm<'r> {
    fn of(setting: &'r StartCommandChange) -> Self {
        Self {
            service: ServiceRefForm::of(&setting.service),
            before: setting.before.as_ref().map(Secret::expose),
            after: setting.after.as_ref().map(Secret::expose),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingRead {
    service: NamedRead,
    before: Option<Secret>,
    after: Option<Secret>,
}

impl SettingRead {
    fn setting(self) -> StartCommandChange {
        StartCommandChange { service: self.service.named(), before: self.before, after: self.after }
    }
}

#[derive(Serialize)]
struct ServiceRefForm<'r> {
    id: &'r str,
    name: &'r str,
}

impl<'r> ServiceRefForm<'r> {
    fn of(named: &'r ResourceRef) -> Self {
        Self { id: &named.id, name: &named.name }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedRead {
    id: String,
    name: String,
}

impl NamedRead {
    fn named(self) -> ResourceRef {
        ResourceRef { id: self.id, name: self.name }
    }
}

#[derive(Serialize)]
struct StoreForm<'r> {
    owner: Option<ServiceRefForm<'r>>,
    key: &'r str,
    before: BeforeForm<'r>,
    after: Option<&'r str>,
    keeps_value: bool,
}

impl<'r> StoreForm<'r> {
    fn of(store: &'r RecordedVariable) -> Self {
        Self {
            owner: store.owner.as_ref().map(ServiceRefForm::of),
            key: &store.key,
            before: match &store.before {
                Before::Missing => BeforeForm::Missing,
                Before::Stored(value) => BeforeForm::Stored(value.expose()),
                Before::Sealed => BeforeForm::Sealed,
            },
            after: store.after.as_ref().map(Secret::expose),
            keeps_value: store.keeps_value,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreRead {
    owner: Option<NamedRead>,
    key: String,
    before: BeforeRead,
    after: Option<Secret>,
    /// Early runs of version 3, and versions 1 and 2, do not have it.
    #[serde(default)]
    keeps_value: bool,
}

impl StoreRead {
    fn store(self) -> RecordedVariable {
        let before = match self.before {
            BeforeRead::Missing => Before::Missing,
            BeforeRead::Stored(value) => Before::Stored(value),
            BeforeRead::Sealed => Before::Sealed,
        };
        let Self { key, after, keeps_value, .. } = self;
        RecordedVariable { owner: self.owner.map(NamedRead::named), key, before, after, keeps_value }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum BeforeForm<'r> {
    Missing,
    Stored(&'r str),
    Sealed,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BeforeRead {
    /// Early runs of version 3, and versions 1 and 2, have `absent`.
    #[serde(alias = "absent")]
    Missing,
    Stored(Secret),
    Sealed,
}

#[derive(Serialize)]
struct RecordedFileForm<'r> {
    path: &'r Path,
    shown: &'r str,
    before: Option<&'r str>,
    after: Option<&'r str>,
    keys: &'r [String],
}

impl<'r> RecordedFileForm<'r> {
    fn of(file: &'r RecordedFile) -> Self {
        Self {
            path: &file.path,
            shown: &file.shown,
            before: file.before.as_ref().map(Secret::expose),
            after: file.after.as_ref().map(Secret::expose),
            keys: &file.keys,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRead {
    path: PathBuf,
    shown: String,
    before: Option<Secret>,
    after: Option<Secret>,
    keys: Vec<String>,
}

impl FileRead {
    fn file(self) -> RecordedFile {
        RecordedFile { path: self.path, shown: self.shown, before: self.before, after: self.after, keys: self.keys }
    }
}
