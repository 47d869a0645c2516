//! Finds `doctor.toml` and reads it.

use std::path::{Path, PathBuf};
use std::thread;

use toml::de::DeTable;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::config::position::Positions;
use crate::io::config::table::{ConfigSource, Table, TomlKind};
use crate::io::config::{Config, RuleName, inside, sections};
use crate::io::files::{self, ReadOutcome, display_path};
use crate::io::git;
use crate::io::os;

/// The longest `doctor.toml`, in bytes: room for thousands of services.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// The stack of the parser's thread, in bytes. The parser nests up to 80 dotted keys in each of up to 80 inline tables,
/// and dropping a tree of 6,400 levels needs up to 8 MiB.
const STACK: usize = 32 * 1024 * 1024;

/// Which `doctor.toml` is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChoice {
    /// The nearest one, from the working directory up to the root of the repository.
    Nearest,
    /// `--config PATH`: relative to the working directory; the file must exist.
    Path(PathBuf),
    /// `--no-config`.
    None,
}

/// Reads the selected `doctor.toml`, or returns `None` if there is none.
///
/// `rules` are the rules that `[severity]` and `[[ignore]]` may name. An invalid file is an [`Error::Config`], an
/// unreadable one an [`Error::File`].
pub fn load(choice: &ConfigChoice, working_folder: &Path, rules: &[RuleName]) -> Result<Option<Config>, Error> {
    let Some((path, root)) = find(choice, working_folder)? else { return Ok(None) };
    let name = display_path(&path, working_folder);
    let text = match files::read_text(&path, LIMIT) {
        ReadOutcome::Text(text) => text,
        ReadOutcome::Missing => return Err(unreadable(name, "no such file".to_owned())),
        ReadOutcome::Unusable(why) => return Err(unreadable(name, why)),
    };
    parse_on_large_stack(&text, Config::empty(path, name, root), rules).map(Some)
}

fn unreadable(path: String, why: String) -> Error {
    let help = "pass another file with `--config PATH`, or `--no-config`".into();
    Error::File { path, cause: why, help }
}

/// Returns the file and the directory that its paths must not leave.
fn find(choice: &ConfigChoice, working_folder: &Path) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    match choice {
        ConfigChoice::None => Ok(None),
        ConfigChoice::Path(path) => {
            let path = files::normal(&working_folder.join(path));
            let folder = path.parent().unwrap_or(working_folder);
            let root = git::root(folder).unwrap_or_else(|| folder.to_owned());
            Ok(Some((path, root)))
        }
        ConfigChoice::Nearest => {
            let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
            let Some(path) = nearest(working_folder) else { return Ok(None) };
            inside::follow(&root, &root, &path).map_err(|why| unreadable(display_path(&path, working_folder), why))?;
            Ok(Some((path, root)))
        }
    }
}

/// Returns the nearest `doctor.toml`, from the working directory up to the root of the repository.
pub fn nearest(working_folder: &Path) -> Option<PathBuf> {
    let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
    let folders = working_folder.ancestors().take_while(|folder| folder.starts_with(&root));
    // A broken link counts as a file. It is an error, instead of a silent fallback to another file.
    folders.map(|folder| folder.join("doctor.toml")).find(|path| path.symlink_metadata().is_ok())
}

/// Parses the text on a thread whose stack is large enough for the deepest nesting.
pub(super) fn parse_on_large_stack(text: &Secret, empty: Config, rules: &[RuleName]) -> Result<Config, Error> {
    on_large_stack("doctor.toml", || parse(text.expose(), empty, rules))
}

/// Runs a parser of the file on such a thread.
pub(super) fn on_large_stack<T: Send>(name: &str, read: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK);
        let thread = reader.spawn_scoped(scope, read).map_err(|error| Error::System {
            what: format!("failed to start a thread to read {name}"),
            cause: os::thread_error_text(&error),
            help: "try again, or run doctor without this file".into(),
        })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Fills `empty` with the settings of the text.
pub(super) fn parse(text: &str, empty: Config, rules: &[RuleName]) -> Result<Config, Error> {
    let name = empty.name.clone();
    let source = ConfigSource { kind: TomlKind::Config, name: &name, positions: Positions::new(text) };
    read_document(text, &source, |top| sections::document(top, empty, rules))
}

/// Parses the text, and reads its top-level table.
pub(super) fn read_document<T>(
    text: &str,
    source: &ConfigSource<'_>,
    read: impl FnOnce(&Table<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let document = DeTable::parse(text).map_err(|error| {
        // Only the parser's message, which is a fixed text: its `Display` also quotes lines of the file.
        let offset = error.span().map_or(text.len(), |span| span.start);
        source.fault(offset, format!("invalid TOML: {}", error.message()), "fix this line")
    })?;
    read(&Table::top(source, document.get_ref()))
}
