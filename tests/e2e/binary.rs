//! Runs the binary in a folder of its own, against a served Railway.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::Estate;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use tempfile::TempDir;

use crate::server::Served;

/// A working folder, a home, and a Railway.
pub(crate) struct Doctor {
    pub(crate) served: Served,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// The report of a run with `--format json`.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Doctor {
    /// Beside a Railway that holds the estate, with an account token and the first project's first environment as ids.
    pub(crate) fn new(estate: Estate) -> Self {
        Self::beside(Sim::new(estate))
    }

    pub(crate) fn beside(sim: Sim) -> Self {
        let ids = sim.change(|estate| {
            let project = &estate.projects[0];
            [project.id.clone(), project.environments[0].id.clone()]
        });
        let [project, environment] = ids;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("work")).unwrap();
        std::fs::create_dir_all(folder.path().join("home")).unwrap();
        let variables = [
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN.to_owned()),
            ("RAILWAY_PROJECT_ID", project),
            ("RAILWAY_ENVIRONMENT_ID", environment),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self { served: Served::start(sim), folder, variables }
    }

    /// Writes a file into the working folder.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        // Kept from others, as a file with keys should be: its mode is a finding of its own.
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self
    }

    /// Writes a file anew.
    pub(crate) fn overwrite(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.work().join(name), text).unwrap();
        self
    }

    /// Sets a variable of the process environment, or takes it away.
    pub(crate) fn variable(mut self, name: &str, value: Option<&str>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The command `doctor check --api-url …` with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        command.args(["check", "--api-url", &self.served.url()]).args(arguments);
        self.prepare(&mut command);
        command
    }

    /// What a shell makes of a script in the working folder.
    #[cfg(unix)]
    pub(crate) fn shell(&self, script: &str) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        self.prepare(&mut command);
        ended(command.env("PATH", "/usr/bin:/bin").output().unwrap())
    }

    /// Gives a command the folder, the home and the variables.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.work())
            .env_clear()
            // Where coverage is measured, of the binary as well.
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)))
            .env("HOME", self.home())
            .env("USERPROFILE", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Runs it.
    pub(crate) fn check(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
