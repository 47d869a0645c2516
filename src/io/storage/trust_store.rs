//! The trust store: the versions of `doctor.toml` that the user accepted, each for one project. Each is a file in the
//! state directory.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::drift::ResourceRef;
use crate::error::Error;
use crate::io::config::TrustedParts;
use crate::io::files::provenance::Checkout;
use crate::io::storage::state_dir::{Placed, PrivateDir, Purpose, StoredContent};

/// The extension of a trust file, whose name is a digest of what it accepts.
const ENDING: &str = ".trust";

/// The version of the format.
const VERSION: u8 = 2;

/// The texts of the errors.
const PURPOSE: Purpose = Purpose {
    what: "the trust store",
    cannot: "failed to record the accepted doctor.toml",
    instead: "pass --project and --environment in each run",
};

/// A `doctor.toml`, and the project that it is used for.
#[derive(Clone, Debug)]
pub struct Subject<'s> {
    /// The project, as Railway returned it.
    pub project: &'s ResourceRef,
    /// The parts of the file that determine where local values go.
    pub trusted_parts: &'s TrustedParts,
    /// The absolute path of the file, to recognise a changed version.
    pub path: &'s Path,
    /// The checkout that contains the file.
    pub checkout: &'s Checkout,
}

/// Whether the user accepted the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustStatus {
    /// The trusted parts were accepted for this project.
    Accepted,
    /// Other parts were accepted, for this project or this file: the lines of the [`TrustedParts`] that were accepted
    /// last.
    Changed(Vec<String>),
    /// The same parts were accepted for the project of this name.
    OtherProject(String),
    Never,
}

/// The content of a trust file.
#[derive(Deserialize, Serialize)]
struct TrustFile {
    version: u8,
    project: String,
    name: String,
    digest: String,
    path: String,
    accepted: String,
    lines: Vec<String>,
}

/// Records that the user accepted the file. Accepting it again changes nothing.
pub fn accept(state: Option<&Path>, subject: &Subject<'_>, now: Timestamp) -> Result<(), Error> {
    let folder = folder(state)?;
    if let Some((path, why)) = state.and_then(|state| Some((state, subject.checkout.objection(state)?))) {
        return Err(Error::Journal {
            what: PURPOSE.cannot.to_owned(),
            cause: format!("{} {why}", path.display()),
            help: format!("set XDG_STATE_HOME to your own directory outside the checkout, or {}", PURPOSE.instead)
                .into(),
        });
    }
    let form = TrustFile {
        version: VERSION,
        project: subject.project.id.clone(),
        name: subject.project.name.clone(),
        digest: subject.trusted_parts.digest.to_string(),
        path: subject.path.display().to_string(),
        accepted: now.to_string(),
        lines: subject.trusted_parts.lines.clone(),
    };
    let name = file_name(subject);
    let text = serde_json::to_string(&form).expect("texts and a number are JSON");
    if folder.place(&name, text.as_bytes())? == Placed::AlreadyExists && !accepts(&folder, &name, subject)? {
        // Truncated or written by hand. It accepts nothing, and blocks the new file.
        folder.remove(&name);
        folder.place(&name, text.as_bytes())?;
    }
    Ok(())
}

/// Returns whether the user accepted the file. Without a state directory, or with one that another user may have
/// written, it was never accepted.
pub fn status(state: Option<&Path>, subject: &Subject<'_>) -> Result<TrustStatus, Error> {
    let Some(state) = state else { return Ok(TrustStatus::Never) };
    let name = file_name(subject);
    if [state, &state.join(&name)].into_iter().any(|path| subject.checkout.objection(path).is_some()) {
        return Ok(TrustStatus::Never);
    }
    let folder = folder(Some(state))?;
    if accepts(&folder, &name, subject)? {
        return Ok(TrustStatus::Accepted);
    }
    let path = subject.path.display().to_string();
    let mut last: Option<TrustFile> = None;
    for name in folder.names()?.iter().filter(|name| name.ends_with(ENDING)) {
        let fits = |form: &TrustFile| form.project == subject.project.id || form.path == path;
        let Some(form) = read(&folder, name)?.filter(fits) else { continue };
        // The same path takes precedence over another checkout of the project.
        let order = |form: &TrustFile| (form.path == path, form.accepted.clone());
        if last.as_ref().is_none_or(|last| order(last) < order(&form)) {
            last = Some(form);
        }
    }
    Ok(match last {
        None => TrustStatus::Never,
        Some(form) if form.digest == subject.trusted_parts.digest.to_string() => TrustStatus::OtherProject(form.name),
        Some(form) => TrustStatus::Changed(form.lines),
    })
}

