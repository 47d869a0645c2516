//! Writes reports. A checkout can't redirect them, and they never replace an input of the run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::io::files::follow_links::resolve;
use crate::io::files::kind;
use crate::io::files::locate::is_in_git_dir;
use crate::io::files::write::{folder_of, write_bytes};
use crate::io::git;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// The streams that every process has. They are always allowed, because a shell may have redirected them.
const STREAMS: [&str; 2] = ["/dev/stdout", "/dev/stderr"];

enum OutputDestination {
    /// A file, which is replaced as a whole. It need not exist.
    File(PathBuf),
    Terminal(PathBuf),
    StandardOutput,
    StandardError,
}

/// Writes a report atomically. Rejects what [`refuse_output`] rejects.
pub fn write_report(path: &Path, bytes: &[u8], working_folder: &Path) -> Result<(), Error> {
    let write = || match destination(path, working_folder)? {
        OutputDestination::File(end) => write_bytes(&end, bytes).map_err(|error| io_error_text(&error)),
        OutputDestination::Terminal(end) => to_terminal(&end, bytes),
        OutputDestination::StandardOutput => {
            io::stdout().lock().write_all(bytes).map_err(|error| io_error_text(&error))
        }
        OutputDestination::StandardError => io::stderr().lock().write_all(bytes).map_err(|error| io_error_text(&error)),
    };
    write().map_err(|why| refusal(path, why))
}

/// Appends to a file, or creates it. Rejects the same paths.
pub fn append(path: &Path, bytes: &[u8], working_folder: &Path) -> Result<(), Error> {
    let append = || match destination(path, working_folder)? {
        OutputDestination::File(end) => {
            let mut file = os::open_to_append(&end).map_err(|error| io_error_text(&error))?;
            let found = file.metadata().map_err(|error| io_error_text(&error))?.file_type();
            if !found.is_file() {
                return Err(format!("it is {}, not a file", kind(found)));
            }
            file.write_all(bytes).map_err(|error| io_error_text(&error))
        }
        OutputDestination::Terminal(end) => to_terminal(&end, bytes),
        OutputDestination::StandardOutput => {
            io::stdout().lock().write_all(bytes).map_err(|error| io_error_text(&error))
        }
        OutputDestination::StandardError => io::stderr().lock().write_all(bytes).map_err(|error| io_error_text(&error)),
    };
    append().map_err(|why| refusal(path, why))
}

/// Rejects a path for a report before the run does anything: a link out of its directory, a path in a git directory, a
/// pipe, a device, or an input of the run.
pub fn refuse_output(path: &Path, inputs: &[PathBuf], working_folder: &Path) -> Result<(), Error> {
    let check = || match destination(path, working_folder)? {
        OutputDestination::File(end) if inputs.iter().any(|input| is_taken(&end, input)) => {
            Err("this run reads it".to_owned())
        }
        _ => Ok(()),
    };
    check().map_err(|why| refusal(path, why))
}

/// Rejects a path of a file that is read and may be replaced: what [`refuse_output`] rejects, and everything that is not
/// a file. Returns the cause.
pub fn refuse_replacement(path: &Path, inputs: &[PathBuf], working_folder: &Path) -> Result<(), String> {
    match destination(path, working_folder)? {
        OutputDestination::File(end) if inputs.iter().any(|input| is_taken(&end, input)) => {
            Err("this run reads it for another purpose".to_owned())
        }
        OutputDestination::File(_) => Ok(()),
        _ => Err("it is not a file".to_owned()),
    }
}

/// Rejects a path that [`write_report`] could not write, without creating a file.
pub fn refuse_unwritable(path: &Path, working_folder: &Path) -> Result<(), Error> {
    let check = || match destination(path, working_folder)? {
        OutputDestination::File(end) => {
            let made = tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder_of(&end));
            made.map(drop).map_err(|error| io_error_text(&error))
        }
        _ => Ok(()),
    };
    check().map_err(|why| refusal(path, why))
}

