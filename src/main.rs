//! Starts `doctor`; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    railway_doctor::run()
}