fn folder(state: Option<&Path>) -> Result<PrivateDir, Error> {
    let path: Option<PathBuf> = state.map(Path::to_owned);
    path.map(|path| PrivateDir::new(path, PURPOSE)).ok_or_else(|| Error::Journal {
        what: PURPOSE.cannot.to_owned(),
        cause: "the home directory is unknown".to_owned(),
        help: format!("set HOME, or {}", PURPOSE.instead).into(),
    })
}

/// Returns whether the content of the trust file accepts the subject. Its name alone does not count.
fn accepts(folder: &PrivateDir, name: &str, subject: &Subject<'_>) -> Result<bool, Error> {
    let form = read(folder, name)?;
    Ok(form.is_some_and(|form| {
        form.project == subject.project.id && form.digest == subject.trusted_parts.digest.to_string()
    }))
}

/// Reads a trust file. Returns `None` if it is missing or invalid.
fn read(folder: &PrivateDir, name: &str) -> Result<Option<TrustFile>, Error> {
    let Some(StoredContent(bytes)) = folder.read(name)? else { return Ok(None) };
    Ok(serde_json::from_slice(&bytes).ok().filter(|form: &TrustFile| form.version == VERSION))
}

fn file_name(subject: &Subject<'_>) -> String {
    let mut context = Context::new(&SHA256);
    context.update(subject.trusted_parts.digest.as_bytes());
    context.update(subject.project.id.as_bytes());
    hex::encode(context.finish()) + ENDING
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use jiff::Timestamp;

    use crate::drift::ResourceRef;
    use crate::io::config::{Digest, TrustedParts};
    use crate::io::files::provenance::Checkout;
    use crate::io::storage::trust_store::{Subject, TrustStatus, accept, status};

    fn project(id: &str) -> ResourceRef {
        ResourceRef { id: id.to_owned(), name: "shop".to_owned() }
    }

    fn trusted_parts(text: &str) -> TrustedParts {
        TrustedParts { lines: vec![text.to_owned()], digest: Digest::of(text) }
    }

    fn subject<'s>(
        project: &'s ResourceRef,
        trusted_parts: &'s TrustedParts,
        path: &'s str,
        checkout: &'s Checkout,
    ) -> Subject<'s> {
        Subject { project, trusted_parts, path: Path::new(path), checkout }
    }

    #[test]
    fn acceptance_is_limited_to_decisions_and_project() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let (shop, other) = (project("p1"), project("p2"));
        let checkout = Checkout::default();
        let [a, b] = ["a", "b"].map(trusted_parts);
        let of = |project, text, path| status(Some(&state), &subject(project, text, path, &checkout)).unwrap();
        assert_eq!(of(&shop, &a, "/srv/doctor.toml"), TrustStatus::Never);
        assert!(!state.exists(), "reading does not create the directory");
        let it = subject(&shop, &a, "/srv/doctor.toml", &checkout);
        for _ in 0..2 {
            accept(Some(&state), &it, Timestamp::UNIX_EPOCH).unwrap();
        }
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
        let changed = || TrustStatus::Changed(vec!["a".to_owned()]);
        for (project, text, path, expected) in [
            (&shop, &a, "/srv/doctor.toml", TrustStatus::Accepted),
            // A second checkout with the same file.
            (&shop, &a, "/home/doctor.toml", TrustStatus::Accepted),
            (&shop, &b, "/srv/doctor.toml", changed()),
            (&shop, &b, "/home/doctor.toml", changed()),
            (&other, &a, "/srv/doctor.toml", TrustStatus::OtherProject("shop".to_owned())),
            (&other, &b, "/srv/doctor.toml", changed()),
            (&other, &a, "/home/doctor.toml", TrustStatus::Never),
        ] {
            assert_eq!(of(project, text, path), expected, "{} {text:?} {path}", project.id);
        }
        assert_eq!(status(None, &it), Ok(TrustStatus::Never));
        assert!(accept(None, &it, Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn changes_are_compared_with_last_accepted_version() {
        let home = tempfile::tempdir().unwrap();
        let (shop, checkout) = (project("p1"), Checkout::default());
        for (second, text, path) in [(3, "one", "/srv/doctor.toml"), (5, "two", "/srv/doctor.toml"), (9, "far", "/x")] {
            let at = Timestamp::from_second(second).unwrap();
            accept(Some(home.path()), &subject(&shop, &trusted_parts(text), path, &checkout), at).unwrap();
        }
        let now = trusted_parts("three");
        let of = |path| status(Some(home.path()), &subject(&shop, &now, path, &checkout)).unwrap();
        assert_eq!(of("/srv/doctor.toml"), TrustStatus::Changed(vec!["two".to_owned()]));
        assert_eq!(of("/elsewhere/doctor.toml"), TrustStatus::Changed(vec!["far".to_owned()]));
    }

    #[test]
    fn record_inside_checkout_is_ignored_and_never_created() {
        let base = tempfile::tempdir().unwrap();
        let (shop, a) = (project("p1"), trusted_parts("a"));
        let state = base.path().join("shop/home/state");
        let own = Checkout::around([base.path().join("shop").as_path()], None);
        let it = |checkout| subject(&shop, &a, "/srv/doctor.toml", checkout);
        let (elsewhere, now) = (Checkout::default(), Timestamp::UNIX_EPOCH);
        accept(Some(&state), &it(&elsewhere), now).unwrap();
        assert_eq!(status(Some(&state), &it(&elsewhere)), Ok(TrustStatus::Accepted));
        fs::create_dir_all(base.path().join("shop")).unwrap();
        assert_eq!(status(Some(&state), &it(&own)), Ok(TrustStatus::Never));
        let refused = accept(Some(&state), &it(&own), now).unwrap_err();
        assert!(refused.cause().unwrap().ends_with("is inside the checkout"), "{refused:?}");
    }

    #[test]
    fn invalid_record_is_ignored_and_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (shop, a, checkout) = (project("p1"), trusted_parts("a"), Checkout::default());
        let it = subject(&shop, &a, "/srv/doctor.toml", &checkout);
        let accept = || accept(Some(home.path()), &it, Timestamp::UNIX_EPOCH).unwrap();
        accept();
        let file = fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path();
        let good = fs::read_to_string(&file).unwrap();
        for bad in ["", "{}", &good.replace("p1", "p2"), &good.replace("\"version\":2", "\"version\":1"), &good[1..]] {
            fs::write(&file, bad).unwrap();
            assert_ne!(status(Some(home.path()), &it).unwrap(), TrustStatus::Accepted, "{bad}");
            accept();
            assert_eq!(fs::read_to_string(&file).unwrap(), good);
        }
    }

    #[test]
    #[cfg(unix)]
    fn records_are_private_and_ignored_if_writable_by_others() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let (state, shop) = (home.path().join("a/state"), project("p1"));
        let (a, checkout) = (trusted_parts("a"), Checkout::default());
        let it = subject(&shop, &a, "/srv/doctor.toml", &checkout);
        accept(Some(&state), &it, Timestamp::UNIX_EPOCH).unwrap();
        let file = fs::read_dir(&state).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        for (path, open, closed) in [(file.path(), 0o666, 0o600), (state.clone(), 0o777, 0o700)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            assert_eq!(status(Some(&state), &it), Ok(TrustStatus::Never), "{open:o}");
            fs::set_permissions(&path, fs::Permissions::from_mode(closed)).unwrap();
            assert_eq!(status(Some(&state), &it), Ok(TrustStatus::Accepted));
        }
    }
}
