//! Finds `doctor.toml` and reads it.

use std::path::{Path, PathBuf};
use std::thread;

use toml::de::DeTable;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::config::position::Positions;
use crate::io::config::table::{ConfigSource, Table};
use crate::io::config::{Config, RuleName, inside, sections};
use crate::io::files::{self, ReadOutcome, display_path};
use crate::io::git;
use crate::io::os;

/// The longest `doctor.toml`, in bytes: room for thousands of services.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// Room for the parser's recursion, in bytes. It nests up to 80 dotted keys in each of up to 80 inline tables, and
/// a tree of 6,400 levels needs up to 8 MiB to be cleared away again.
const STACK: usize = 32 * 1024 * 1024;

/// Which `doctor.toml` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChoice {
    /// The nearest one, from the working folder up to the root of the repository.
    Nearest,
    /// `--config PATH`: that one, relative to the working folder; it must be there.
    Path(PathBuf),
    /// `--no-config`.
    None,
}

/// Reads the `doctor.toml` that was asked for, or `None` where there is none.
///
/// `rules` are the rules that `[severity]` and `[[ignore]]` may name. What can't be understood is an [`Error::Config`],
/// a file that can't be read an [`Error::File`].
pub fn load(choice: &ConfigChoice, working_folder: &Path, rules: &[RuleName]) -> Result<Option<Config>, Error> {
    let Some((path, root)) = find(choice, working_folder)? else { return Ok(None) };
    let name = display_path(&path, working_folder);
    let text = match files::read_text(&path, LIMIT) {
        ReadOutcome::Text(text) => text,
        ReadOutcome::Missing => return Err(unreadable(name, "there is no such file".to_owned())),
        ReadOutcome::Unusable(why) => return Err(unreadable(name, why)),
    };
    understand(&text, Config::empty(path, name, root), rules).map(Some)
}

fn unreadable(path: String, why: String) -> Error {
    let next = "name another file with `--config PATH`, or do without with `--no-config`".to_owned();
    Error::File { path, cause: why, help: next }
}

/// Returns the file and the folder that its paths must not leave.
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

/// Returns the nearest `doctor.toml`, from the working folder up to the root of the repository.
pub fn nearest(working_folder: &Path) -> Option<PathBuf> {
    let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
    let folders = working_folder.ancestors().take_while(|folder| folder.starts_with(&root));
    // A broken link counts as there: it is an error, and not silently another file.
    folders.map(|folder| folder.join("doctor.toml")).find(|path| path.symlink_metadata().is_ok())
}

/// Reads the text on a thread with room for the deepest nesting.
pub(super) fn understand(text: &Secret, empty: Config, rules: &[RuleName]) -> Result<Config, Error> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK);
        let thread =
            reader.spawn_scoped(scope, || parse(text.expose(), empty, rules)).map_err(|error| Error::System {
                what: "can't start a thread to read doctor.toml".to_owned(),
                cause: os::thread_error_text(&error),
                help: "try again, or do without with `--no-config`".to_owned(),
            })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Fills `empty` with what the text says.
pub(super) fn parse(text: &str, empty: Config, rules: &[RuleName]) -> Result<Config, Error> {
    let name = empty.name.clone();
    let source = ConfigSource { name: &name, positions: Positions::new(text) };
    let document = DeTable::parse(text).map_err(|error| {
        // The parser's sentences are fixed; the lines that its `Display` adds would quote the file.
        let offset = error.span().map_or(text.len(), |span| span.start);
        source.fault(offset, format!("this is not TOML: {}", error.message()), "correct this line")
    })?;
    sections::document(&Table::top(&source, document.get_ref()), empty, rules)
}
