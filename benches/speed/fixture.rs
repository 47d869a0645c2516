//! A working directory, a home directory and a simulated Railway, and the programs that are measured with them.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::Estate;
use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, generate};
use tempfile::TempDir;

use crate::measure::{Program, Usage};
use crate::server::{Request, Server};

/// The path of the measured binary.
pub(crate) const DOCTOR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../dist/doctor");

/// Whether the results of the previous run, such as ids, are cached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    Cold,
    Warm,
}

impl fmt::Display for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if *self == Self::Cold { "cold" } else { "warm" })
    }
}

/// One run of `doctor` and its requests.
pub(crate) struct Run {
    pub(crate) usage: Usage,
    pub(crate) requests: Vec<Request>,
}

pub(crate) struct Fixture {
    pub(crate) server: Server,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// Generates a project whose services all run, and the `.env` that equals their variables.
pub(crate) fn project(services: usize, variables: usize) -> (Estate, String) {
    let (mut estate, file) = generate(services, variables);
    for service in &mut estate.projects[0].environments[0].services {
        service.deployments.push(SimDeployment::serving("2026-11-20T10:00:00.000Z"));
    }
    (estate, file)
}

/// Changes one value of the file, so that it differs on every service.
pub(crate) fn drifted(file: &str) -> String {
    file.replacen("=value-", "=other-", 1)
}

impl Fixture {
    /// Creates the fixture. Project and environment are set by id in variables.
    pub(crate) fn new(estate: Estate, file: &str) -> Self {
        let (project, environment) = (&estate.projects[0].id, &estate.projects[0].environments[0].id);
        let ids = [("RAILWAY_PROJECT_ID", project.clone()), ("RAILWAY_ENVIRONMENT_ID", environment.clone())];
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home").to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        let base = [("HOME", home), ("PATH", path), ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN.to_owned())];
        let variables = base.into_iter().chain(ids).map(|(name, value)| (name.to_owned(), value)).collect();
        let fixture = Self { server: Server::start(Sim::new(estate)), directory, variables };
        fs::create_dir(fixture.home()).unwrap();
        fs::create_dir(fixture.work()).unwrap();
        fs::write(fixture.work().join(".env"), file).unwrap();
        fs::set_permissions(fixture.work().join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        fixture
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub(crate) fn program(&self, path: impl AsRef<Path>, arguments: &[&str]) -> Program {
        Program {
            path: path.as_ref().as_os_str().to_owned(),
            arguments: arguments.iter().map(OsString::from).collect(),
            directory: self.work(),
            variables: self.variables.clone(),
        }
    }

    /// Returns `doctor ARGUMENTS…` with the server as its API.
    pub(crate) fn doctor(&self, arguments: &[&str]) -> Program {
        let url = self.server.url();
        self.program(DOCTOR, &[arguments, &["--api-url", &url]].concat())
    }

    /// Runs `doctor` once. With a cold cache, the results of previous runs are removed first. With a warm one, the caller
    /// has run the same command before.
    pub(crate) fn run(&self, cache: Cache, arguments: &[&str]) -> Run {
        self.once(cache, &self.doctor(arguments))
    }

    /// Does the same with this program.
    pub(crate) fn once(&self, cache: Cache, program: &Program) -> Run {
        if cache == Cache::Cold {
            // Ids, and results of the hook.
            for folder in [".cache", ".local/state"] {
                drop(fs::remove_dir_all(self.home().join(folder)));
            }
        }
        self.server.take_requests();
        let usage = program.once();
        assert!(matches!(usage.code, 0 | 1), "{:?} exited with {}", program.arguments, usage.code);
        Run { usage, requests: self.server.take_requests() }
    }
}
