//! The columns: every verb that talks to Railway.

/// A verb, and how it ends where nothing goes wrong.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// What is typed; `RUN` stands for the run that is undone.
    pub(crate) words: &'static [&'static str],
    /// The exit code where nothing goes wrong.
    pub(crate) as_ever: i32,
    pub(crate) speech: Speech,
    pub(crate) place: Place,
}

/// How it tells of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// In three lines.
    Lines,
    /// In three lines, below what it saw on the way.
    LinesBelow,
    /// In one line of JSON.
    Json,
    /// In one warning: it is not worth a stopped commit.
    Warning,
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside a `.env`.
    Folder,
    /// In a git repository.
    Repository,
    /// Beside a `doctor.toml` that names the project.
    Configured,
    /// After a fix.
    Fixed,
    /// With a keyring, and a token on standard input.
    Keyring,
}

const fn column(name: &'static str, words: &'static [&'static str], as_ever: i32, speech: Speech) -> Column {
    Column { name, words, as_ever, speech, place: Place::Folder }
}

/// All of them. `demo` talks to nobody.
pub(crate) const COLUMNS: [Column; 17] = [
    column("check", &["check"], 1, Speech::Lines),
    column("check for programs", &["check", "--format", "json"], 1, Speech::Json),
    column("matrix", &["matrix"], 1, Speech::Lines),
    column("push", &["fix", "--push", "--yes", "--only", "API_KEY"], 0, Speech::Lines),
    // What runs is old as before.
    column("pull", &["fix", "--pull", "--yes", "--only", "API_KEY", "--format=json"], 1, Speech::Json),
    column("redeploy", &["fix", "--redeploy", "--yes"], 1, Speech::Lines),
    // What else differs is left.
    column("start command", &["fix", "--start-command=web --now", "--service=api", "--yes"], 1, Speech::Lines),
    column("dry run", &["fix", "--push", "--dry-run", "--format=json"], 1, Speech::Json),
    Column { place: Place::Fixed, ..column("undo", &["undo", "RUN", "--yes"], 0, Speech::Lines) },
    Column {
        place: Place::Fixed,
        ..column("undo, dry run", &["undo", "RUN", "--dry-run", "--format=json"], 1, Speech::Json)
    },
    column("init", &["init", "--yes"], 0, Speech::Lines),
    column("auth status", &["auth", "status"], 0, Speech::LinesBelow),
    column("auth status for programs", &["auth", "status", "--format", "json"], 0, Speech::Json),
    Column { place: Place::Keyring, ..column("auth login", &["auth", "login"], 0, Speech::Lines) },
    Column { place: Place::Repository, ..column("hook", &["hook", "run"], 1, Speech::Warning) },
    Column { place: Place::Repository, ..column("strict hook", &["hook", "run", "--strict"], 1, Speech::Lines) },
    Column { place: Place::Configured, ..column("trust", &["trust", "--yes"], 0, Speech::Lines) },
];
