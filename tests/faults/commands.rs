//! Every command that calls Railway. A test fails for a command that is neither here nor in [`WITHOUT_REQUESTS`].

use clap::CommandFactory;
use railway_doctor::cli::Cli;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::fixture::normal_responses;
use crate::run::{NEW_VALUE, Sandbox, Watch, shop};
use crate::server::{Backend, Server};

/// A command, and how it ends without a fault.
pub(crate) struct CommandCase {
    pub(crate) name: &'static str,
    /// The arguments; `RUN` stands for the id of the run to undo.
    pub(crate) args: &'static [&'static str],
    /// The exit code without a fault.
    pub(crate) exit_code: i32,
    pub(crate) error_format: ErrorFormat,
    pub(crate) setup: Setup,
}

/// How the command reports an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorFormat {
    Text,
    /// As text, after normal output.
    TextAfterOutput,
    /// As one line of JSON.
    Json,
    /// As one warning: an unreachable Railway does not block a commit.
    Warning,
}

/// What the working directory contains, and other conditions of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Only a `.env`.
    EnvFile,
    /// A git repository.
    Repository,
    /// A `doctor.toml` that names the project.
    Configured,
    /// A `doctor.toml` that requires the keys, and a baseline with the present findings.
    Declared,
    /// The journal of a fix.
    AfterFix,
    /// A keyring, and a token on standard input.
    Keyring,
    /// A new value on standard input.
    NewValue,
}

impl CommandCase {
    /// The text on standard input.
    pub(crate) fn input(&self) -> &'static str {
        match self.setup {
            Setup::Keyring => ACCOUNT_TOKEN,
            Setup::NewValue => NEW_VALUE,
            Setup::EnvFile | Setup::Repository | Setup::Configured | Setup::Declared | Setup::AfterFix => "",
        }
    }
}

const fn command(
    name: &'static str,
    args: &'static [&'static str],
    exit_code: i32,
    error_format: ErrorFormat,
) -> CommandCase {
    CommandCase { name, args, exit_code, error_format, setup: Setup::EnvFile }
}

/// One client for each environment.
const COMPARE_WITH_TWO_TOKENS: &[&str] =
    &["compare", "staging", "production", "--token=production=PRODUCTION_TOKEN", "--format=json"];

/// Replaces the value that both services have. The file has another one.
const ROTATE: &[&str] = &["rotate", "API_KEY", "--from=api", "--stdin", "--yes"];

/// Replaces a value that the file and both services have.
const ROTATE_WITH_FILE: &[&str] = &["rotate", "MODE", "--stdin", "--yes", "--all-copies", "--format=json"];

const ROTATE_DRY_RUN: &[&str] = &[
    "rotate",
    "API_KEY",
    "--from=api",
    "--generate=hex:32",
    "--keep-old-as=API_KEY_OLD",
    "--dry-run",
    "--format=json",
];

/// All of them.
pub(crate) const COMMANDS: [CommandCase; 32] = [
    command("check", &["check"], 1, ErrorFormat::Text),
    command("check for programs", &["check", "--format", "json"], 1, ErrorFormat::Json),
    command("baseline", &["check", "--baseline=known.toml", "--write-baseline"], 0, ErrorFormat::Text),
    CommandCase {
        setup: Setup::Declared,
        ..command("known findings", &["check", "--baseline=known.toml", "--new-only"], 0, ErrorFormat::Text)
    },
    CommandCase {
        setup: Setup::Declared,
        ..command("check without a file", &["check", "--no-env-file"], 1, ErrorFormat::Text)
    },
    command("matrix", &["matrix"], 1, ErrorFormat::Text),
    command("compare", &["compare", "staging", "production"], 1, ErrorFormat::Text),
    command("compare with two tokens", COMPARE_WITH_TWO_TOKENS, 1, ErrorFormat::Json),
    command("trace", &["trace", "API_KEY"], 0, ErrorFormat::Text),
    command("trace for programs", &["trace", "API_KEY", "--from=api", "--format=json"], 0, ErrorFormat::Json),
    command("trace everywhere", &["trace", "API_KEY", "--from=api", "--everywhere", "--yes"], 0, ErrorFormat::Text),
    CommandCase { setup: Setup::NewValue, ..command("rotate", ROTATE, 0, ErrorFormat::Text) },
    CommandCase { setup: Setup::NewValue, ..command("rotate with a file", ROTATE_WITH_FILE, 0, ErrorFormat::Json) },
    command("rotate, dry run", ROTATE_DRY_RUN, 1, ErrorFormat::Json),
    // The file has another value.
    command("hoist", &["fix", "--hoist=API_KEY", "--yes"], 1, ErrorFormat::Text),
    command("hoist, dry run", &["fix", "--hoist=API_KEY", "--dry-run", "--format=json"], 1, ErrorFormat::Json),
    command("push", &["fix", "--push", "--yes", "--only", "API_KEY"], 0, ErrorFormat::Text),
    // The deployments still have the old values.
    command("pull", &["fix", "--pull", "--yes", "--only", "API_KEY", "--format=json"], 1, ErrorFormat::Json),
    command("redeploy", &["fix", "--redeploy", "--yes"], 1, ErrorFormat::Text),
    // Other differences remain.
    command("start command", &["fix", "--start-command=web --now", "--service=api", "--yes"], 1, ErrorFormat::Text),
    command("dry run", &["fix", "--push", "--dry-run", "--format=json"], 1, ErrorFormat::Json),
    CommandCase { setup: Setup::AfterFix, ..command("undo", &["undo", "RUN", "--yes"], 0, ErrorFormat::Text) },
    CommandCase {
        setup: Setup::AfterFix,
        ..command("undo, dry run", &["undo", "RUN", "--dry-run", "--format=json"], 1, ErrorFormat::Json)
    },
    command("new file", &["pull", "--yes", "--output=new.env"], 0, ErrorFormat::Text),
    command("new file for programs", &["pull", "--dry-run", "--output=new.env", "--format=json"], 1, ErrorFormat::Json),
    command("init", &["init", "--yes"], 0, ErrorFormat::Text),
    command("auth status", &["auth", "status"], 0, ErrorFormat::TextAfterOutput),
    command("auth status for programs", &["auth", "status", "--format", "json"], 0, ErrorFormat::Json),
    CommandCase { setup: Setup::Keyring, ..command("auth login", &["auth", "login"], 0, ErrorFormat::Text) },
    CommandCase { setup: Setup::Repository, ..command("hook", &["hook", "run"], 1, ErrorFormat::Warning) },
    CommandCase {
        setup: Setup::Repository,
        ..command("strict hook", &["hook", "run", "--strict"], 1, ErrorFormat::Text)
    },
    CommandCase { setup: Setup::Configured, ..command("trust", &["trust", "--yes"], 0, ErrorFormat::Text) },
];

