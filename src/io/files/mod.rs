//! Reads and writes files: limits on what is read, atomic writes, and paths as users type them.

mod completion_files;
mod current;
mod encoding;
mod example;
pub mod exposure;
mod find_env_files;
mod follow_links;
mod locate;
mod missing_file_hint;
mod one_time_input;
mod output;
mod path;
pub mod provenance;
mod replace;
#[cfg(test)]
#[cfg(unix)]
mod replace_tests;
mod size_limit;
mod temporary;
#[cfg(test)]
mod tests;
mod unread_layers;
mod write;

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::example_file::is_example;
use crate::error::Error;
pub use crate::io::files::completion_files::{beginning, is_plain};
pub use crate::io::files::current::{current, remove};
use crate::io::files::encoding::OtherEncoding;
pub use crate::io::files::example::{examples, templates};
pub use crate::io::files::find_env_files::{Below, env_files_below};
pub use crate::io::files::follow_links::{ResolvedPath, resolve};
pub use crate::io::files::locate::{
    LinkScope, ReadAccess, ResolvedFile, is_in_git_dir, is_stream, locate, named_path, repeatable_path,
};
use crate::io::files::missing_file_hint::hint;
pub use crate::io::files::missing_file_hint::{
    MissingDeclaredFile, PullOffer, declared_file_hint, env_files_in, missing_flag_hint, other_directory_hint,
    template_above, variables_in,
};
use crate::io::files::one_time_input::UnreadStream;
pub use crate::io::files::output::{
    append, create_own, refuse_output, refuse_replacement, refuse_unwritable, write_report,
};
use crate::io::files::path::quoted;
pub use crate::io::files::path::{display_from_home, display_path, normal};
pub use crate::io::files::replace::{Folders, Replaced, has_other_names, is_read_only, refuse_too_large, replace};
pub use crate::io::files::size_limit::{Budget, ENV_FILE_LIMIT};
pub use crate::io::files::temporary::{clear_abandoned, remove_unfinished};
pub use crate::io::files::unread_layers::unread_layers;
pub use crate::io::files::write::{Created, create, write_whole};
use crate::io::io_error_text::io_error_text;
use crate::io::os;

/// The value of `--env-file` for standard input.
pub const STANDARD_INPUT: &str = "-";

/// The text of a file, or why it could not be read.
#[derive(Debug)]
pub enum ReadOutcome {
    Text(Secret),
    /// The file does not exist.
    Missing,
    /// The file can't be used. The cause never quotes its content.
    Unusable(String),
}

/// Reads a `.env` that the user selected, and that [`locate()`] has resolved. A pipe must end within `time_limit`.
///
/// Anything but UTF-8 text is an [`Error::File`], so that a mistyped path is never read as an empty file.
pub fn read(path: &Path, place: &ResolvedFile, time_limit: Duration, working_folder: &Path) -> Result<Secret, Error> {
    let shown = name_of(path, working_folder);
    let mut encoding = None;
    let reading = match place.access {
        // The link of a descriptor, as in /dev/fd, does not resolve to a path that can be opened.
        ReadAccess::Once => one_time_input::read_stream(path, ENV_FILE_LIMIT, time_limit),
        ReadAccess::File => match read_bytes(&place.end, ENV_FILE_LIMIT, os::open_no_link) {
            Ok(bytes) => {
                encoding = OtherEncoding::of(&bytes);
                text(bytes)
            }
            Err(ReadRefusal::Missing) => ReadOutcome::Missing,
            Err(ReadRefusal::Because(why)) => ReadOutcome::Unusable(why),
        },
    };
    match within_budget(reading) {
        ReadOutcome::Text(text) => Ok(text),
        ReadOutcome::Missing => Err(Error::File {
            path: shown,
            cause: if path.is_symlink() {
                let end = display_path(&place.end, working_folder);
                format!("it is a symbolic link to {end}, which does not exist")
            } else {
                "no such file".to_owned()
            },
            // `doctor pull` does not create the target of a link.
            help: missing_flag_hint(path, &[], working_folder, PullOffer::Disabled),
        }),
        ReadOutcome::Unusable(why) => Err(Error::File {
            path: shown,
            cause: why,
            help: match (place.access, encoding) {
                (ReadAccess::Once, _) => {
                    "pipe the variables into it as UTF-8 text, or pass a file with `--env-file PATH`".into()
                }
                (ReadAccess::File, Some(encoding)) => encoding.help(&quoted(path, working_folder)),
                (ReadAccess::File, None) => "pass a readable text file with `--env-file PATH`".into(),
            },
        }),
    }
}

/// Reads an env file, within the limits on bytes and lines.
pub fn read_env(path: &Path) -> ReadOutcome {
    within_budget(read_text(path, ENV_FILE_LIMIT))
}

fn within_budget(reading: ReadOutcome) -> ReadOutcome {
    match reading {
        ReadOutcome::Text(text) => match Budget::default().take(&text) {
            Ok(()) => ReadOutcome::Text(text),
            Err(why) => ReadOutcome::Unusable(why),
        },
        reading => reading,
    }
}

