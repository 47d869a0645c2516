//! Ignores findings permanently: appends `[[ignore]]` sections to `doctor.toml`, and changes nothing else in it.

use std::path::Path;

use crate::drift::Secret;
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit};
use crate::drift::rules::RULES;
use crate::error::Error;
use crate::io::config::{Config, NewIgnore, with_ignore};
use crate::io::files;

/// One finding to ignore.
#[derive(Clone, Debug)]
pub(super) struct IgnoreEntry {
    pub(super) key: String,
    pub(super) rule: &'static str,
    /// The services with the finding.
    pub(super) services: Vec<String>,
    /// As typed by the user.
    pub(super) reason: String,
}

/// Returns the change of `doctor.toml`, which is created if it does not exist.
pub(super) fn change(config: Option<&Config>, ignores: &[IgnoreEntry], folder: &Path) -> Result<FileChange, Error> {
    let (path, name) = match config {
        Some(config) => (config.path.clone(), config.name.clone()),
        None => (folder.join("doctor.toml"), "doctor.toml".to_owned()),
    };
    let before = files::current(&path);
    let mut text = before.clone().unwrap_or_else(|| Secret::new(""));
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    for ignoring in ignores {
        let new = NewIgnore {
            keys: vec![ignoring.key.clone()],
            services: ignoring.services.clone(),
            rules: vec![ignoring.rule.to_owned()],
            reason: ignoring.reason.clone(),
        };
        text = with_ignore(&text, &new, &name, &rules)?;
    }
    let edit = |ignoring: &IgnoreEntry| FileEdit {
        change: "ignore",
        key: ignoring.key.clone(),
        before: None,
        after: None,
        from: ignoring.rule.to_owned(),
    };
    Ok(FileChange {
        kind: ChangedFileKind::Configuration,
        path,
        name,
        shown: [before.as_ref().map(|text| text.expose().to_owned()).unwrap_or_default(), text.expose().to_owned()],
        before,
        after: Some(text),
        edits: ignores.iter().map(edit).collect(),
    })
}
