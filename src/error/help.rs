//! What to do about an error.

use std::borrow::Cow;
use std::fmt;

/// A sentence, and the commands or lines to copy.
///
/// They are kept apart, so that neither a line break nor a backtick in a name can turn a part of a sentence into a
/// command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// Ends with a colon if commands follow.
    pub text: Cow<'static, str>,
    /// As they are typed in a shell, in the order in which to run them.
    pub commands: Vec<String>,
    /// What to add to a file by hand.
    pub addition: Option<Box<Addition>>,
}

/// Lines to add to a file by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition(Vec<String>);

impl Help {
    /// Returns a sentence that ends with a colon, and the command that follows it.
    pub fn command(text: impl Into<Cow<'static, str>>, command: impl Into<String>) -> Self {
        Self::commands(text, vec![command.into()])
    }

    /// Returns a sentence that ends with a colon, and the commands that follow it.
    pub fn commands(text: impl Into<Cow<'static, str>>, commands: Vec<String>) -> Self {
        Self { text: text.into(), commands, addition: None }
    }

    /// Returns a sentence that ends with a colon, and the text to add to a file.
    pub fn addition(text: impl Into<Cow<'static, str>>, added: &str) -> Self {
        let lines = added.trim_end().lines().map(ToOwned::to_owned).collect();
        Self { addition: Some(Box::new(Addition(lines))), ..Self::commands(text, Vec::new()) }
    }

    /// Returns the lines to add to a file.
    pub fn lines(&self) -> &[String] {
        self.addition.as_ref().map_or(&[], |addition| &addition.0)
    }

    /// Returns the command alone.
    pub fn run(command: impl Into<String>) -> Self {
        Self::command("run:", command)
    }
}

impl From<&'static str> for Help {
    fn from(text: &'static str) -> Self {
        Self::commands(text, Vec::new())
    }
}

impl From<String> for Help {
    fn from(text: String) -> Self {
        Self::commands(text, Vec::new())
    }
}

/// In one line, with the commands between backticks. Lines to add to a file follow, each on a separate line.
impl fmt::Display for Help {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        for (index, command) in self.commands.iter().enumerate() {
            write!(formatter, "{} `{command}`", if index == 0 { "" } else { "," })?;
        }
        for line in self.lines() {
            write!(formatter, "\n{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Help;

    #[test]
    fn line_has_commands_between_backticks() {
        assert_eq!(Help::from("try again").to_string(), "try again");
        assert_eq!(Help::run("doctor init").to_string(), "run: `doctor init`");
        let two = ["doctor fix --pull", "doctor fix --redeploy"].map(str::to_owned);
        let help = Help::commands("run in this order:", two.into());
        assert_eq!(help.to_string(), "run in this order: `doctor fix --pull`, `doctor fix --redeploy`");
        let help = Help::addition("add by hand:", "[[ignore]]\nkeys = [\"A\"]\n");
        assert_eq!(help.to_string(), "add by hand:\n[[ignore]]\nkeys = [\"A\"]");
    }
}