/// Creates a private file, and opens it for writing. An existing file is replaced instead of overwritten, so another
/// hard link to it keeps its content. Links, special files, paths in a git directory and the paths in `taken` are
/// rejected, with the cause.
pub fn create_own(path: &Path, taken: &[(PathBuf, &'static str)], working_folder: &Path) -> Result<File, String> {
    let is_stream = STREAMS.iter().any(|stream| path == Path::new(stream));
    if !is_stream && path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return Err("it is a symbolic link".to_owned());
    }
    let OutputDestination::File(end) = destination(path, working_folder)? else {
        return Err("it is not a file".to_owned());
    };
    if let Some((_, why)) = taken.iter().find(|(path, _)| is_taken(&end, path)) {
        return Err((*why).to_owned());
    }
    let make = || {
        let mut builder = tempfile::Builder::new();
        os::set_mode(&mut builder, FileMode::OwnFile);
        let made = builder.prefix(".doctor-").tempfile_in(folder_of(&end))?;
        made.persist(&end).map_err(|error| error.error)
    };
    make().map_err(|error| io_error_text(&error))
}

fn refusal(path: &Path, why: String) -> Error {
    Error::Output { path: path.display().to_string(), cause: why }
}

/// Resolves the path, or returns the cause of its rejection.
fn destination(path: &Path, working_folder: &Path) -> Result<OutputDestination, String> {
    match STREAMS.iter().position(|stream| path == Path::new(stream)) {
        Some(0) => return Ok(OutputDestination::StandardOutput),
        Some(_) => return Ok(OutputDestination::StandardError),
        None => {}
    }
    let resolved = resolve(path)?;
    let leads_out = |link: &PathBuf| !resolved.end.starts_with(folder_of(link));
    let is_own = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    // A link of the system, such as `/var/run`, is not part of the checkout.
    let is_checkouts = |link: &PathBuf| {
        let folder = folder_of(link);
        git::root(folder).is_some() || resolve(working_folder).is_ok_and(|working| folder.starts_with(working.end))
    };
    let own = resolved.links.last().filter(|_| is_own);
    if own.into_iter().any(leads_out) || resolved.links.iter().any(|link| is_checkouts(link) && leads_out(link)) {
        return Err("it follows a symbolic link out of its directory".to_owned());
    }
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_in_git_dir(path)) {
        return Err("it is inside a git directory".to_owned());
    }
    match fs::metadata(&resolved.end) {
        Ok(metadata) if metadata.is_file() => Ok(OutputDestination::File(resolved.end)),
        Ok(metadata) if metadata.is_dir() => Err(io_error_text(&io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if os::is_terminal(&resolved.end, metadata.file_type()) => {
            Ok(OutputDestination::Terminal(resolved.end))
        }
        Ok(metadata) => Err(format!("it is {}, not a file", kind(metadata.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OutputDestination::File(resolved.end)),
        Err(error) => Err(io_error_text(&error)),
    }
}

fn to_terminal(end: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut terminal = OpenOptions::new().write(true).open(end).map_err(|error| io_error_text(&error))?;
    if !terminal.is_terminal() {
        return Err("it is not a terminal".to_owned());
    }
    terminal.write_all(bytes).map_err(|error| io_error_text(&error))
}

/// Returns whether the path is the input, or is inside the input if that is a directory.
fn is_taken(end: &Path, input: &Path) -> bool {
    is_same(end, input) || input.is_dir() && resolve(input).is_ok_and(|folder| end.starts_with(folder.end))
}

/// Returns whether both paths are the same file: through hard links, case-insensitive names or different spellings.
fn is_same(end: &Path, input: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().and_then(|metadata| os::identity(&metadata));
    match (identity(end), identity(input)) {
        (Some(one), Some(other)) => one == other,
        _ => resolve(input).is_ok_and(|input| input.end == end),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::error::Error;
    use crate::io::files::output::{append, create_own, refuse_output, write_report};

    /// Returns a checkout with files that a report must not replace, and a home directory beside it.
    fn checkout() -> (tempfile::TempDir, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let outer = guard.path().canonicalize().unwrap();
        let work = outer.join("work");
        for folder in ["home/reports", "work/.git/hooks", "work/sub", "work/inner"] {
            fs::create_dir_all(outer.join(folder)).unwrap();
        }
        for file in
            ["home/.bashrc", "work/.git/HEAD", "work/.git/config", "work/.env", "work/doctor.toml", "work/sub/real.md"]
        {
            fs::write(outer.join(file), "kept\n").unwrap();
        }
        for (target, link) in [
            ("../home/.bashrc", "drift.md"),
            ("../home/new.md", "new.md"),
            ("drift.md", "chain.md"),
            ("../home/reports", "out"),
            ("sub/real.md", "inside.md"),
            ("../doctor.toml", "sub/up.md"),
            (".git/config", "config.md"),
            ("/dev/stdout", "stdout.md"),
            (".env", "env.md"),
            ("loop.md", "loop.md"),
        ] {
            symlink(target, work.join(link)).unwrap();
        }
        fs::hard_link(work.join(".env"), work.join("hard.md")).unwrap();
        assert!(Command::new("mkfifo").arg(work.join("pipe.md")).status().unwrap().success());
        (guard, work)
    }

    fn why(result: Result<(), Error>) -> String {
        match result {
            Ok(()) => String::new(),
            Err(Error::Output { cause: why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refuses_links_leading_out_git_files_and_pipes() {
        let (_guard, work) = checkout();
        for (path, expected) in [
            ("drift.md", "symbolic link out of"),
            ("new.md", "symbolic link out of"),
            ("chain.md", "symbolic link out of"),
            ("out/report.md", "symbolic link out of"),
            ("sub/up.md", "symbolic link out of"),
            ("stdout.md", "symbolic link out of"),
            ("config.md", "inside a git directory"),
            (".git/config", "inside a git directory"),
            (".git/new", "inside a git directory"),
            (".GIT/config", "inside a git directory"),
            ("sub/../.git/hooks/pre-commit", "inside a git directory"),
            ("pipe.md", "a pipe"),
            ("sub", "directory"),
            ("loop.md", "too many levels"),
            ("/dev/null", "a device"),
            ("/dev/zero", "a device"),
        ] {
            let path = work.join(path);
            let refused = why(refuse_output(&path, &[], &work));
            assert!(refused.contains(expected), "{}: {refused:?}", path.display());
            assert_eq!(why(write_report(&path, b"new", &work)), refused, "{}", path.display());
            assert_eq!(why(append(&path, b"new", &work)), refused, "{}", path.display());
        }
        for file in [".git/config", "../home/.bashrc", "doctor.toml", ".env"] {
            assert_eq!(fs::read_to_string(work.join(file)).unwrap(), "kept\n", "{file}");
        }
        assert!(!work.join("../home/new.md").exists() && !work.join(".git/new").exists());
    }

    #[test]
    fn refuses_to_replace_inputs_under_any_name() {
        let (_guard, work) = checkout();
        let inputs = [work.join(".env"), work.join("doctor.toml"), work.join("sub/missing.env")];
        for path in [".env", "./.env", "sub/../.env", "hard.md", "env.md", "doctor.toml", "sub/missing.env"] {
            assert_eq!(why(refuse_output(&work.join(path), &inputs, &work)), "this run reads it", "{path}");
        }
        for path in ["report.md", "sub/real.md", "inside.md", "/dev/stdout", "/dev/stderr", "/tmp/report.md"] {
            assert_eq!(why(refuse_output(&work.join(path), &inputs, &work)), "", "{path}");
        }
    }

    #[test]
    fn private_file_replaces_no_inputs_or_links() {
        let (_guard, work) = checkout();
        let taken = [(work.join(".env"), "this run reads it"), (work.join("report.md"), "the report is written there")];
        for (path, expected) in [
            (".env", "this run reads it"),
            ("hard.md", "this run reads it"),
            ("sub/../report.md", "the report is written there"),
            ("inside.md", "it is a symbolic link"),
            ("new.md", "it is a symbolic link"),
            ("env.md", "it is a symbolic link"),
            ("out/debug.jsonl", "symbolic link out of"),
            ("pipe.md", "a pipe"),
            ("sub", "directory"),
            (".git/config", "inside a git directory"),
            ("/dev/null", "a device"),
            ("/dev/stdout", "it is not a file"),
            ("/dev/stderr", "it is not a file"),
            ("missing/debug.jsonl", "no such file"),
        ] {
            let refused = create_own(&work.join(path), &taken, &work).unwrap_err();
            assert!(refused.contains(expected), "{path}: {refused}");
        }
        assert_eq!(fs::read_to_string(work.join(".env")).unwrap(), "kept\n");
        assert!(!work.join("../home/new.md").exists());
        fs::hard_link(work.join("sub/real.md"), work.join("twice.md")).unwrap();
        for path in ["debug.jsonl", "twice.md"] {
            create_own(&work.join(path), &taken, &work).unwrap().write_all(b"new\n").unwrap();
            assert_eq!(fs::read_to_string(work.join(path)).unwrap(), "new\n");
            assert_eq!(fs::metadata(work.join(path)).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
        }
        assert_eq!(fs::read_to_string(work.join("sub/real.md")).unwrap(), "kept\n", "the other hard link keeps it");
    }

    #[test]
    fn symlink_inside_directory_is_followed_and_kept() {
        let (_guard, work) = checkout();
        write_report(&work.join("inside.md"), b"new\n", &work).unwrap();
        append(&work.join("inside.md"), b"more\n", &work).unwrap();
        assert_eq!(fs::read_to_string(work.join("sub/real.md")).unwrap(), "new\nmore\n");
        assert!(work.join("inside.md").symlink_metadata().unwrap().is_symlink());
        append(&work.join("made.md"), b"new\n", &work).unwrap();
        assert_eq!(fs::read_to_string(work.join("made.md")).unwrap(), "new\n");
    }

    #[test]
    fn symlinked_system_directories_are_allowed() {
        let (_guard, work) = checkout();
        let outer = work.parent().unwrap();
        symlink("work", outer.join("alias")).unwrap();
        symlink("../home/reports", outer.join("home/elsewhere")).unwrap();
        for path in ["alias/report.md", "home/elsewhere/report.md"] {
            let alias = outer.join("alias");
            assert_eq!(why(refuse_output(&outer.join(path), &[], &alias)), "", "{path}");
            write_report(&outer.join(path), b"new", &alias).unwrap();
        }
        assert!(Path::new(&work.join("report.md")).exists() && outer.join("home/reports/report.md").exists());
    }
}
