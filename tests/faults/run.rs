//! One run of the binary in a folder of its own, and what it left behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use railway_doctor::io::sim::status_timeline::StatusTimeline;
use serde_json::Value;
use tempfile::TempDir;

use crate::leak_scan::record_children;

/// The local side; `API_KEY` differs.
pub(crate) const ENV: &str = "# shop, staging\nAPI_KEY=mark4711-local\nMODE=\"mark4711-mode\" # kept\n";

/// The same after `API_KEY` was pulled.
pub(crate) const PULLED: &str = "# shop, staging\nAPI_KEY=mark4711-stored\nMODE=\"mark4711-mode\" # kept\n";

/// A run that takes so long hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Two services that hold the same key, in an environment that is not protected.
pub(crate) fn shop(key: &str) -> Estate {
    let service = |name: &str| {
        SimService::named(name)
            .repository("crew/shop")
            .variables(&[("API_KEY", key), ("MODE", "mark4711-mode")])
            .plan(StatusTimeline::through(&["SUCCESS"]))
    };
    let old = SimDeployment::serving("2026-11-09T16:20:47.902Z").had("API_KEY", "mark4711-older");
    let environment = Environment::named("staging").service(service("api")).service(service("worker").deployed(old));
    Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()
}

/// The ids of project and environment.
pub(crate) fn ids() -> [String; 2] {
    let project = &shop("").projects[0];
    [project.id.clone(), project.environments[0].id.clone()]
}

/// A working folder, a home, and the variables of the process.
pub(crate) struct Cell {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
    /// The most memory that it was seen to have, in KiB; 0 where nobody looked.
    pub(crate) peak: u64,
}

/// Whether the memory of a run is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    Memory,
    Nothing,
}

impl Cell {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [project, environment] = ids();
        let home = folder.path().join("home").display().to_string();
        fs::create_dir(folder.path().join("work")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("temporary")).unwrap();
        record_children(&folder.path().join("children"));
        let variables = [
            ("HOME", home.as_str()),
            ("PATH", &folder.path().join("children").display().to_string()),
            ("TMPDIR", &folder.path().join("temporary").display().to_string()),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN),
            ("RAILWAY_PROJECT_ID", &project),
            ("RAILWAY_ENVIRONMENT_ID", &environment),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let cell = Self { folder, variables };
        cell.write(".env", ENV);
        cell
    }

    /// Sets a variable of the process.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The variables of the process.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// What `doctor` remembers between runs.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("home/.local/state/railway-doctor")
    }

    /// As much of a repository as git needs, without starting it.
    pub(crate) fn make_repository(&self) {
        for folder in ["objects", "refs"] {
            fs::create_dir_all(self.work().join(".git").join(folder)).unwrap();
        }
        self.write(".git/HEAD", "ref: refs/heads/main\n");
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// The names in the working folder.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.work())
    }

    /// The runs that were recorded.
    pub(crate) fn runs(&self) -> Vec<String> {
        names(&self.state()).iter().filter_map(|name| Some(name.strip_suffix(".journal")?.to_owned())).collect()
    }

    /// The command, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        // Where coverage is measured, of the binary as well.
        let coverage = std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file));
        command.args(words).current_dir(self.work()).env_clear().envs(coverage).envs(&self.variables);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The flag that records every request in a file beside the working folder, which is searched like every other.
    pub(crate) const RECORDED: &'static str = "--debug-api=../debug.jsonl";

    /// Every line of that file.
    pub(crate) fn recorded(&self) -> Result<Vec<Value>, String> {
        let text = fs::read_to_string(self.folder.path().join("debug.jsonl")).map_err(|error| error.to_string())?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
    }

    pub(crate) fn run(&self, words: &[&str], input: &str, watch: Watch) -> Ran {
        let start = Instant::now();
        let mut child = self.command(words).spawn().unwrap();
        // A run that ends before it reads has closed its end.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        finish(child, start, watch)
    }
}

/// The names in a folder; none if there is no folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits for the end, and kills what does not come to one.
pub(crate) fn finish(mut child: Child, start: Instant, watch: Watch) -> Ran {
    let mut out = child.stdout.take().unwrap();
    let mut err = child.stderr.take().unwrap();
    thread::scope(|scope| {
        let read = |pipe: &mut dyn Read| {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let out = scope.spawn(move || read(&mut out));
        let err = scope.spawn(move || read(&mut err));
        let mut peak = 0;
        let status = loop {
            if watch == Watch::Memory {
                peak = peak.max(memory(child.id()));
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(if watch == Watch::Memory { 3 } else { 15 }));
        };
        Ran { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap(), took: start.elapsed(), peak }
    })
}

/// The most memory that a process had so far, in KiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
