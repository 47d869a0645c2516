//! Everything that `doctor` can touch, as one value: `main` passes the real one, tests and `doctor demo` a pretend one.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::drift::model::secret::FingerprintKey;
use crate::error::Error;
use crate::io::clock::Clock;
use crate::io::credentials::keyring::Keyring;
use crate::io::debug_log::DebugLog;
use crate::io::endpoint::EndpointClient;
use crate::io::interrupt::Interrupt;
use crate::io::io_error_text::io_error_text;
use crate::io::railway::http::Endpoint;
use crate::io::railway::transport::Transport;
use crate::io::terminal::prompt::Ask;
use crate::io::terminal::status::StatusOutput;
use crate::io::terminal::stream::Terminal;
use crate::io::terminal::workflow_commands;

/// Makes the transport to an address.
pub type Connect<'w> = dyn Fn(&Endpoint) -> Result<Box<dyn Transport>, Error> + 'w;

pub struct World<'w> {
    /// Standard output: the result and nothing else.
    pub out: &'w mut dyn Write,
    /// Standard error: the talk and the progress.
    pub talk: &'w dyn StatusOutput,
    /// The person at the terminal; [`crate::io::terminal::prompt::can_ask`] says whether there is one.
    pub ask: &'w dyn Ask,
    pub interrupt: &'w Interrupt,
    /// What the streams are connected to.
    pub terminal: Terminal,
    /// The process environment; names and values that are no UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// The working folder.
    pub folder: PathBuf,
    /// The home folder, where the official CLI keeps its file.
    pub home: Option<PathBuf>,
    /// The folder for what `doctor` remembers between runs; it need not be there.
    pub state: Option<PathBuf>,
    /// The folder for what only saves the next run time; it need not be there.
    pub cache: Option<PathBuf>,
    /// Whether the next run will find what this one remembers.
    pub memory: WorldLifetime,
    pub keyring: &'w dyn Keyring,
    pub clock: &'w dyn Clock,
    /// The way to Railway.
    pub connect: &'w Connect<'w>,
    /// The way to services themselves.
    pub probe: &'w dyn EndpointClient,
    /// The file of `--debug-api`, once the run has made it.
    pub debug_log: Option<Arc<DebugLog>>,
    /// The key of this run's fingerprints.
    pub fingerprints: FingerprintKey,
    /// How printed commands begin: `["doctor"]`, or `["doctor", "demo"]`.
    pub program: Vec<String>,
}

/// How long a world lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldLifetime {
    /// Beyond this run.
    Lasting,
    /// A pretend world ends with its run.
    OfThisRun,
}

impl World<'_> {
    /// Writes a result.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        self.print_bytes(text.as_bytes())
    }

    /// Writes a result in which no line is a command to CI.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !workflow_commands::are_read(&self.variables) {
            return self.print_as_is(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        self.print_as_is(workflow_commands::disarmed(&text).as_bytes())
    }

    /// Writes a result whose commands to CI are meant. A reader that went away, as `head` does, is no error.
    pub fn print_as_is(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let out = &mut *self.out;
        match self.interrupt.while_written(|| out.write_all(bytes).and_then(|()| out.flush())) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Error::Output { path: "standard output".to_owned(), cause: io_error_text(&error) })
            }
            _ => Ok(()),
        }
    }

    /// Returns a variable of the process environment; empty counts as absent.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
