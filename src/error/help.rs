//! What to do about an error.

use std::borrow::Cow;
use std::fmt;

/// A sentence, and the command to copy if one command does it.
///
/// The two are kept apart, so that a line break in a name can't turn the rest of a sentence into a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// Ends with a colon if a command follows.
    pub text: Cow<'static, str>,
    /// As it is typed in a shell.
    pub command: Option<String>,
}

impl Help {
    /// Returns a sentence that ends with a colon, and the command that follows it.
    pub fn command(text: impl Into<Cow<'static, str>>, command: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()) }
    }

    /// Returns the command alone.
    pub fn run(command: impl Into<String>) -> Self {
        Self::command("run:", command)
    }
}

impl From<&'static str> for Help {
    fn from(text: &'static str) -> Self {
        Self { text: text.into(), command: None }
    }
}

impl From<String> for Help {
    fn from(text: String) -> Self {
        Self { text: text.into(), command: None }
    }
}

/// In one line, with the command between backticks.
impl fmt::Display for Help {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(formatter, "{} `{command}`", self.text),
            None => formatter.write_str(&self.text),
        }
    }
}