/// Reads standard input, with a replacement for what is not UTF-8. Returns an empty text if it does not end within
/// `time_limit`. On failure, returns the cause.
pub fn read_input(time_limit: Duration) -> Result<Secret, String> {
    match one_time_input::read_stream_bytes(Path::new(STANDARD_INPUT), ENV_FILE_LIMIT, time_limit) {
        Ok(bytes) => Ok(Secret::new(String::from_utf8_lossy(&bytes).into_owned())),
        Err(UnreadStream::TimedOut(_)) => Ok(Secret::new("")),
        Err(UnreadStream::Failed(why)) => Err(why),
    }
}

/// Returns the name of an env file in reports.
pub fn name_of(path: &Path, working_folder: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) {
        return "standard input".to_owned();
    }
    display_path(path, working_folder)
}

/// Reads a regular file of at most `limit` bytes. Never blocks, because pipes are rejected.
pub fn read_text(path: &Path, limit: u64) -> ReadOutcome {
    match read_bytes(path, limit, os::open) {
        Ok(bytes) => text(bytes),
        Err(ReadRefusal::Missing) => ReadOutcome::Missing,
        Err(ReadRefusal::Because(why)) => ReadOutcome::Unusable(why),
    }
}

enum ReadRefusal {
    Missing,
    Because(String),
}

impl From<io::Error> for ReadRefusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Because(io_error_text(&error)),
        }
    }
}

fn read_bytes(path: &Path, limit: u64, open: fn(&Path) -> io::Result<File>) -> Result<Zeroizing<Vec<u8>>, ReadRefusal> {
    let regular = |metadata: &fs::Metadata| match metadata.is_file() {
        true if metadata.len() > limit => Err(ReadRefusal::Because(too_large(limit))),
        true => Ok(metadata.len()),
        false => Err(ReadRefusal::Because(format!("it is {}, not a file", kind(metadata.file_type())))),
    };
    // Checked before it is opened, because opening some devices has side effects, and again on the open file, because
    // the path may have been replaced in between.
    regular(&fs::metadata(path)?)?;
    let file = open(path)?;
    let length = regular(&file.metadata()?)?;
    let bytes = bytes_of(&mut &file, limit, length)?;
    if bytes.len() as u64 > limit { Err(ReadRefusal::Because(too_large(limit))) } else { Ok(bytes) }
}

/// Reads the stream to its end, or one byte more than `limit`.
fn bytes_of(stream: &mut dyn Read, limit: u64, expected: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Allocated once: a vector that grows leaves copies of the secret content in memory.
    let room = usize::try_from(expected.min(limit)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    stream.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_large(limit: u64) -> String {
    format!("it is larger than {} MiB", limit / (1024 * 1024))
}

fn text(mut bytes: Zeroizing<Vec<u8>>) -> ReadOutcome {
    if let Some(encoding) = OtherEncoding::of(&bytes) {
        return ReadOutcome::Unusable(format!("it is {}, not UTF-8", encoding.title()));
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => ReadOutcome::Text(Secret::new(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = Zeroizing::new(error.into_bytes());
            let (line, column) = end_of(&String::from_utf8_lossy(&bytes[..valid]));
            ReadOutcome::Unusable(format!("invalid UTF-8 at line {line}, column {column}"))
        }
    }
}

/// Returns the 1-based line and column after the end of the text.
fn end_of(text: &str) -> (usize, usize) {
    let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
    (text.matches('\n').count() + 1, text[line_start..].chars().count() + 1)
}

/// Returns the name of a file type other than a regular file.
fn kind(file_type: FileType) -> &'static str {
    if let Some(special) = os::special(file_type) {
        return special;
    }
    if file_type.is_dir() { "a directory" } else { "a special file" }
}

/// Returns the error for a directory without the default `.env`, with a suggestion.
pub fn no_env_file(searched: &Path, working_folder: &Path, pull: PullOffer) -> Error {
    Error::NoEnvFile {
        path: ".env".to_owned(),
        searched: searched.display().to_string(),
        help: hint(&searched.join(".env"), working_folder, pull),
    }
}

/// Returns whether the directory has a `.env` or a file that may be for one environment. True if it can't be listed.
pub fn has_env_file(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().any(|name| name == ".env" || name.starts_with(".env."))
}

/// Returns the env files of a directory that a user may want to select, sorted, without examples.
pub fn env_files(folder: &Path) -> Vec<PathBuf> {
    /// Endings of backups and of files of other tools.
    const OTHERS: [&str; 6] = [".bak", ".old", ".orig", ".swp", ".vault", ".keys"];
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_candidate = |name: &String| {
        let is_other = is_example(name) || name.ends_with('~') || OTHERS.iter().any(|ending| name.ends_with(ending));
        (name == ".env" || name.starts_with(".env.")) && !name.starts_with(temporary::PREFIX) && !is_other
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(is_candidate);
    let mut paths: Vec<PathBuf> = names.map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    paths.sort_unstable();
    paths
}

/// Returns whether the path is a directory, or a link to one.
pub fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

/// Returns whether two paths lead to the same existing file.
pub fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Returns the default layer: `.env.<environment>` if it exists, otherwise `.env`, which need not exist.
///
/// An environment can have any name on Railway. One with characters other than letters, digits, `.`, `_` and `-` has no
/// file.
pub fn default_env_file(working_folder: &Path, environment: &str) -> PathBuf {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-');
    let own = working_folder.join(format!(".env.{environment}"));
    // A broken link counts as a file. It is an error, instead of a silent fallback to another file.
    if !environment.is_empty() && environment.chars().all(plain) && own.symlink_metadata().is_ok() {
        own
    } else {
        working_folder.join(".env")
    }
}
