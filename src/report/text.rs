//! For people.
use crate::report::{Look, Report};
use std::io::{self, Write};
/// Writes the report as text.
pub fn write(_report: &Report, _look: &Look<'_>, _out: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
