//! Queries git without running programs that the repository configures.
//!
//! A checkout is untrusted: its `.git/config` may configure programs (`core.fsmonitor`, hooks, filters, transports),
//! and so may the process environment (`GIT_*`). The queries here need none of them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::Seconds;
use crate::io::git::find_git;

/// The time limit of one query. Git usually needs a few milliseconds.
const LIMIT: Duration = Duration::from_secs(2);

/// The maximum number of files in one query. Windows allows 32,767 characters in a command line.
const AT_ONCE: usize = 100;

/// The maximum number of bytes that are read from git.
const OUTPUT_LIMIT: u64 = 4 << 20;

/// Environment variables that git needs to find the user's configuration, and Windows needs to start git.
const KEPT: &[&str] = &["HOME", "XDG_CONFIG_HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "SYSTEMROOT", "SystemRoot"];

/// Options before the subcommand: no helper programs, no hooks, no locks, literal paths.
const SAFE_OPTIONS: &[&str] = &[
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

/// The length of the prefix of [`SAFE_OPTIONS`] without `core.hooksPath`. The query for the hooks directory runs no
/// hook.
const BESIDE_HOOKS: usize = 7;

/// Environment of the child process. It never prompts and never fetches, not even the missing objects of a partial
/// clone: that would start a transport that the repository configures.
const SETTINGS: [(&str, &str); 5] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// The cause if the directory is not in a repository. A `.git` that can't be read has another one.
pub const NO_REPOSITORY: &str = "neither this directory nor a parent has a .git";

/// The cause if git fails for an unknown reason.
const UNREADABLE: &str = "git could not read the repository";

/// The state of a file in git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitStatus {
    /// In the index, whether ignored or not.
    Tracked,
    /// Not in the index, and ignored.
    Ignored,
    /// Neither tracked nor ignored.
    Untracked,
}

/// The directories of a repository's hooks. Both paths are absolute, and may contain `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// The directory from which git runs hooks.
    pub folder: PathBuf,
    /// The git directory that all worktrees share.
    pub git: PathBuf,
}

/// Queries git, with only the environment variables that git needs.
#[derive(Clone, Debug)]
pub struct GitClient {
    variables: Vec<(&'static str, String)>,
    search: Option<String>,
    pub(super) limit: Duration,
    deadline: Option<Instant>,
}

impl GitClient {
    pub fn new(variables: &BTreeMap<String, String>) -> Self {
        let kept = KEPT.iter().filter_map(|&name| Some((name, variables.get(name)?.clone())));
        let search = variables.get("PATH").or_else(|| variables.get("Path")).cloned();
        Self { variables: kept.collect(), search, limit: LIMIT, deadline: None }
    }

    /// Limits the total time of all queries from now on.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(limit), ..self }
    }

    /// Returns the hooks directory of the repository that contains `folder`. Respects `core.hooksPath`, linked
    /// worktrees and bare repositories. Runs no hook.
    pub fn hooks(&self, folder: &Path) -> Result<Hooks, String> {
        let mut command = self.command_with(folder, &SAFE_OPTIONS[..BESIDE_HOOKS])?;
        command.args(["rev-parse", "--git-path", "hooks", "--git-common-dir"]);
        let output = self.output(command, "")?;
        let output = String::from_utf8_lossy(&output);
        let mut lines = output.lines().map(|line| folder.join(line));
        match (lines.next(), lines.next()) {
            (Some(hooks), Some(git)) => Ok(Hooks { folder: hooks, git }),
            _ => Err("git reported no hooks directory".to_owned()),
        }
    }

