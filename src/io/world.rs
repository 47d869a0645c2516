//! All side effects of `doctor` behind one value: `main` passes the real one, tests and `doctor demo` a simulated one.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::drift::model::secret::FingerprintKey;
use crate::error::{Error, STANDARD_OUTPUT};
use crate::io::clock::Clock;
use crate::io::credentials::keyring::Keyring;
use crate::io::debug_log::DebugLog;
use crate::io::endpoint::EndpointClient;
use crate::io::interrupt::Interrupt;
use crate::io::io_error_text::io_error_text;
use crate::io::railway::http::Endpoint;
use crate::io::railway::transport::Transport;
use crate::io::terminal::prompt::Prompter;
use crate::io::terminal::status::StatusOutput;
use crate::io::terminal::stream::Terminal;
use crate::io::terminal::workflow_commands;

/// Creates the transport to an endpoint.
pub type Connect<'w> = dyn Fn(&Endpoint) -> Result<Box<dyn Transport>, Error> + 'w;

pub struct World<'w> {
    /// Standard output, for results only.
    pub out: &'w mut dyn Write,
    /// Standard error: status messages and progress.
    pub status: &'w dyn StatusOutput,
    /// Prompts for the user; [`crate::io::terminal::prompt::can_ask`] decides whether they can be used.
    pub prompt: &'w dyn Prompter,
    pub interrupt: &'w Interrupt,
    /// The kinds of the streams.
    pub terminal: Terminal,
    /// The process environment, without names and values that are not UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub directory: PathBuf,
    /// The home directory, which contains the Railway CLI's file.
    pub home: Option<PathBuf>,
    /// The state directory, which may not exist.
    pub state: Option<PathBuf>,
    /// The cache directory, which may not exist.
    pub cache: Option<PathBuf>,
    /// Whether the next run can read the state of this one.
    pub memory: WorldLifetime,
    pub keyring: &'w dyn Keyring,
    pub clock: &'w dyn Clock,
    /// Connects to Railway.
    pub connect: &'w Connect<'w>,
    /// Sends requests to the services themselves.
    pub probe: &'w dyn EndpointClient,
    /// The file of `--debug-api`, after it was created.
    pub debug_log: Option<Arc<DebugLog>>,
    /// The key of this run's fingerprints.
    pub fingerprints: FingerprintKey,
    /// The start of every printed command: `["doctor"]`, or `["doctor", "demo"]`.
    pub program: Vec<String>,
}

/// How long the state of a world lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldLifetime {
    /// Beyond this run.
    Lasting,
    /// For this run only: a simulated world.
    OfThisRun,
}

impl World<'_> {
    /// Writes a result.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        self.print_bytes(text.as_bytes())
    }

    /// Writes a result, and escapes what a CI runner would take for a command.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !workflow_commands::are_read(&self.variables) {
            return self.print_as_is(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        self.print_as_is(workflow_commands::disarmed(&text).as_bytes())
    }

    /// Writes a result that contains commands to the CI runner. A closed pipe, as after `head`, is not an error.
    pub fn print_as_is(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let out = &mut *self.out;
        match self.interrupt.without_time_limit(|| out.write_all(bytes).and_then(|()| out.flush())) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::Output { path: STANDARD_OUTPUT.to_owned(), cause: io_error_text(&error) })
            }
            _ => Ok(()),
        }
    }

    /// Returns a variable of the process environment. An empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