/// The commands that send no request, and why.
const WITHOUT_REQUESTS: [(&[&str], &str); 17] = [
    (&["auth", "logout"], "it removes stored tokens, which remain valid"),
    (&["completions", "bash"], "it prints a script"),
    (&["demo"], "it calls only the simulated Railway in its own process"),
    (&["demo", "check"], "as above"),
    (&["demo", "compare"], "as above"),
    (&["demo", "fix", "--dry-run"], "as above"),
    (&["demo", "matrix"], "as above"),
    (&["demo", "pull", "--dry-run"], "as above"),
    (&["demo", "rotate", "--generate=uuid", "--dry-run"], "as above"),
    (&["demo", "trace"], "as above"),
    (&["demo", "undo", "--list"], "as above"),
    (&["explain"], "it prints texts about rules"),
    (&["hook", "install"], "it writes a file of git"),
    (&["hook", "status"], "it reads files of git"),
    (&["hook", "uninstall"], "it removes a file of git"),
    (&["man"], "it prints a manual page"),
    (&["schema"], "it prints a JSON Schema"),
];

/// The names of all commands, such as `["hook", "run"]`.
fn all_commands() -> Vec<Vec<String>> {
    let (mut found, mut open) = (Vec::new(), vec![(Vec::new(), Cli::command())]);
    while let Some((path, command)) = open.pop() {
        for below in command.get_subcommands() {
            open.push(([&path[..], &[below.get_name().to_owned()]].concat(), below.clone()));
        }
        if !path.is_empty() && !command.is_subcommand_required_set() {
            found.push(path);
        }
    }
    found
}

/// Whether arguments start with the name of a command, and do not continue with one of its subcommands.
fn is_call_of(args: &[&str], command: &[String], all: &[Vec<String>]) -> bool {
    let starts_with =
        |name: &[String]| args.len() >= name.len() && args.iter().zip(name).all(|(arg, part)| arg == part);
    let is_longer = |other: &&Vec<String>| other.len() > command.len() && starts_with(other);
    starts_with(command) && all.iter().find(is_longer).is_none()
}

#[test]
fn every_command_has_faults_or_sends_no_request() {
    let all = all_commands();
    for command in &all {
        let is_call = |args: &[&str]| is_call_of(args, command, &all);
        let (is_tested, is_exempt) =
            (COMMANDS.iter().any(|case| is_call(case.args)), WITHOUT_REQUESTS.iter().any(|(args, _)| is_call(args)));
        assert!(is_tested || is_exempt, "add `doctor {}` to COMMANDS or to WITHOUT_REQUESTS", command.join(" "));
        assert!(!(is_tested && is_exempt), "`doctor {}` is in COMMANDS and in WITHOUT_REQUESTS", command.join(" "));
    }
}

#[test]
fn commands_without_requests_send_none() {
    let server = Server::plain();
    for (args, reason) in WITHOUT_REQUESTS {
        let backend = Backend::new(Sim::new(shop("mark4711-stored")), normal_responses());
        let (url, backend) = server.serve("without-requests", backend);
        let sandbox = Sandbox::new();
        // The demo refuses `--api-url`.
        let address = if args[0] == "demo" { Vec::new() } else { vec!["--api-url", &url] };
        let output = sandbox.run(&[args, &address].concat(), "", Watch::Nothing);
        assert!(backend.requests().is_empty(), "`doctor {}`: {reason}: {:?}", args.join(" "), backend.requests());
        assert!(output.code.is_some_and(|code| code < 5), "{output:#?}");
    }
}
