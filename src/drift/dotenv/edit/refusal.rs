//! Why a file is left as it is.

/// Why an edit is not made. It names keys, and never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditRefusal {
    /// The key can't be written to a file.
    Name {
        /// The key, as it came.
        key: String,
    },
    /// There is nothing to change.
    Absent {
        /// The key.
        key: String,
    },
    /// There is something already, or the key is to be added twice.
    Present {
        /// The key.
        key: String,
    },
    /// The reader has a flaw on the key's lines.
    Flawed {
        /// The key.
        key: String,
        /// What is wrong with them.
        what: &'static str,
    },
    /// The loaders do not agree about what belongs to the key, so that nothing can be changed for it alone.
    Entangled {
        /// The key.
        key: String,
    },
    /// No way to write the value would be read back.
    Unwritable {
        /// The key.
        key: String,
        /// What it is in the value.
        obstacle: Obstacle,
    },
    /// `sh` would run or expand a part of the value, however it is written there.
    Runs {
        /// The key.
        key: String,
    },
    /// What comes at the end of the file would be swallowed by something that is open there.
    Open,
}

/// What in a value no quoting gets past every loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A NUL byte.
    Nul,
    /// `${…}`.
    Substitution,
    /// A carriage return.
    CarriageReturn,
    /// A backslash at the end.
    LastBackslash,
    /// A single quote together with a double one, a `$` or a backslash.
    Quote,
    /// Something else.
    Other,
}

impl Obstacle {
    /// What it is in this value.
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
            Self::Nul => "it holds a NUL byte, which no environment can hold",
            Self::Substitution => {
                "it holds `${…}`, in the place of which python-dotenv puts a variable, however quoted"
            }
            Self::CarriageReturn => "it holds a carriage return, which the loaders read differently, however quoted",
            Self::LastBackslash => "it ends in a backslash, which the loaders read differently, however quoted",
            Self::Quote => {
                "it holds a single quote together with a `\"`, `$`, `` ` `` or backslash, for which no quoting serves"
            }
            Self::Other => "no quoting of it is read alike by all loaders",
        }
    }
}

impl EditRefusal {
    /// The sentence for a person, without full stop. A key in it is as it came from outside.
    pub fn sentence(&self) -> String {
        match self {
            Self::Name { key } => {
                format!("{key} can't be written to a file: a name has letters, digits and underscores, no digit first")
            }
            Self::Absent { key } => format!("{key} is not in the file"),
            Self::Present { key } => format!("{key} is in the file already"),
            Self::Flawed { key, what } => format!("the line of {key} has to be mended by hand first: {what}"),
            Self::Entangled { key } => {
                format!("the loaders do not agree which part of the file belongs to {key}: mend it by hand first")
            }
            Self::Unwritable { key, obstacle } => {
                format!("the value of {key} can't be written so that it is read back: {}", obstacle.description())
            }
            Self::Runs { key } => {
                format!("the value of {key} can't be written there: `sh` would run or expand a part of it")
            }
            Self::Open => {
                "a quote is open at the end of the file and would swallow what is added: close it first".to_owned()
            }
        }
    }
}
