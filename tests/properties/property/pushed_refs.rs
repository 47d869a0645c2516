//! Any bytes on the standard input of a `pre-push` hook: each commit that a line names is searched, or the run reports
//! that it could not check the push. Nothing of the input becomes an option of git.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::Estate;
use serde_json::Value;

use super::sandbox::{RunOutput, Sandbox};

/// Three commits: the second one adds a value of `.env`, the third one removes it. The remote has the first one.
const HISTORY: &str = r#"commit refs/heads/main
mark :1
committer A <a@example.com> 1700000000 +0000
data 5
first
M 644 inline readme.md
data 6
hello

commit refs/heads/main
mark :2
committer A <a@example.com> 1700000001 +0000
data 6
second
M 644 inline src/pay.py
data 29
KEY = "kV93xLq0wMn72RbYcJd5"

commit refs/heads/main
mark :3
committer A <a@example.com> 1700000002 +0000
data 5
third
M 644 inline src/pay.py
data 27
KEY = environ["STRIPE_KEY"]

reset refs/remotes/origin/main
from :1

"#;

const ENV_FILE: &[u8] = b"STRIPE_KEY=kV93xLq0wMn72RbYcJd5\n";

/// The names of the commits.
const FIRST: &str = "579448ecf1b67b8d4389b940bda54e66e17ac3fa";
const SECOND: &str = "a912ee54620ae8085441cdaff92f693c154cb380";
const THIRD: &str = "01fc572a0c9d3b495a68d09289e0424218ea636d";

/// The message about an input that is not a list of pushed refs.
const UNCHECKED: &str = "could not check the pushed commits";

/// Where each process of git records its arguments.
const TRACE: &str = "trace";

/// The input is standard input.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(refs) = text.lines().map(PushedRef::read).collect::<Option<Vec<_>>>() else {
        // Without a repository, which is faster: nothing of the input is used.
        let sandbox = Sandbox::with(&[]).input(data);
        let output = run(&sandbox, &["hook", "run"]);
        assert!(
            output.stderr.contains(&format!("doctor: warning: {UNCHECKED}")),
            "the input is ignored: {}",
            output.stderr
        );
        let output = run(&sandbox, &["hook", "run", "--strict"]);
        assert!(output.code == 2 && output.stderr.contains(UNCHECKED), "the push is not blocked: {}", output.stderr);
        return;
    };
    if refs.is_empty() {
        return;
    }
    let sandbox = repository().input(data);
    let output = run(&sandbox, &["hook", "run"]);
    let options = recorded_options(&sandbox);
    assert!(options.is_subset(known_options()), "{options:?} is passed to git");
    // git fails for a commit that does not exist, which it never pushes.
    let is_searched = !output.stderr.contains("doctor: warning: staged files were not searched");
    // git compares as many digits as the name of an object has, and only zeros may follow them.
    let has = |names: &[&str], name: &str| {
        names.iter().any(|known| known.eq_ignore_ascii_case(&name[..known.len()]) && is_zero(&name[known.len()..]))
    };
    let is_sent = refs.iter().any(|pushed| has(&[SECOND, THIRD], pushed.to));
    let is_known = refs.iter().any(|pushed| has(&[SECOND, THIRD], pushed.from));
    let is_missing = refs.iter().any(|pushed| !has(&[FIRST, SECOND, THIRD], pushed.to) && !is_zero(pushed.to));
    assert!(is_searched || is_missing, "existing commits are not searched: {}", output.stderr);
    if is_searched {
        let is_found = output.code == 1 && output.stdout.contains("src/pay.py");
        assert_eq!(is_found, is_sent && !is_known, "{} {}", output.stdout, output.stderr);
    }
}

/// A line that git writes: `<local ref> <local object> <remote ref> <remote object>`. The local ref is what the user
/// typed, and may contain spaces.
struct PushedRef<'i> {
    to: &'i str,
    from: &'i str,
}

impl<'i> PushedRef<'i> {
    fn read(line: &'i str) -> Option<Self> {
        let (rest, from) = line.rsplit_once(' ')?;
        let (rest, _) = rest.rsplit_once(' ')?;
        let (_, to) = rest.rsplit_once(' ')?;
        [to, from].into_iter().all(is_object).then_some(Self { to, from })
    }
}

fn is_object(name: &str) -> bool {
    [40, 64].contains(&name.len()) && name.chars().all(|digit| digit.is_ascii_hexdigit())
}

fn is_zero(name: &str) -> bool {
    name.chars().all(|digit| digit == '0')
}

fn run(sandbox: &Sandbox, args: &[&str]) -> RunOutput {
    let sim = Sim::new(Estate::of("crew"));
    let connect = || -> Box<dyn Transport> { Box::new(sim.clone()) };
    sandbox.run(args, &connect, &sim)
}

/// A repository with the history, in which each process of git records its arguments.
fn repository() -> Sandbox {
    let sandbox = Sandbox::with(&[]);
    let (work, home) = (sandbox.work(), sandbox.home());
    let search = std::env::var("PATH").unwrap_or_default();
    let git = |args: &[&str], input: &str| {
        let mut command = Command::new("git");
        command.args(args).current_dir(&work).env("HOME", &home).env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
        command.env("GIT_DEFAULT_HASH", "sha1");
        let mut child = command.stdin(Stdio::piped()).spawn().expect("git is installed");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("git reads it");
        drop(stdin);
        assert!(child.wait().is_ok_and(|status| status.success()), "{args:?} fails");
    };
    git(&["init", "--quiet"], "");
    git(&["fast-import", "--quiet"], HISTORY);
    let trace = home.join(TRACE).display().to_string().replace('\\', "/");
    let path = home.join(".gitconfig");
    let sandbox = sandbox.file(&path, format!("[trace2]\neventTarget = \"{trace}\"\n").as_bytes());
    let sandbox = sandbox.variable("HOME", home.display().to_string()).variable("PATH", search);
    sandbox.file(&work.join(".env"), ENV_FILE)
}

/// The options of all processes of git.
fn recorded_options(sandbox: &Sandbox) -> BTreeSet<String> {
    let events = std::fs::read_to_string(sandbox.home().join(TRACE)).expect("git records its arguments");
    let mut options = BTreeSet::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("an event is JSON");
        let arguments = event["argv"].as_array().filter(|_| event["event"] == "start");
        let arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
        options.extend(arguments.filter(|argument| argument.starts_with('-')).map(str::to_owned));
    }
    options
}

/// The options that a commit and a push of new commits pass to git.
fn known_options() -> &'static BTreeSet<String> {
    static OPTIONS: OnceLock<BTreeSet<String>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let push = format!("HEAD {THIRD} refs/heads/main {FIRST}\n");
        let options = ["", &push].map(|input| {
            let sandbox = repository().input(input.as_bytes());
            run(&sandbox, &["hook", "run"]);
            recorded_options(&sandbox)
        });
        options.into_iter().flatten().collect()
    })
}