    /// Returns the states of files of the repository at `root`, in order. Links in the paths must be resolved. Paths
    /// outside the root count as ignored. On failure, returns the cause.
    pub fn status(&self, root: &Path, paths: &[PathBuf]) -> Result<Vec<GitStatus>, String> {
        let mut found = Vec::with_capacity(paths.len());
        for paths in paths.chunks(AT_ONCE) {
            let names: Vec<Option<&Path>> = paths.iter().map(|path| path.strip_prefix(root).ok()).collect();
            let inside: Vec<&Path> = names.iter().flatten().copied().collect();
            // Without a path, git would list the whole repository.
            let output = if inside.is_empty() { Vec::new() } else { self.run(root, &inside)? };
            let listed = listed(&output);
            found.extend(names.iter().map(|name| match name.and_then(|name| listed.get(&slashed(name))) {
                None => GitStatus::Ignored,
                Some(b'?') => GitStatus::Untracked,
                Some(_) => GitStatus::Tracked,
            }));
        }
        Ok(found)
    }

    /// Returns the state that a file of the repository at `root` has or would have: it need not exist. Links in the path
    /// must be resolved. On failure, returns the cause.
    pub fn status_of_new(&self, root: &Path, path: &Path) -> Result<GitStatus, String> {
        let name = path.strip_prefix(root).map_err(|_| "it is outside the repository".to_owned())?;
        let mut tracked = self.command(root)?;
        tracked.args(["ls-files", "-z", "--cached", "--"]).arg(name);
        if !self.output(tracked, "")?.is_empty() {
            return Ok(GitStatus::Tracked);
        }
        let name = String::from_utf8(slashed(name)).map_err(|_| "its name is not valid UTF-8".to_owned())?;
        // The subcommand rejects literal pathspecs. A path that begins with `./` is literal anyway.
        let options: Vec<&str> =
            SAFE_OPTIONS.iter().copied().filter(|option| *option != "--literal-pathspecs").collect();
        let mut patterns = self.command_with(root, &options)?;
        patterns.args(["check-ignore", "--no-index", "--verbose", "-z", "--stdin"]);
        match self.output(patterns, &format!("./{name}\0")) {
            // Source, line and pattern. A pattern that begins with `!` includes the path again.
            Ok(output) => match output.split(|&byte| byte == 0).nth(2) {
                Some(pattern) if !pattern.starts_with(b"!") => Ok(GitStatus::Ignored),
                _ => Ok(GitStatus::Untracked),
            },
            // Without a match, git fails and prints nothing. That it can read the repository is known by now.
            Err(why) if why == UNREADABLE => Ok(GitStatus::Untracked),
            Err(why) => Err(why),
        }
    }

    /// Returns whether the repository at `root` tracks a file inside this directory. A submodule counts as no file.
    pub fn tracks_below(&self, root: &Path, folder: &Path) -> Result<bool, String> {
        let name = folder.strip_prefix(root).map_err(|_| "it is outside the repository".to_owned())?;
        let mut tracked = self.command(root)?;
        tracked.args(["ls-files", "-z", "--cached", "--"]).arg(name);
        let start = [slashed(name), b"/".to_vec()].concat();
        // The first entry is enough, and the list may be long.
        let listed = self.output_up_to(tracked, "", OUTPUT_LIMIT)?;
        Ok(listed.split(|&byte| byte == 0).any(|entry| entry.starts_with(&start)))
    }

    /// Lists tracked files, and files that are neither tracked nor ignored, with a single run of `ls-files`.
    fn run(&self, root: &Path, names: &[&Path]) -> Result<Vec<u8>, String> {
        let mut command = self.command(root)?;
        command.args(["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard", "--"]).args(names);
        self.output(command, "")
    }

    /// Runs git in the repository at `root` with these arguments and this standard input, and returns its output. Text
    /// of the repository or of Railway must be validated first, so that git can't read it as an option.
    pub(super) fn ask(&self, root: &Path, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut command = self.command(root)?;
        command.args(arguments);
        Ok(String::from_utf8_lossy(&self.output(command, input)?).into_owned())
    }

    pub(super) fn command(&self, root: &Path) -> Result<Command, String> {
        self.command_with(root, SAFE_OPTIONS)
    }

