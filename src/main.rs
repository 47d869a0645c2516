//! Starts `doctor`; everything else is in the library.

use std::process::ExitCode;

use railway_doctor::{command, outside};

fn main() -> ExitCode {
    outside::process::run(command::run)
}
