//! Every command with each of its flags.

use crate::leaks::fixture::Scenario;

/// A command with its flags.
pub(crate) struct LeakCase {
    /// The arguments; `RUN` stands for the id of the last recorded run.
    pub(crate) args: &'static [&'static str],
    pub(crate) scenario: Scenario,
    /// The exit code, in every format.
    pub(crate) code: i32,
    pub(crate) options: OutputOptions,
    pub(crate) preceding: Preceding,
}

/// With which formats and verbosities a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputOptions {
    AllPairs,
    /// Every format and every verbosity, but not every pair: the output is built in the same way.
    EachOnce,
    /// Text and two other formats, which differ from case to case. Another case of the command has every format.
    Three,
    /// Only the defaults: the output contains no values.
    Defaults,
}

/// What precedes the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preceding {
    Nothing,
    Fix,
}

const fn case(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { args, scenario: Scenario::Drift, code, options: OutputOptions::Three, preceding: Preceding::Nothing }
}

const fn each_once(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { options: OutputOptions::EachOnce, ..case(args, code) }
}

const fn all_pairs(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { options: OutputOptions::AllPairs, ..case(args, code) }
}

const fn defaults(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { options: OutputOptions::Defaults, ..case(args, code) }
}

const fn in_sync(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { scenario: Scenario::InSync, ..case(args, code) }
}

const fn failing(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { scenario: Scenario::FailingDeployments, ..case(args, code) }
}

const fn after_fix(args: &'static [&'static str], code: i32) -> LeakCase {
    LeakCase { preceding: Preceding::Fix, ..case(args, code) }
}

