//! What the standard streams are connected to.

#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Standard output.
    pub out: Sort,
    /// Standard error.
    pub err: Sort,
    /// Standard input.
    pub input: Sort,
    /// Whether the terminal of standard output understands links (OSC 8).
    pub links: bool,
    /// Columns of the terminal; 80 where there is none.
    pub width: usize,
}

/// The sort of thing that a stream is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A terminal that understands colour and cursor movements.
    Terminal,
    /// A terminal that understands neither (`TERM=dumb`).
    Dumb,
    /// A pipe or a file.
    Pipe,
}
