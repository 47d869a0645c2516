//! Asks git about files, without running anything that the repository names.
//!
//! A checkout is somebody else's: its `.git/config` may name programs (`core.fsmonitor`, hooks, filters, transports), and
//! so may the process environment (`GIT_*`). What is asked here needs none of them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::io::git::find_git;

/// How long git may take. It needs a few milliseconds.
const LIMIT: Duration = Duration::from_secs(2);

/// How many files are asked about in one start; Windows allows 32,767 characters in a command line.
const AT_ONCE: usize = 100;

/// The most that is read of what git says, in bytes.
const ANSWER: u64 = 4 << 20;

/// Variables of the process environment that git needs to find the user's own configuration, and Windows to start it.
const KEPT: &[&str] = &["HOME", "XDG_CONFIG_HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "SYSTEMROOT", "SystemRoot"];

/// Before the verb: no helper programs, no hooks, no locks, names taken as they are.
const CAREFUL: &[&str] = &[
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.hooksPath=/dev/null",
];

/// How many of [`CAREFUL`] leave `core.hooksPath` as it is: where hooks are is asked without running one.
const BESIDE_HOOKS: usize = 7;

/// Settings for the child: it asks nobody and fetches nothing, not even the missing objects of a partial clone, which
/// would start the transport that the repository names.
const SETTINGS: [(&str, &str); 5] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// What is told where neither the folder nor one above it is a repository. A `.git` that leads nowhere is another trouble.
pub const NO_REPOSITORY: &str = "neither this folder nor one above it has a .git";

/// What git makes of a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitStatus {
    /// It is in the index, ignored or not.
    Tracked,
    /// The ignore rules keep it out.
    Ignored,
    /// Neither.
    Untracked,
}

/// Where the hooks of a repository are; both paths are absolute, and may have `..` in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// The folder that git looks for hooks in.
    pub folder: PathBuf,
    /// The folder that git keeps its own files in, common to all worktrees.
    pub git: PathBuf,
}

/// Asks git, with as much of the process environment as it needs.
#[derive(Clone, Debug)]
pub struct Asker {
    variables: Vec<(&'static str, String)>,
    search: Option<String>,
    pub(super) limit: Duration,
    deadline: Option<Instant>,
}

impl Asker {
    /// Takes what git needs from the process environment.
    pub fn new(variables: &BTreeMap<String, String>) -> Self {
        let kept = KEPT.iter().filter_map(|&name| Some((name, variables.get(name)?.clone())));
        let search = variables.get("PATH").or_else(|| variables.get("Path")).cloned();
        Self { variables: kept.collect(), search, limit: LIMIT, deadline: None }
    }

    /// Returns the same, with that much time from now on for all questions together.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(limit), ..self }
    }

    /// Returns where git looks for the hooks of that folder's repository: `core.hooksPath`, linked worktrees and bare
    /// repositories included. Asking runs none of them.
    pub fn hooks(&self, folder: &Path) -> Result<Hooks, String> {
        let mut command = self.command_with(folder, &CAREFUL[..BESIDE_HOOKS])?;
        command.args(["rev-parse", "--git-path", "hooks", "--git-common-dir"]);
        let answer = self.answered(command, "")?;
        let answer = String::from_utf8_lossy(&answer);
        let mut lines = answer.lines().map(|line| folder.join(line));
        match (lines.next(), lines.next()) {
            (Some(hooks), Some(git)) => Ok(Hooks { folder: hooks, git }),
            _ => Err("git names no folder".to_owned()),
        }
    }

    /// Returns what git makes of files of the repository at `root`, in their order. The paths are real ones, without
    /// links; those outside of the root count as ignored. On failure: why, without full stop.
    pub fn status(&self, root: &Path, paths: &[PathBuf]) -> Result<Vec<GitStatus>, String> {
        let mut found = Vec::with_capacity(paths.len());
        for paths in paths.chunks(AT_ONCE) {
            let names: Vec<Option<&Path>> = paths.iter().map(|path| path.strip_prefix(root).ok()).collect();
            let inside: Vec<&Path> = names.iter().flatten().copied().collect();
            // Without a name, git would list the whole repository.
            let answer = if inside.is_empty() { Vec::new() } else { self.run(root, &inside)? };
            let listed = listed(&answer);
            found.extend(names.iter().map(|name| match name.and_then(|name| listed.get(&slashed(name))) {
                None => GitStatus::Ignored,
                Some(b'?') => GitStatus::Untracked,
                Some(_) => GitStatus::Tracked,
            }));
        }
        Ok(found)
    }