pub(crate) const CASES: &[LeakCase] = &[
    all_pairs(&["check"], 1),
    case(
        &[
            "check",
            "--project=shop",
            "--environment=staging",
            "--service=api",
            "--env-file=.env",
            "--only=API_KEY",
            "--fail-on=never",
            "--timeout=20s",
            "--config=doctor.toml",
        ],
        0,
    ),
    defaults(&["check", "--no-config"], 1),
    in_sync(&["check"], 0),
    case(&["check", "--show-logs", "--output=report"], 1),
    defaults(&["check", "--show-values"], 2),
    case(&["check", "--baseline=known.toml", "--write-baseline"], 0),
    case(&["check", "--baseline=known.toml", "--new-only"], 2),
    all_pairs(&["matrix"], 1),
    in_sync(&["matrix", "--output=report"], 0),
    case(
        &[
            "matrix",
            "--project=shop",
            "--environment=staging",
            "--service=api",
            "--env-file=.env",
            "--only=API_KEY",
            "--fail-on=never",
            "--timeout=20s",
        ],
        0,
    ),
    all_pairs(&["compare", "staging", "production"], 1),
    case(&["compare", "production", "staging", "--output=report", "--token=production=PRODUCTION_TOKEN"], 1),
    // Values of production are also read, so they are not shown either.
    case(&["compare", "pr-7", "staging"], 1),
    defaults(&["compare", "pr-7", "staging", "--show-values"], 2),
    in_sync(&["compare", "staging", "production"], 0),
    case(
        &[
            "compare",
            "staging",
            "production",
            "--project=shop",
            "--service=api",
            "--only=API_KEY",
            "--fail-on=never",
            "--timeout=20s",
        ],
        0,
    ),
    case(&["compare", "staging", "production", "--only=API_KEY=mark4711-local"], 2),
    case(&["compare", "staging", "production", "--token=production=mark4711-token"], 2),
    case(&["compare", "staging", "production", "--token=mark4711-token"], 2),
    case(&["compare", "staging", "production", "--token=mark4711-token=PRODUCTION_TOKEN"], 2),
    defaults(&["compare", "staging", "production", "--show-values"], 2),
    all_pairs(&["trace", "API_KEY", "--from=api"], 0),
    // It is in a URL and in JSON, too.
    case(&["trace", "API_KEY", "--output=report"], 0),
    case(
        &[
            "trace",
            "API_KEY",
            "--project=shop",
            "--environment=staging",
            "--service=api",
            "--env-file=.env",
            "--timeout=20s",
        ],
        0,
    ),
    case(&["trace", "API_KEY", "--from=worker", "--everywhere", "--yes"], 0),
    case(&["trace", "ODD", "--from=api"], 0),
    case(&["trace", "LINES", "--from=api"], 0),
    case(&["trace", "SHARED", "--service=api"], 0),
    case(&["trace", "SEALED_LIVE", "--environment=production"], 3),
    case(&["trace", "API_KEY=mark4711-local"], 2),
    case(&["trace", "mark4711Zx9Kq2Lm8Vb4Tn7Ws1Rc5Yd3"], 2),
    each_once(&["rotate", "API_KEY", "--from=api", "--stdin", "--yes"], 6),
    case(&["rotate", "API_KEY", "--from=api", "--stdin", "--yes", "--all-copies", "--output=report"], 0),
    each_once(&["rotate", "API_KEY", "--from=api", "--stdin", "--dry-run", "--keep-old-as=OLD_KEY"], 1),
    // The worker does not log the declared line.
    case(&["rotate", "MODE", "--stdin", "--yes", "--allow-tracked", "--no-journal", "--show-logs"], 7),
    case(&["rotate", "API_KEY", "--from=api", "--stdin"], 2),
    case(
        &[
            "rotate",
            "API_KEY",
            "--project=shop",
            "--environment=staging",
            "--service=api",
            "--env-file=.env",
            "--from=api",
            "--generate=hex:32",
            "--allow-sealed=API_KEY",
            "--on-staged=ignore",
            "--timeout=1m",
            "--dry-run",
        ],
        1,
    ),
    case(&["rotate", "API_KEY", "--stdin", "--yes"], 2),
    case(&["rotate", "API_KEY=mark4711-local", "--stdin", "--yes"], 2),
    case(&["rotate", "API_KEY", "--keep-old-as=API_KEY=mark4711-local", "--stdin", "--yes"], 2),
    case(&["rotate", "API_KEY", "--allow-sealed=API_KEY=mark4711-local", "--stdin", "--yes"], 2),
    failing(&["rotate", "API_KEY", "--from=api", "--stdin", "--yes", "--all-copies", "--show-logs"], 7),
    LeakCase {
        options: OutputOptions::Defaults,
        ..failing(&["rotate", "API_KEY", "--from=api", "--stdin", "--yes", "--all-copies"], 7)
    },
    in_sync(&["fix", "--hoist=API_KEY", "--yes"], 0),
    in_sync(&["fix", "--hoist=API_KEY", "--dry-run"], 1),
    case(&["fix", "--hoist=API_KEY", "--yes"], 2),
    case(&["fix", "--hoist=API_KEY=mark4711-local", "--yes"], 2),
    case(&["fix"], 2),
    each_once(&["fix", "--push", "--yes", "--only=API_KEY", "--only=LINES", "--only=ODD", "--only=MISSING_KEY"], 7),
    case(&["fix", "--add", "--yes", "--only=MISSING_KEY", "--service=api"], 0),
    case(&["fix", "--push", "--yes", "--only=LONG_SECRET", "--no-deploy", "--no-journal"], 1),
    defaults(&["fix", "--push", "--yes", "--only=API_KEY", "--show-values"], 2),
    case(&["fix", "--push", "--dry-run", "--output=report"], 1),
    case(
        &[
            "fix",
            "--project=shop",
            "--environment=staging",
            "--env-file=.env",
            "--push",
            "--only=REFERENCE",
            "--only=SEALED",
            "--allow-reference=REFERENCE",
            "--allow-sealed=SEALED",
            "--allow-shared=SHARED",
            "--on-staged=ignore",
            "--fail-on=never",
            "--timeout=1m",
            "--dry-run",
        ],
        1,
    ),
    case(&["fix", "--pull", "--yes"], 1),
    case(&["fix", "--pull", "--yes", "--allow-tracked"], 1),
    case(&["fix", "--redeploy", "--yes", "--dependents"], 7),
    case(&["fix", "--push", "--prune", "--only=API_KEY", "--dry-run"], 1),
    case(&["fix", "--start-command=web --now", "--service=api", "--yes"], 1),
    case(&["fix", "--start-command=web --now", "--service=api", "--push", "--dry-run"], 1),
    in_sync(&["fix", "--push", "--yes"], 0),
    failing(&["fix", "--push", "--yes", "--only=API_KEY", "--show-logs"], 7),
    LeakCase { options: OutputOptions::Defaults, ..failing(&["fix", "--push", "--yes", "--only=API_KEY"], 7) },
    after_fix(&["undo", "--list"], 0),
    after_fix(&["undo", "RUN", "--dry-run"], 1),
    LeakCase {
        options: OutputOptions::Defaults,
        ..after_fix(
            &[
                "undo",
                "RUN",
                "--project=shop",
                "--environment=staging",
                "--on-staged=ignore",
                "--fail-on=never",
                "--timeout=1m",
                "--dry-run",
            ],
            1,
        )
    },
    LeakCase { options: OutputOptions::Defaults, ..after_fix(&["undo", "RUN", "--yes", "--show-values"], 2) },
    LeakCase { options: OutputOptions::EachOnce, ..after_fix(&["undo", "RUN", "--yes"], 0) },
    after_fix(&["undo", "RUN", "--yes", "--output=report"], 0),
    LeakCase {
        options: OutputOptions::Defaults,
        ..after_fix(&["undo", "--yes", "--no-deploy", "--no-journal", "--show-logs"], 0)
    },
    LeakCase {
        options: OutputOptions::Defaults,
        ..after_fix(&["undo", "RUN", "--yes", "--allow-tracked", "--no-deploy"], 0)
    },
    defaults(&["undo"], 2),
    each_once(&["pull", "--yes", "--output=new.env"], 1),
    case(&["pull", "--dry-run", "--output=new.env"], 1),
    defaults(&["pull", "--yes"], 2),
    defaults(
        &[
            "pull",
            "--project=shop",
            "--environment=staging",
            "--service=api",
            "--timeout=20s",
            "--dry-run",
            "--output=new.env",
        ],
        1,
    ),
    LeakCase { scenario: Scenario::DriftWithoutConfig, ..each_once(&["init", "--yes"], 0) },
    LeakCase {
        scenario: Scenario::DriftWithoutConfig,
        ..defaults(
            &[
                "init",
                "--project=shop",
                "--environment=staging",
                "--service=api",
                "--env-file=.env",
                "--timeout=20s",
                "--yes",
            ],
            0,
        )
    },
    defaults(&["trust", "--yes", "--timeout=20s"], 0),
    case(&["hook", "run", "--strict"], 1),
    in_sync(&["hook", "run"], 0),
    defaults(
        &["hook", "run", "--project=shop", "--environment=staging", "--service=api", "--env-file=.env", "--timeout=3s"],
        1,
    ),
    case(&["hook", "run", "--no-env-file"], 1),
    case(&["matrix", "--no-env-file"], 1),
    case(&["fix", "--redeploy", "--yes", "--no-env-file"], 7),
    case(&["check", "--no-env-file"], 1),
    defaults(&["hook", "install"], 0),
    defaults(&["hook", "install", "--yes"], 0),
    defaults(&["hook", "uninstall"], 0),
    each_once(&["hook", "status"], 1),
    each_once(&["auth", "status"], 0),
    defaults(&["auth", "status", "--project=shop", "--environment=staging", "--timeout=20s"], 0),
    defaults(&["auth", "login"], 4),
    defaults(&["auth", "logout"], 4),
    each_once(&["explain"], 0),
    defaults(&["explain", "value-differs"], 0),
    case(&["explain", "nothing"], 2),
    defaults(&["schema", "report"], 0),
    defaults(&["completions", "bash"], 0),
    defaults(&["man"], 0),
    defaults(&["demo"], 0),
    defaults(&["demo", "check"], 1),
    defaults(&["demo", "matrix"], 1),
    defaults(&["demo", "compare"], 1),
    defaults(&["demo", "trace"], 0),
    defaults(&["demo", "rotate"], 0),
    defaults(&["demo", "rotate", "--generate=hex:32", "--yes"], 6),
    defaults(&["demo", "fix", "--push", "--redeploy", "--yes"], 7),
    defaults(&["demo", "undo", "--list"], 0),
    defaults(&["demo", "pull", "--yes"], 1),
];
