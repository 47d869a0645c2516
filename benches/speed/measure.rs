//! Measures a program from a separate process, so that the kernel's resource usage of children includes neither the
//! server nor the benchmark.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// The first argument of the measuring process.
pub(crate) const MEASURE: &str = "--measure";

/// A program with its arguments, working directory and complete environment.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) path: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
}

/// The resource usage of one run.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// From before the process is spawned until it has exited.
    pub(crate) wall: Duration,
    /// CPU time on all cores, including child processes.
    pub(crate) cpu: Duration,
    /// Peak memory, in bytes.
    pub(crate) memory: f64,
    pub(crate) code: i32,
}

impl Program {
    /// Runs the program `times` times, sequentially.
    pub(crate) fn measure(&self, times: usize) -> Vec<Usage> {
        let output = Command::new(env::current_exe().unwrap())
            .args([MEASURE, &times.to_string()])
            .arg(&self.path)
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "failed to measure {}", self.path.display());
        let lines = String::from_utf8(output.stdout).unwrap();
        let usage: Vec<Usage> = lines.lines().map(read).collect();
        assert_eq!(usage.len(), times);
        usage
    }

    /// Runs the program once.
    pub(crate) fn once(&self) -> Usage {
        self.measure(1).remove(0)
    }
}

/// Runs the measuring process, whose arguments are `TIMES PROGRAM ARGUMENTS…`.
pub(crate) fn measure(mut arguments: impl Iterator<Item = OsString>) {
    let times: usize = arguments.next().unwrap().to_str().unwrap().parse().unwrap();
    let path = arguments.next().unwrap();
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for _ in 0..times {
        let (before, _) = children_usage();
        let started = Instant::now();
        let status = command.status().unwrap();
        let wall = started.elapsed();
        let (after, memory) = children_usage();
        println!(
            "{} {} {memory} {}",
            wall.as_nanos(),
            after.saturating_sub(before).as_nanos(),
            status.code().unwrap_or(-1)
        );
    }
}

/// Returns the CPU time and the peak memory of the children that have exited.
fn children_usage() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    (duration(usage.user_time()) + duration(usage.system_time()), usage.max_rss() * unit)
}

fn duration(time: TimeVal) -> Duration {
    Duration::new(time.tv_sec().try_into().unwrap(), u32::try_from(time.tv_usec()).unwrap() * 1000)
}

fn read(line: &str) -> Usage {
    let [wall, cpu, memory, code] = line.split(' ').collect::<Vec<_>>().try_into().expect("expected four numbers");
    let nanoseconds = |text: &str| Duration::from_nanos(text.parse().unwrap());
    Usage {
        wall: nanoseconds(wall),
        cpu: nanoseconds(cpu),
        memory: memory.parse().unwrap(),
        code: code.parse().unwrap(),
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

pub(crate) fn wall_times(usage: &[Usage]) -> Vec<Duration> {
    usage.iter().map(|one| one.wall).collect()
}
