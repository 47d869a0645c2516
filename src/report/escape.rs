//! Text that can do no harm on a terminal.
