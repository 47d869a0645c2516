//! Every command that calls Railway.

use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::run::NEW_VALUE;

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
            Setup::EnvFile | Setup::Repository | Setup::Configured | Setup::AfterFix => "",
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

/// All of them. `demo` calls only the simulated Railway in its own process.
pub(crate) const COMMANDS: [CommandCase; 30] = [
    command("check", &["check"], 1, ErrorFormat::Text),
    command("check for programs", &["check", "--format", "json"], 1, ErrorFormat::Json),
    command("baseline", &["check", "--baseline=known.toml", "--write-baseline"], 0, ErrorFormat::Text),
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