    /// One start answers both questions: `ls-files` lists what is tracked and what is neither tracked nor ignored.
    fn run(&self, root: &Path, names: &[&Path]) -> Result<Vec<u8>, String> {
        let mut command = self.command(root)?;
        command.args(["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard", "--"]).args(names);
        self.answered(command, "")
    }

    /// Returns what git answers to these words about the repository at `root`; it reads `input`. The words must not be
    /// the repository's or Railway's, unless they can only be taken for what they are.
    pub(super) fn ask(&self, root: &Path, words: &[&str], input: &str) -> Result<String, String> {
        let mut command = self.command(root)?;
        command.args(words);
        Ok(String::from_utf8_lossy(&self.answered(command, input)?).into_owned())
    }

    pub(super) fn command(&self, root: &Path) -> Result<Command, String> {
        self.command_with(root, CAREFUL)
    }

    /// The child gets the variables that are named here and no others, so that it never gets a token.
    fn command_with(&self, root: &Path, careful: &[&str]) -> Result<Command, String> {
        // The working folder of the process, because that is where a package manager or a shell has set `PATH`.
        let here = std::env::current_dir().unwrap_or_default();
        let git = find_git::find(self.search.as_deref(), &[root, &here])?;
        let mut command = Command::new(git.path);
        command.args(careful).arg("-C").arg(root);
        command.env_clear().envs(SETTINGS).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", git.search);
        Ok(command)
    }

    fn answered(&self, command: Command, input: &str) -> Result<Vec<u8>, String> {
        self.answered_with(command, input, ANSWER)
    }

    /// Returns what git says, up to `most` bytes.
    pub(super) fn answered_with(&self, mut command: Command, input: &str, most: u64) -> Result<Vec<u8>, String> {
        let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "git is not installed".to_owned(),
            _ => "git can't be started".to_owned(),
        })?;
        wait_for_output(child, Zeroizing::new(input.to_owned()), self.limit(), most)
    }

    /// Returns how long the next question may take.
    pub(super) fn limit(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map_or(self.limit, |left| left.min(self.limit))
    }
}

/// Returns up to `most` bytes of what the child writes. A child that runs longer than `limit` is killed.
fn wait_for_output(mut child: Child, input: Zeroizing<String>, limit: Duration, most: u64) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + limit;
    let threads = read_in_background(child.stdout.take(), most).and_then(|out| {
        let err = read_in_background(child.stderr.take(), ANSWER)?;
        if let Some(mut stdin) = child.stdin.take() {
            // In the background like the reading. What git does not want to hear, it says in its status.
            thread::Builder::new().spawn(move || drop(stdin.write_all(input.as_bytes())))?;
        }
        Ok((out, err))
    });
    let Ok((out, err)) = threads else {
        let _ = child.kill();
        let _ = child.wait();
        return Err("the system has no thread to read what git says".to_owned());
    };
    let left = || deadline.saturating_duration_since(Instant::now());
    let said = out.recv_timeout(left()).and_then(|out| Ok((out, err.recv_timeout(left())?)));
    let status = loop {
        match child.try_wait() {
            Ok(None) if said.is_ok() && !left().is_zero() => thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) => break Some(status),
            _ => break None,
        }
    };
    match (said, status) {
        (Ok((out, _)), Some(status)) if status.success() => Ok(out),
        (Ok((_, err)), Some(_)) => Err(refusal(&err)),
        _ => {
            // It may have ended in between; either way it is to be gone, and nobody waits for it later.
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("git did not answer within {limit:.1?}"))
        }
    }
}

/// Reads in the background, so that a program that keeps the stream open can't hold up the run.
fn read_in_background(stream: Option<impl Read + Send + 'static>, most: u64) -> io::Result<mpsc::Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map_or(Ok(0), |stream| stream.take(most).read_to_end(&mut bytes));
        if read.is_ok() {
            // Nobody listens any more once the time is over.
            let _ = sender.send(bytes);
        }
    })?;
    Ok(receiver)
}

/// git's own words name paths and advise what a person should weigh; only the cause is told.
fn refusal(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    if said.contains("dubious ownership") {
        "the repository belongs to another user, and git does not trust it".to_owned()
    } else if said.contains("not a git repository (or any") {
        NO_REPOSITORY.to_owned()
    } else {
        "git can't read the repository".to_owned()
    }
}

/// Path → tag, from `-z -t` output: `H .env\0? new\0`.
fn listed(answer: &[u8]) -> HashMap<Vec<u8>, u8> {
    let rows = answer.split(|&byte| byte == 0).filter(|row| row.len() > 2);
    rows.map(|row| (row[2..].to_vec(), row[0])).collect()
}

/// Returns the path as git writes it.
fn slashed(path: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}
