//! A sandbox for the binary, its runs, and what they leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService, TokenScope};
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use railway_doctor::io::sim::status_timeline::StatusTimeline;
use serde_json::Value;
use tempfile::TempDir;

use crate::leak_scan::record_children;

/// The content of `.env`; `API_KEY` differs from Railway.
pub(crate) const ENV: &str = "# shop, staging\nAPI_KEY=mark4711-local\nMODE=\"mark4711-mode\" # kept\n";

/// The content after `API_KEY` was pulled.
pub(crate) const PULLED: &str = "# shop, staging\nAPI_KEY=mark4711-stored\nMODE=\"mark4711-mode\" # kept\n";

/// The new value of a rotation.
pub(crate) const NEW_VALUE: &str = "mark4711-rotated";

/// The content after `MODE` was rotated.
pub(crate) const ROTATED: &str = "# shop, staging\nAPI_KEY=mark4711-local\nMODE=\"mark4711-rotated\" # kept\n";

/// A run that takes longer hangs, and is killed.
pub(crate) const HANG_TIMEOUT: Duration = Duration::from_secs(60);

/// The project token of production, in `PRODUCTION_TOKEN`.
const PRODUCTION_TOKEN: &str = "mark4711-production-token";

/// Two services with the same key, in an unprotected environment; production has it on one of them.
pub(crate) fn shop(key: &str) -> Estate {
    let service = |name: &str| {
        SimService::named(name)
            .repository("crew/shop")
            .variables(&[("API_KEY", key), ("MODE", "mark4711-mode")])
            .plan(StatusTimeline::through(&["SUCCESS"]))
    };
    let old = SimDeployment::serving("2026-11-09T16:20:47.902Z").had("API_KEY", "mark4711-older");
    let staging = Environment::named("staging").service(service("api")).service(service("worker").deployed(old));
    let worker = SimService::named("worker").repository("crew/shop").variables(&[("MODE", "mark4711-live")]);
    let production = Environment::named("production").service(service("api")).service(worker);
    let project = Project::named("shop").environment(staging).environment(production);
    with_production_token(Estate::of("crew").project(project).with_tokens())
}

/// Adds the project token of the second environment.
pub(crate) fn with_production_token(estate: Estate) -> Estate {
    let project = &estate.projects[0];
    let (project, environment) = (project.id.clone(), project.environments[1].id.clone());
    estate.token(PRODUCTION_TOKEN, TokenScope::Project { project, environment })
}

pub(crate) fn ids() -> [String; 2] {
    let project = &shop("").projects[0];
    [project.id.clone(), project.environments[0].id.clone()]
}

/// A working directory, a home directory, and environment variables.
pub(crate) struct Sandbox {
    directory: TempDir,
    variables: BTreeMap<String, String>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct RunOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) duration: Duration,
    /// The highest measured memory use in KiB; 0 if not measured.
    pub(crate) peak_kib: u64,
}

/// Whether the memory use of a run is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    Memory,
    Nothing,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [project, environment] = ids();
        let home = directory.path().join("home").display().to_string();
        fs::create_dir(directory.path().join("work")).unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        fs::create_dir(directory.path().join("temporary")).unwrap();
        record_children(&directory.path().join("children"));
        let variables = [
            ("HOME", home.as_str()),
            ("PATH", &directory.path().join("children").display().to_string()),
            ("TMPDIR", &directory.path().join("temporary").display().to_string()),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("PRODUCTION_TOKEN", PRODUCTION_TOKEN),
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN),
            ("RAILWAY_PROJECT_ID", &project),
            ("RAILWAY_ENVIRONMENT_ID", &environment),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sandbox = Self { directory, variables };
        sandbox.write(".env", ENV);
        sandbox
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// The state directory of `doctor`.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("home/.local/state/railway-doctor")
    }

    /// Creates the minimum that git accepts as a repository, without running git.
    pub(crate) fn make_repository(&self) {
        for directory in ["objects", "refs"] {
            fs::create_dir_all(self.work().join(".git").join(directory)).unwrap();
        }
        self.write(".git/HEAD", "ref: refs/heads/main\n");
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// The names in the working directory.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.work())
    }

    /// The ids of the recorded runs.
    pub(crate) fn runs(&self) -> Vec<String> {
        names(&self.state()).iter().filter_map(|name| Some(name.strip_suffix(".journal")?.to_owned())).collect()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        // Also measures the coverage of the binary.
        let coverage = std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file));
        command.args(args).current_dir(self.work()).env_clear().envs(coverage).envs(&self.variables);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Records every request in a file next to the working directory, which is scanned like every other file.
    pub(crate) const DEBUG_API_FLAG: &'static str = "--debug-api=../debug.jsonl";

    /// The recorded requests.
    pub(crate) fn recorded_requests(&self) -> Result<Vec<Value>, String> {
        let text = fs::read_to_string(self.directory.path().join("debug.jsonl")).map_err(|error| error.to_string())?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
    }

    pub(crate) fn run(&self, args: &[&str], input: &str, watch: Watch) -> RunOutput {
        let start = Instant::now();
        let mut child = self.command(args).spawn().unwrap();
        // A run that ends without reading has closed its standard input.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        finish(child, start, watch)
    }
}

/// The sorted names in a directory; empty if it does not exist.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until the process ends, or kills it after [`HANG_TIMEOUT`].
pub(crate) fn finish(mut child: Child, start: Instant, watch: Watch) -> RunOutput {
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    thread::scope(|scope| {
        let read = |pipe: &mut dyn Read| {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let stdout = scope.spawn(move || read(&mut stdout));
        let stderr = scope.spawn(move || read(&mut stderr));
        let mut peak_kib = 0;
        let status = loop {
            if watch == Watch::Memory {
                peak_kib = peak_kib.max(memory(child.id()));
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > HANG_TIMEOUT {
                child.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(if watch == Watch::Memory { 3 } else { 15 }));
        };
        RunOutput {
            code: status.code(),
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
            duration: start.elapsed(),
            peak_kib,
        }
    })
}

/// The highest memory use of `doctor` so far, in KiB. Until the new process runs it, the figure is that of the test.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    if !status.starts_with("Name:\tdoctor\n") {
        return 0;
    }
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
