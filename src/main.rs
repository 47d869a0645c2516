//! Starts `doctor`; everything else is in the library.

use std::process::ExitCode;

use railway_doctor::command;
use railway_doctor::outside;

fn main() -> ExitCode {
    outside::process::run(command::run)
}
