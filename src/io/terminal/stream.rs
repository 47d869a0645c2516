//! The kinds of the standard streams.

#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Standard output.
    pub out: StreamKind,
    /// Standard error.
    pub err: StreamKind,
    /// Standard input.
    pub input: StreamKind,
    /// Whether the terminal of standard output supports links (OSC 8).
    pub links: bool,
    /// The columns of the terminal, or 80 without one.
    pub width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// A terminal that supports colour and cursor movement.
    Terminal,
    /// A terminal that supports neither (`TERM=dumb`).
    Dumb,
    /// A pipe or a file.
    Pipe,
}
