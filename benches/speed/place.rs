//! A working folder and a home beside a served Railway, and the programs that are measured there.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::Estate;
use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, generate};
use tempfile::TempDir;

use crate::measure::{Program, Taken};
use crate::server::{Heard, Server};

/// The program that is measured, as it is released.
pub(crate) const DOCTOR: &str = env!("CARGO_BIN_EXE_doctor");

/// Whether the ids of the last run may be known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    Cold,
    Warm,
}

/// One run of `doctor` and what it asked.
pub(crate) struct Asked {
    pub(crate) taken: Taken,
    pub(crate) heard: Vec<Heard>,
}

pub(crate) struct Place {
    pub(crate) server: Server,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// That many services with that many variables each, all of them running, and the `.env` that agrees with them.
pub(crate) fn project(services: usize, variables: usize) -> (Estate, String) {
    let (mut estate, file) = generate(services, variables);
    for service in &mut estate.projects[0].environments[0].services {
        service.deployments.push(SimDeployment::serving("2026-11-20T10:00:00.000Z"));
    }
    (estate, file)
}

/// One key of the file is another on every service: something to tell.
pub(crate) fn drifted(file: &str) -> String {
    file.replacen("=value-", "=other-", 1)
}

impl Place {
    /// Beside a Railway that holds the estate, whose only environment is named by its ids.
    pub(crate) fn new(estate: Estate, file: &str) -> Self {
        let (project, environment) = (&estate.projects[0].id, &estate.projects[0].environments[0].id);
        let ids = [("RAILWAY_PROJECT_ID", project.clone()), ("RAILWAY_ENVIRONMENT_ID", environment.clone())];
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home").to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        let own = [("HOME", home), ("PATH", path), ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN.to_owned())];
        let variables = own.into_iter().chain(ids).map(|(name, value)| (name.to_owned(), value)).collect();
        let place = Self { server: Server::start(Sim::new(estate)), folder, variables };
        fs::create_dir(place.home()).unwrap();
        fs::create_dir(place.work()).unwrap();
        fs::write(place.work().join(".env"), file).unwrap();
        fs::set_permissions(place.work().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        place
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn program(&self, path: impl AsRef<Path>, arguments: &[&str]) -> Program {
        Program {
            path: path.as_ref().as_os_str().to_owned(),
            arguments: arguments.iter().map(OsString::from).collect(),
            folder: self.work(),
            variables: self.variables.clone(),
        }
    }

    /// `doctor VERB …` against the server.
    pub(crate) fn doctor(&self, arguments: &[&str]) -> Program {
        let url = self.server.url();
        self.program(DOCTOR, &[arguments, &["--api-url", &url]].concat())
    }

    /// One check, after a first one if it is to be warm.
    pub(crate) fn check(&self, cache: Cache, arguments: &[&str]) -> Asked {
        let check = self.doctor(&[&["check"], arguments].concat());
        match cache {
            Cache::Warm => drop(check.once()),
            Cache::Cold => drop(fs::remove_dir_all(self.home().join(".cache"))),
        }
        self.server.heard();
        let taken = check.once();
        assert!(matches!(taken.code, 0 | 1), "the check ended with {}", taken.code);
        Asked { taken, heard: self.server.heard() }
    }
}