    /// Clears the environment except for these variables, so that the child process never gets a token.
    fn command_with(&self, root: &Path, careful: &[&str]) -> Result<Command, String> {
        // The working directory too, because a package manager or a shell there may have extended `PATH`.
        let here = std::env::current_dir().unwrap_or_default();
        let git = find_git::find(self.search.as_deref(), &[root, &here])?;
        let mut command = Command::new(git.path);
        command.args(careful).arg("-C").arg(root);
        command.env_clear().envs(SETTINGS).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", git.search);
        Ok(command)
    }

    fn output(&self, command: Command, input: &str) -> Result<Vec<u8>, String> {
        self.output_up_to(command, input, OUTPUT_LIMIT)
    }

    /// Returns up to `most` bytes of git's output.
    pub(super) fn output_up_to(&self, mut command: Command, input: &str, most: u64) -> Result<Vec<u8>, String> {
        let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "git is not installed".to_owned(),
            _ => "git could not be started".to_owned(),
        })?;
        wait_for_output(child, Zeroizing::new(input.to_owned()), self.limit(), most)
    }

    /// Returns the time limit of the next query.
    pub(super) fn limit(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map_or(self.limit, |left| left.min(self.limit))
    }
}

/// Returns up to `most` bytes of the child's output. A child that runs longer than `limit` is killed.
fn wait_for_output(mut child: Child, input: Zeroizing<String>, limit: Duration, most: u64) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + limit;
    let threads = read_in_background(child.stdout.take(), most).and_then(|out| {
        let err = read_in_background(child.stderr.take(), OUTPUT_LIMIT)?;
        if let Some(mut stdin) = child.stdin.take() {
            // In the background, like the reading. If git rejects the input, its exit status shows that.
            thread::Builder::new().spawn(move || drop(stdin.write_all(input.as_bytes())))?;
        }
        Ok((out, err))
    });
    let Ok((out, err)) = threads else {
        let _ = child.kill();
        let _ = child.wait();
        return Err("failed to start a thread to read git's output".to_owned());
    };
    let left = || deadline.saturating_duration_since(Instant::now());
    let output = out.recv_timeout(left()).and_then(|out| Ok((out, err.recv_timeout(left())?)));
    let status = loop {
        match child.try_wait() {
            Ok(None) if output.is_ok() && !left().is_zero() => thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) => break Some(status),
            _ => break None,
        }
    };
    match (output, status) {
        (Ok((out, _)), Some(status)) if status.success() => Ok(out),
        (Ok((_, err)), Some(_)) => Err(failure(&err)),
        _ => {
            // It may just have ended. Kill and reap it here, because nothing waits for it later.
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("git timed out after {}", Seconds(limit)))
        }
    }
}

/// Reads in the background, so that a program that keeps the stream open can't block the run.
fn read_in_background(stream: Option<impl Read + Send + 'static>, most: u64) -> io::Result<mpsc::Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map_or(Ok(0), |stream| stream.take(most).read_to_end(&mut bytes));
        if read.is_ok() {
            // The receiver is gone after the time limit.
            let _ = sender.send(bytes);
        }
    })?;
    Ok(receiver)
}

/// Returns the cause of a failure. Git's own message is not shown, because it contains paths and unsafe advice.
fn failure(message: &[u8]) -> String {
    let message = String::from_utf8_lossy(message);
    if message.contains("dubious ownership") {
        "the repository belongs to another user, and git does not trust it".to_owned()
    } else if message.contains("not a git repository (or any") {
        NO_REPOSITORY.to_owned()
    } else {
        UNREADABLE.to_owned()
    }
}

/// Parses the output of `-z -t`, such as `H .env\0? new\0`, into path → tag.
fn listed(output: &[u8]) -> HashMap<Vec<u8>, u8> {
    let rows = output.split(|&byte| byte == 0).filter(|row| row.len() > 2);
    rows.map(|row| (row[2..].to_vec(), row[0])).collect()
}

/// Returns the path as git writes it.
fn slashed(path: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}
