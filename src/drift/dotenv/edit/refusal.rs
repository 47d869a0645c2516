//! Why an edit of a `.env` file is refused.

/// Why an edit is refused. It contains keys but never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditRefusal {
    /// The key is not a valid name.
    Name {
        /// The key, as given.
        key: String,
    },
    /// The file does not have the key.
    Absent { key: String },
    /// The file already has the key, or the key is added twice.
    Present { key: String },
    /// The key's lines have a problem.
    Flawed {
        key: String,
        /// The problem.
        what: &'static str,
    },
    /// Loaders disagree about which text belongs to the key, so that no edit changes only this key.
    Entangled { key: String },
    /// However the value is quoted, it would not be read back unchanged.
    Unwritable {
        key: String,
        /// What in the value prevents it.
        obstacle: Obstacle,
    },
    /// `sh` would run or expand part of the value, however it is quoted.
    Runs { key: String },
    /// The file ends inside an open quote, so that added lines would become part of that value.
    Open,
}

/// What in a value can't be quoted in a way that every loader reads the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A NUL byte.
    Nul,
    /// `${…}`.
    Substitution,
    CarriageReturn,
    /// A backslash at the end.
    LastBackslash,
    /// A single quote together with a double quote, `$`, backtick or backslash.
    Quote,
    Other,
}

impl Obstacle {
    /// Finds the obstacle in a value.
    pub fn of(value: &str) -> Self {
        if value.contains('\0') {
            Self::Nul
        } else if value.contains("${") {
            Self::Substitution
        } else if value.contains('\r') {
            Self::CarriageReturn
        } else if value.ends_with('\\') {
            Self::LastBackslash
        } else if value.contains('\'') && value.contains(['"', '$', '\\', '`']) {
            Self::Quote
        } else {
            Self::Other
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Nul => "it contains a NUL byte, which an environment variable can't contain",
            Self::Substitution => "it contains `${…}`, which python-dotenv expands however it is quoted",
            Self::CarriageReturn => {
                "it contains a carriage return, which loaders read differently however it is quoted"
            }
            Self::LastBackslash => "it ends in a backslash, which loaders read differently however it is quoted",
            Self::Quote => {
                "it contains a single quote and a `\"`, `$`, `` ` `` or backslash, which no quoting supports together"
            }
            Self::Other => "loaders read it differently however it is quoted",
        }
    }
}

impl EditRefusal {
    /// Returns the reason as a short phrase for a list of keys. It does not contain the key.
    pub fn reason(&self) -> String {
        let reason = match self {
            Self::Name { .. } => "its name has characters other than letters, digits and underscores",
            Self::Absent { .. } => "missing from the file",
            Self::Present { .. } => "already in the file",
            Self::Flawed { what, .. } => what,
            Self::Entangled { .. } => "loaders disagree about which text belongs to it",
            Self::Unwritable { obstacle: Obstacle::Nul, .. } => "the value contains a NUL byte",
            Self::Unwritable { .. } => "no quoting that every loader reads back",
            Self::Runs { .. } => "sh would run or expand part of the value",
            Self::Open => "the file ends inside an open quote",
        };
        reason.to_owned()
    }

    /// Returns the message, without a full stop. Keys in it are not escaped: they are as read from a file or from
    /// Railway.
    pub fn message(&self) -> String {
        match self {
            Self::Name { key } => {
                format!("invalid key {key}: use letters, digits and underscores, and start with a letter or underscore")
            }
            Self::Absent { key } => format!("{key} is missing from the file"),
            Self::Present { key } => format!("{key} is already in the file"),
            Self::Flawed { key, what } => format!("fix the line of {key} by hand first: {what}"),
            Self::Entangled { key } => {
                format!("loaders disagree about which text belongs to {key}: fix it by hand first")
            }
            Self::Unwritable { key, obstacle } => {
                format!("the value of {key} would not be read back unchanged: {}", obstacle.description())
            }
            Self::Runs { key } => {
                format!("the value of {key} can't be written safely: `sh` would run or expand part of it")
            }
            Self::Open => "the file ends inside an open quote: close it first".to_owned(),
        }
    }
}
