//! Adds lines to the `.gitignore` at the root of a repository.

use std::path::Path;

use crate::drift::Secret;
use crate::error::{Error, Help};
use crate::io::files::{self, Created, Folders, ReadOutcome, Replaced};

/// The maximum size of a `.gitignore` that is changed, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Returns the pattern that matches only that file of the repository. `None` if the file is outside the repository, or
/// its name is not valid UTF-8 or contains a line break.
pub fn pattern(root: &Path, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root).ok()?;
    let mut pattern = String::new();
    for part in inside.components() {
        pattern.push('/');
        for character in part.as_os_str().to_str()?.chars() {
            match character {
                // A pattern can't contain them.
                '\n' | '\r' | '\0' => return None,
                '*' | '?' | '[' | ']' | '\\' | ' ' => pattern.extend(['\\', character]),
                _ => pattern.push(character),
            }
        }
    }
    (!pattern.is_empty()).then_some(pattern)
}

/// Adds patterns, one per line, and creates the file if necessary. A link is rejected, because git does not follow it.
pub fn add(root: &Path, patterns: &[String], working_folder: &Path) -> Result<(), Error> {
    let path = root.join(".gitignore");
    let fail = |cause: &str| Error::Write {
        path: files::display_path(&path, working_folder),
        cause: cause.to_owned(),
        help: match patterns {
            [pattern] => Help::command("add this line by hand:", pattern),
            _ => format!("add these lines by hand: {}", patterns.join(" ")).into(),
        },
    };
    let Ok(metadata) = path.symlink_metadata() else {
        return match files::create(&path, &with("", patterns), working_folder)? {
            Created::Now => Ok(()),
            Created::ThereAlready => Err(fail("another process has just created it")),
        };
    };
    if !metadata.is_file() {
        return Err(fail("it is not a regular file"));
    }
    let text = match files::read_text(&path, LIMIT) {
        ReadOutcome::Text(text) => text,
        ReadOutcome::Missing => return Err(fail("it was just removed")),
        ReadOutcome::Unusable(why) => return Err(fail(&why)),
    };
    let new = Secret::new(with(text.expose(), patterns));
    let folders = Folders { working: working_folder, state: None };
    match files::replace(&path, Some(&text), &new, folders)? {
        Replaced::Done | Replaced::Without(_) => Ok(()),
        Replaced::Conflict => Err(fail("another process has just changed it")),
    }
}

/// Returns the text with the patterns appended, with the line ending of the text.
fn with(text: &str, patterns: &[String]) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    format!("{text}{gap}{}{end}", patterns.join(end))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use crate::error::Error;
    use crate::io::git::gitignore::{add, pattern, with};

    #[test]
    fn pattern_matches_exactly_one_file() {
        let of = |path: &str| pattern(Path::new("/r"), Path::new(path));
        for (path, expected) in [
            ("/r/.env", Some("/.env")),
            ("/r/a b/.env [x]*?\\", Some("/a\\ b/.env\\ \\[x\\]\\*\\?\\\\")),
            ("/r", None),
            ("/elsewhere/.env", None),
            ("/r/a\nb", None),
        ] {
            assert_eq!(of(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn patterns_are_appended_without_changing_existing_lines() {
        let patterns = ["/.env".to_owned()];
        for (text, expected) in [
            ("", "/.env\n"),
            ("target\n", "target\n/.env\n"),
            ("target", "target\n/.env\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n/.env\r\n"),
        ] {
            assert_eq!(with(text, &patterns), expected, "{text:?}");
        }
    }

    #[test]
    fn git_interprets_escaped_patterns_literally() {
        let guard = tempfile::tempdir().unwrap();
        let root = guard.path().canonicalize().unwrap();
        let git = |arguments: &[&str]| {
            Command::new("git").args(arguments).current_dir(&root).output().unwrap().status.success()
        };
        assert!(git(&["init", "-q"]));
        fs::create_dir(root.join("sub")).unwrap();
        for name in [".env", "sub/.env", ".env [a]* ", "!odd", "#odd"] {
            fs::write(root.join(name), "A=1\n").unwrap();
            assert!(!git(&["check-ignore", "-q", "--", name]), "{name}");
            add(&root, &[pattern(&root, &root.join(name)).unwrap()], &root).unwrap();
            assert!(
                git(&["check-ignore", "-q", "--", name]),
                "{name}: {:?}",
                fs::read_to_string(root.join(".gitignore"))
            );
        }
        assert!(!git(&["check-ignore", "-q", ".env.other"]) && !git(&["check-ignore", "-q", ".env a "]));
    }

    #[test]
    fn refuses_gitignore_that_is_not_plain_text_file() {
        let guard = tempfile::tempdir().unwrap();
        let (root, patterns) = (guard.path(), ["/.env".to_owned()]);
        let refused = || match add(root, &patterns, root) {
            Err(Error::Write { path, help, .. }) => {
                assert_eq!((path.as_str(), help.commands), (".gitignore", vec!["/.env".to_owned()]));
            }
            other => panic!("{other:?}"),
        };
        for target in ["elsewhere", "gone"] {
            fs::write(root.join("elsewhere"), "kept\n").unwrap();
            std::os::unix::fs::symlink(target, root.join(".gitignore")).unwrap();
            refused();
            fs::remove_file(root.join(".gitignore")).unwrap();
        }
        assert_eq!(fs::read_to_string(root.join("elsewhere")).unwrap(), "kept\n");
        assert!(!root.join("gone").exists());
        fs::create_dir(root.join(".gitignore")).unwrap();
        refused();
        fs::remove_dir(root.join(".gitignore")).unwrap();
        fs::write(root.join(".gitignore"), b"\xff\n").unwrap();
        refused();
    }
}
