//! The `doctor.toml`s that the user has accepted, each for one project: a small file for each in the user's state folder.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::drift::Named;
use crate::error::Error;
use crate::outside::state::{Content, Folder, Placed, Purpose};

/// How such a file is called, after the digest of what it accepts.
const ENDING: &str = ".trust";

/// The form of the file.
const VERSION: u8 = 1;

/// The words of its folder's errors.
const PURPOSE: Purpose = Purpose {
    what: "what is trusted",
    cannot: "can't remember what was accepted",
    instead: "name the project in each run with --project",
};

/// SHA-256 of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a whole file.
    pub fn of(text: &str) -> Self {
        Self::from(&digest(&SHA256, text.as_bytes()))
    }

    fn from(digest: &ring::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// One `doctor.toml`, and the project that it names.
#[derive(Clone, Debug)]
pub struct Subject<'s> {
    /// The project, by the id that Railway gave for it.
    pub project: &'s Named,
    /// What the file says.
    pub digest: Digest,
    /// Where the file is, absolute; only so that a changed one is recognised.
    pub path: &'s Path,
}

/// What the user has said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was accepted, in these words, for this project.
    Accepted,
    /// Another text of it was, or this file for another project.
    Changed,
    /// Nothing.
    Never,
}

/// What is written.
#[derive(Deserialize, Serialize)]
struct Form {
    version: u8,
    project: String,
    name: String,
    digest: String,
    path: String,
    accepted: String,
}

/// Remembers that the user has accepted it. Accepting it again changes nothing.
pub fn accept(state: Option<&Path>, subject: &Subject<'_>, now: Timestamp) -> Result<(), Error> {
    let folder = folder(state)?;
    let form = Form {
        version: VERSION,
        project: subject.project.id.clone(),
        name: subject.project.name.clone(),
        digest: subject.digest.to_string(),
        path: subject.path.display().to_string(),
        accepted: now.to_string(),
    };
    let name = file_name(subject);
    let text = serde_json::to_string(&form).expect("texts and a number are JSON");
    if folder.place(&name, text.as_bytes())? == Placed::ThereAlready && !accepts(&folder, &name, subject)? {
        // Cut short or written by hand: it accepts nothing, and stands in the way.
        folder.remove(&name);
        folder.place(&name, text.as_bytes())?;
    }
    Ok(())
}

/// What the user has said of it. Without a state folder that is nothing.
pub fn standing(state: Option<&Path>, subject: &Subject<'_>) -> Result<Standing, Error> {
    if state.is_none() {
        return Ok(Standing::Never);
    }
    let folder = folder(state)?;
    if accepts(&folder, &file_name(subject), subject)? {
        return Ok(Standing::Accepted);
    }
    let path = subject.path.display().to_string();
    for name in folder.names()?.iter().filter(|name| name.ends_with(ENDING)) {
        let other = read(&folder, name)?;
        if other.is_some_and(|other| other.project == subject.project.id || other.path == path) {
            return Ok(Standing::Changed);
        }
    }
    Ok(Standing::Never)
}

fn folder(state: Option<&Path>) -> Result<Folder, Error> {
    let path: Option<PathBuf> = state.map(Path::to_owned);
    path.map(|path| Folder::new(path, PURPOSE)).ok_or_else(|| Error::Journal {
        what: PURPOSE.cannot.to_owned(),
        why: "no home folder is known".to_owned(),
        next: format!("set HOME, or {}", PURPOSE.instead),
    })
}

/// The file's own word counts, and not only its name.
fn accepts(folder: &Folder, name: &str, subject: &Subject<'_>) -> Result<bool, Error> {
    let form = read(folder, name)?;
    Ok(form.is_some_and(|form| form.project == subject.project.id && form.digest == subject.digest.to_string()))
}

/// What a file says; what is no such file says nothing.
fn read(folder: &Folder, name: &str) -> Result<Option<Form>, Error> {
    let Some(Content(bytes)) = folder.read(name)? else { return Ok(None) };
    Ok(serde_json::from_slice(&bytes).ok().filter(|form: &Form| form.version == VERSION))
}

fn file_name(subject: &Subject<'_>) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&subject.digest.0);
    context.update(subject.project.id.as_bytes());
    format!("{}{ENDING}", Digest::from(&context.finish()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use jiff::Timestamp;

    use super::{Digest, Standing, Subject, accept, standing};
    use crate::drift::Named;

    fn project(id: &str) -> Named {
        Named { id: id.to_owned(), name: "shop".to_owned() }
    }

    fn subject<'s>(project: &'s Named, text: &str, path: &'s str) -> Subject<'s> {
        Subject { project, digest: Digest::of(text), path: Path::new(path) }
    }

    #[test]
    fn a_text_is_known_by_its_sha_256() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of("abc").to_string(), known);
    }

    #[test]
    fn only_these_words_for_this_project_are_accepted() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let (shop, other) = (project("p1"), project("p2"));
        let of = |project, text, path| standing(Some(&state), &subject(project, text, path)).unwrap();
        assert_eq!(of(&shop, "a", "/srv/doctor.toml"), Standing::Never);
        assert!(!state.exists(), "looking makes no folder");
        for _ in 0..2 {
            accept(Some(&state), &subject(&shop, "a", "/srv/doctor.toml"), Timestamp::UNIX_EPOCH).unwrap();
        }
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
        for (project, text, path, expected) in [
            (&shop, "a", "/srv/doctor.toml", Standing::Accepted),
            // A second checkout of the same words.
            (&shop, "a", "/home/doctor.toml", Standing::Accepted),
            (&shop, "b", "/srv/doctor.toml", Standing::Changed),
            (&shop, "b", "/home/doctor.toml", Standing::Changed),
            (&other, "a", "/srv/doctor.toml", Standing::Changed),
            (&other, "a", "/home/doctor.toml", Standing::Never),
        ] {
            assert_eq!(of(project, text, path), expected, "{} {text} {path}", project.id);
        }
        assert_eq!(standing(None, &subject(&shop, "a", "/srv/doctor.toml")), Ok(Standing::Never));
        assert!(accept(None, &subject(&shop, "a", "/srv/doctor.toml"), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn a_file_that_says_something_else_accepts_nothing_and_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let shop = project("p1");
        let it = subject(&shop, "a", "/srv/doctor.toml");
        let accept = || accept(Some(home.path()), &it, Timestamp::UNIX_EPOCH).unwrap();
        accept();
        let file = fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path();
        let good = fs::read_to_string(&file).unwrap();
        for bad in ["", "{}", &good.replace("p1", "p2"), &good.replace("\"version\":1", "\"version\":2"), &good[1..]] {
            fs::write(&file, bad).unwrap();
            assert_ne!(standing(Some(home.path()), &it).unwrap(), Standing::Accepted, "{bad}");
            accept();
            assert_eq!(fs::read_to_string(&file).unwrap(), good);
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_is_remembered_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let (state, shop) = (home.path().join("a/state"), project("p1"));
        accept(Some(&state), &subject(&shop, "a", "/srv/doctor.toml"), Timestamp::UNIX_EPOCH).unwrap();
        let file = fs::read_dir(&state).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
