//! Queries git without running programs that the repository configures.
//!
//! A checkout is untrusted: its `.git/config` may configure programs (`core.fsmonitor`, hooks, filters, transports),
//! and so may the process environment (`GIT_*`). The queries here need none of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::io::git::find_git::{self, Program};
use crate::io::git::running_query::{QueryLimits, RunningQuery, UNREADABLE};

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
    /// The program for the first directories that it was searched for, which takes hundreds of system calls.
    found: Arc<OnceLock<FoundProgram>>,
    pub(super) limit: Duration,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct FoundProgram {
    folders: [PathBuf; 2],
    program: Program,
}

impl GitClient {
    pub fn new(variables: &BTreeMap<String, String>) -> Self {
        let kept = KEPT.iter().filter_map(|&name| Some((name, variables.get(name)?.clone())));
        let search = variables.get("PATH").or_else(|| variables.get("Path")).cloned();
        Self { variables: kept.collect(), search, found: Arc::default(), limit: LIMIT, deadline: None }
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
        let git = self.program([root.to_owned(), here])?;
        let mut command = Command::new(git.path);
        command.args(careful).arg("-C").arg(root);
        command.env_clear().envs(SETTINGS).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", git.search);
        Ok(command)
    }

    /// Returns git outside the checkouts that contain these directories.
    fn program(&self, folders: [PathBuf; 2]) -> Result<Program, String> {
        if let Some(found) = self.found.get().filter(|found| found.folders == folders) {
            return Ok(found.program.clone());
        }
        let program = find_git::find(self.search.as_deref(), &[&folders[0], &folders[1]])?;
        // Another thread may have found it meanwhile.
        let _ = self.found.set(FoundProgram { folders, program: program.clone() });
        Ok(program)
    }

    fn output(&self, command: Command, input: &str) -> Result<Vec<u8>, String> {
        self.output_up_to(command, input, OUTPUT_LIMIT)
    }

    /// Returns up to `most` bytes of git's output.
    pub(super) fn output_up_to(&self, command: Command, input: &str, most: u64) -> Result<Vec<u8>, String> {
        self.start(command, input, most)?.finish()
    }

    /// Starts git in the background, and reads up to `most` bytes of its output.
    pub(super) fn start(&self, command: Command, input: &str, most: u64) -> Result<RunningQuery, String> {
        RunningQuery::start(command, input, QueryLimits { time: self.limit(), output: most })
    }

    /// Returns the time limit of the next query.
    pub(super) fn limit(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map_or(self.limit, |left| left.min(self.limit))
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
