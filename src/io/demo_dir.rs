//! The temporary directory of `doctor demo`.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// A temporary working directory with the files of a project, and a home directory with the Railway CLI's file.
/// They are removed when this is dropped.
#[derive(Debug)]
pub struct DemoDir {
    folder: TempDir,
}

impl DemoDir {
    /// Creates the directories with these files, each with its text. `cli_config` returns the Railway CLI's configuration
    /// for the working directory.
    pub fn set(files: &[(&str, &str)], cli_config: &dyn Fn(&Path) -> String) -> Result<Self, Error> {
        let fail = |error: std::io::Error| Error::System {
            what: "failed to create a temporary directory for the demo".to_owned(),
            cause: io_error_text(&error),
            help: "set TMPDIR to a writable directory".into(),
        };
        let mut builder = tempfile::Builder::new();
        // The keys are fake, but the directory is as private as one with real keys.
        os::set_mode(&mut builder, FileMode::OwnFolder);
        let folder = builder.prefix("doctor-demo-").tempdir().map_err(fail)?;
        let demo = Self { folder };
        fs::create_dir_all(demo.folder()).map_err(fail)?;
        fs::create_dir_all(demo.home().join(".railway")).map_err(fail)?;
        for (name, text) in files {
            fs::write(demo.folder().join(name), text).map_err(fail)?;
        }
        fs::write(demo.home().join(".railway/config.json"), cli_config(&demo.folder())).map_err(fail)?;
        Ok(demo)
    }

    /// Returns the working directory.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("agentverse")
    }

    /// Returns the home directory.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Returns the state directory.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}
