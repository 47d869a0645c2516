//! Runs the binary in a temporary directory, against a simulated Railway.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::Estate;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use tempfile::TempDir;

use crate::server::Served;

/// A working directory, a home directory, environment variables and a simulated Railway.
pub(crate) struct Doctor {
    pub(crate) served: Served,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// The exit code and the output of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// Parses the report of a run with `--format json`.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

impl Doctor {
    /// Serves the estate, and sets an account token and the ids of the first project and its first environment.
    pub(crate) fn new(estate: Estate) -> Self {
        Self::with_sim(Sim::new(estate))
    }

    pub(crate) fn with_sim(sim: Sim) -> Self {
        let ids = sim.change(|estate| {
            let project = &estate.projects[0];
            [project.id.clone(), project.environments[0].id.clone()]
        });
        let [project, environment] = ids;
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("work")).unwrap();
        std::fs::create_dir_all(directory.path().join("home")).unwrap();
        let variables = [
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN.to_owned()),
            ("RAILWAY_PROJECT_ID", project),
            ("RAILWAY_ENVIRONMENT_ID", environment),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self { served: Served::start(sim), directory, variables }
    }

    /// Writes a file to the working directory.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        // A file that others can read would be a finding.
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self
    }

    /// Replaces the content of a file.
    pub(crate) fn overwrite(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.work().join(name), text).unwrap();
        self
    }

    /// Sets an environment variable, or removes it.
    pub(crate) fn variable(mut self, name: &str, value: Option<&str>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Returns the command `doctor check --api-url …` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        command.args(["check", "--api-url", &self.served.url()]).args(arguments);
        self.prepare(&mut command);
        command
    }

    /// Runs a shell script in the working directory.
    #[cfg(unix)]
    pub(crate) fn shell(&self, script: &str) -> Outcome {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        self.prepare(&mut command);
        outcome(command.env("PATH", "/usr/bin:/bin").output().unwrap())
    }

    /// Sets the working directory and the environment variables of a command.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.work())
            .env_clear()
            // Measures the coverage of the binary, too.
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
            .env("HOME", self.home())
            .env("USERPROFILE", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Runs `doctor check` with these arguments.
    pub(crate) fn check(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command(arguments).output().unwrap())
    }
}

pub(crate) fn outcome(output: Output) -> Outcome {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
