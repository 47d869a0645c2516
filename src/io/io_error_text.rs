//! The text of an input or output error.

use std::io;

/// Returns why something failed, without a path and without the system's error number.
pub fn io_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::InvalidInput => "that is not a path".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a folder".to_owned(),
        io::ErrorKind::Other => "the system refused it".to_owned(),
        kind => kind.to_string(),
    }
}
