//! Decides which files are trusted independently of the checkout. A file inside the checkout, or one that other users
//! can write, is not: the author of the checkout may have written it. That happens if the home directory is inside the
//! checkout, as in buildpacks and development containers.

use std::path::{Ancestors, Path, PathBuf};

use crate::io::{files, git, os};

/// The directories of a checkout.
#[derive(Clone, Debug, Default)]
pub struct Checkout {
    /// Both as named and with all links resolved.
    roots: Vec<PathBuf>,
}

impl Checkout {
    /// Returns the checkout that contains these directories (the working directory and that of `doctor.toml`): the
    /// repository, or the directory itself outside a repository. Enclosing repositories count too, except a home
    /// directory: users keep their dotfiles in a repository there, and work on other repositories below it.
    pub fn around<'f>(folders: impl IntoIterator<Item = &'f Path>, home: Option<&Path>) -> Self {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let home = home.map(real);
        let mut roots = Vec::new();
        for folder in folders {
            for folder in [files::normal(folder), real(folder)] {
                let mut enclosing = git::roots(&folder);
                roots.push(enclosing.next().unwrap_or(folder.clone()));
                roots.extend(enclosing.filter(|outer| Some(real(outer)) != home));
            }
        }
        roots.extend(roots.clone().iter().map(|root| real(root)));
        roots.sort_unstable();
        roots.dedup();
        Self { roots }
    }

    /// Returns why a file at that path is not trusted, as a predicate without its subject, or `None` if it is trusted.
    pub fn objection(&self, path: &Path) -> Option<&'static str> {
        let path = files::normal(path);
        let there = path.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
        let (named, real) = there.unwrap_or((&path, path.clone()));
        // For a file that does not exist yet, its directory decides.
        let real = match path.strip_prefix(named) {
            Ok(rest) if rest != Path::new("") => real.join(rest),
            _ => real,
        };
        if self.roots.iter().any(|root| path.starts_with(root) || real.starts_with(root)) {
            return Some("is inside the checkout");
        }
        let there = |paths: Ancestors<'_>| paths.filter_map(|part| part.metadata().ok()).collect::<Vec<_>>();
        let parts = there(real.ancestors());
        let (nearest, further) = parts.split_at(parts.len().min(2));
        let is_open = nearest.iter().any(os::others_can_write) || further.iter().any(os::everybody_can_write);
        is_open.then_some("is writable by other users")
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use crate::io::files::provenance::Checkout;

    const INSIDE: Option<&str> = Some("is inside the checkout");
    const OPEN: Option<&str> = Some("is writable by other users");

    fn repository(at: &Path) {
        fs::create_dir_all(at.join(".git")).unwrap();
        fs::write(at.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    fn file(at: &Path, mode: u32) {
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::set_permissions(at.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        fs::write(at, "{}").unwrap();
        fs::set_permissions(at, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_inside_checkout_are_not_trusted() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        repository(&at("outer"));
        repository(&at("outer/inner"));
        repository(&at("home"));
        repository(&at("home/src/shop"));
        fs::create_dir_all(at("plain")).unwrap();
        for name in ["outer/home/config", "outer/inner/config", "home/config", "elsewhere/config", "plain/config"] {
            file(&at(name), 0o600);
        }
        symlink(at("outer/home"), at("link")).unwrap();
        symlink(at("elsewhere"), at("outer/out")).unwrap();
        symlink(at("outer/inner"), at("alias")).unwrap();
        for (folder, home, path, expected) in [
            ("outer", "outer/home", "outer/home/config", INSIDE),
            ("outer", "link", "link/config", INSIDE),
            ("outer", "outer/out", "outer/out/config", INSIDE),
            ("outer", "outer", "outer/missing/config", INSIDE),
            ("outer", "outer/home", "outer/../outer/home/config", INSIDE),
            ("outer/inner", "outer/home", "outer/home/config", INSIDE),
            ("alias", "outer/inner", "outer/inner/config", INSIDE),
            ("alias", "outer/home", "outer/home/config", INSIDE),
            ("outer/inner", "elsewhere", "elsewhere/config", None),
            ("outer", "elsewhere", "elsewhere/missing", None),
            // The home directory is a repository of dotfiles.
            ("home/src/shop", "home", "home/config", None),
            ("home", "home", "home/config", INSIDE),
            ("plain", "plain", "plain/config", INSIDE),
            ("plain", "elsewhere", "elsewhere/config", None),
        ] {
            let checkout = Checkout::around([at(folder).as_path()], Some(&at(home)));
            assert_eq!(checkout.objection(&at(path)), expected, "{path} from {folder}");
        }
    }

    #[test]
    fn files_writable_by_others_are_not_trusted() {
        let base = tempfile::tempdir().unwrap();
        let checkout = Checkout::around([base.path().join("shop").as_path()], None);
        let path = base.path().join("home/.railway/config.json");
        for (folder, home, mode, expected) in [
            (0o755, 0o755, 0o600, None),
            (0o755, 0o755, 0o644, None),
            (0o755, 0o755, 0o646, OPEN),
            (0o755, 0o755, 0o666, OPEN),
            (0o777, 0o755, 0o600, OPEN),
            (0o755, 0o777, 0o600, OPEN),
            // The sticky bit: only the owner of a file can replace it.
            (0o755, 0o1777, 0o600, None),
        ] {
            file(&path, mode);
            let set = |at: &Path, mode| fs::set_permissions(at, Permissions::from_mode(mode)).unwrap();
            set(path.parent().unwrap(), folder);
            set(&base.path().join("home"), home);
            assert_eq!(checkout.objection(&path), expected, "{folder:o} {home:o} {mode:o}");
        }
    }
}
