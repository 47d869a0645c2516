//! The text of an I/O error.

use std::io;

/// Returns the cause of an I/O error, without a path and without the OS error number.
pub fn io_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::InvalidInput => "invalid path".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        io::ErrorKind::Other => "the operating system refused the operation".to_owned(),
        kind => kind.to_string(),
    }
}
