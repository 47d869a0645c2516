//! The folder that `doctor demo` plays in: made for one run, gone after it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// A temporary working folder with a `.env` and a `doctor.toml`, and a home with the official CLI's file.
#[derive(Debug)]
pub struct DemoDir {
    folder: TempDir,
}

impl DemoDir {
    /// Sets it: `cli_config` makes the official CLI's file for the working folder.
    pub fn set(env_file: &str, config: &str, cli_config: &dyn Fn(&Path) -> String) -> Result<Self, Error> {
        let fail = |error: std::io::Error| Error::System {
            what: "can't make a temporary folder for the demo".to_owned(),
            cause: io_error_text(&error),
            help: "set TMPDIR to a folder that can be written".to_owned(),
        };
        let mut builder = tempfile::Builder::new();
        // The keys in there are pretend ones; the folder is kept as one with real ones should be.
        os::make_with(&mut builder, FileMode::OwnFolder);
        let folder = builder.prefix("doctor-demo-").tempdir().map_err(fail)?;
        let stage = Self { folder };
        fs::create_dir_all(stage.folder()).map_err(fail)?;
        fs::create_dir_all(stage.home().join(".railway")).map_err(fail)?;
        fs::write(stage.folder().join(".env"), env_file).map_err(fail)?;
        fs::write(stage.folder().join("doctor.toml"), config).map_err(fail)?;
        fs::write(stage.home().join(".railway/config.json"), cli_config(&stage.folder())).map_err(fail)?;
        Ok(stage)
    }

    /// Returns the working folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("agentverse")
    }

    /// Returns the home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Returns the folder for what is remembered between runs: gone with the stage.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}
