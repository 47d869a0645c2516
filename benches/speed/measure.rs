//! A program that is measured: a process of its own starts it and waits for it, so that what the kernel counts is the
//! program's and neither the server's nor the bench's.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// The first argument of the process that measures.
pub(crate) const MEASURE: &str = "--measure";

/// A program, and what it is started with. It gets no other variables than these.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) path: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) folder: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
}

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// From before it is started until it has ended.
    pub(crate) wall: Duration,
    /// Of all cores, its own children included.
    pub(crate) processor: Duration,
    /// The most memory it held, in bytes.
    pub(crate) memory: f64,
    pub(crate) code: i32,
}

impl Program {
    /// Runs it so many times, one after the other.
    pub(crate) fn measure(&self, times: usize) -> Vec<Taken> {
        let output = Command::new(env::current_exe().unwrap())
            .args([MEASURE, &times.to_string()])
            .arg(&self.path)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{} can't be measured", self.path.display());
        let lines = String::from_utf8(output.stdout).unwrap();
        let taken: Vec<Taken> = lines.lines().map(read).collect();
        assert_eq!(taken.len(), times);
        taken
    }

    /// Runs it once.
    pub(crate) fn once(&self) -> Taken {
        self.measure(1).remove(0)
    }
}

/// What the process that measures does: `TIMES PROGRAM ARGUMENTS…`.
pub(crate) fn measure(mut words: impl Iterator<Item = OsString>) {
    let times: usize = words.next().unwrap().to_str().unwrap().parse().unwrap();
    let path = words.next().unwrap();
    let mut command = Command::new(path);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for _ in 0..times {
        let (before, _) = used();
        let began = Instant::now();
        let status = command.status().unwrap();
        let wall = began.elapsed();
        let (after, memory) = used();
        println!(
            "{} {} {memory} {}",
            wall.as_nanos(),
            after.saturating_sub(before).as_nanos(),
            status.code().unwrap_or(-1)
        );
    }
}

/// Processor time and the most memory of the children that have ended.
fn used() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    (duration(usage.user_time()) + duration(usage.system_time()), usage.max_rss() * unit)
}

fn duration(time: TimeVal) -> Duration {
    Duration::new(time.tv_sec().try_into().unwrap(), u32::try_from(time.tv_usec()).unwrap() * 1000)
}

fn read(line: &str) -> Taken {
    let [wall, processor, memory, code] =
        line.split(' ').collect::<Vec<_>>().try_into().expect("four numbers are written");
    let nanoseconds = |text: &str| Duration::from_nanos(text.parse().unwrap());
    Taken {
        wall: nanoseconds(wall),
        processor: nanoseconds(processor),
        memory: memory.parse().unwrap(),
        code: code.parse().unwrap(),
    }
}

/// The one in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The wall times of some runs.
pub(crate) fn walls(taken: &[Taken]) -> Vec<Duration> {
    taken.iter().map(|one| one.wall).collect()
}
