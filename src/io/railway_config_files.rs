//! Finds Railway's configuration files in a checkout, without reading them.

use std::path::{Path, PathBuf};

use crate::io::files::resolve;
use crate::io::{files, git};

/// Config as Code: the files that Railway reads from the root directory of a service.
const CONFIG_FILES: [&str; 2] = ["railway.json", "railway.toml"];

/// Infrastructure as code: the files that the Railway CLI evaluates, in its order of precedence.
const INFRASTRUCTURE_FILES: [&str; 3] = [".railway/railway.ts", ".railway/railway.py", ".railway/railway.go"];

/// Returns Railway's configuration files for a service in this checkout, relative to the working directory.
pub fn config_files(root_directory: Option<&str>, folder: &Path) -> Vec<String> {
    let root = root(folder);
    let inside = root_directory.unwrap_or_default().trim_matches('/');
    // The directory comes from Railway, and must be inside the checkout.
    if inside.split('/').any(|part| part == "..") {
        return Vec::new();
    }
    let own: PathBuf = inside.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let paths = CONFIG_FILES.iter().map(|name| root.join(&own).join(name));
    paths.filter(|path| is_inside(path, &root)).map(|path| files::display_path(&path, folder)).collect()
}

/// Returns the nearest infrastructure-as-code file, from the working directory up to the root of the checkout, relative
/// to the working directory. Without a repository, only the working directory is searched.
pub fn infrastructure_file(folder: &Path) -> Option<String> {
    let root = root(folder);
    let folders = folder.ancestors().take_while(|ancestor| ancestor.starts_with(&root));
    let mut paths = folders.flat_map(|folder| INFRASTRUCTURE_FILES.map(|name| folder.join(name)));
    paths.find(|path| is_inside(path, &root)).map(|path| files::display_path(&path, folder))
}

fn root(folder: &Path) -> PathBuf {
    git::root(folder).unwrap_or_else(|| folder.to_owned())
}

/// Returns whether the file exists and, after its links are resolved, is inside the checkout.
fn is_inside(path: &Path, root: &Path) -> bool {
    let end = |path: &Path| resolve(path).ok().map(|resolved| resolved.end);
    path.is_file() && end(path).zip(end(root)).is_some_and(|(end, root)| end.starts_with(root))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::io::railway_config_files::{config_files, infrastructure_file};

    fn write(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // Not UTF-8: the content must not matter.
            fs::write(path, [0xff, 0xfe]).unwrap();
        }
    }

    #[test]
    fn nearest_infrastructure_file_within_repository_is_used() {
        for (files, expected) in [
            (&[][..], None),
            (&["repository/.railway/railway.ts"], Some("../../.railway/railway.ts")),
            (&["repository/.railway/railway.py"], Some("../../.railway/railway.py")),
            (&["repository/.railway/railway.go"], Some("../../.railway/railway.go")),
            (&["repository/.railway/railway.go", "repository/.railway/railway.py"], Some("../../.railway/railway.py")),
            (
                &["repository/.railway/railway.ts", "repository/apps/.railway/railway.go"],
                Some("../.railway/railway.go"),
            ),
            (&["repository/apps/api/.railway/railway.ts"], Some(".railway/railway.ts")),
            (&[".railway/railway.ts"], None),
            (&["repository/apps/web/.railway/railway.ts"], None),
            (&["repository/railway.ts", "repository/.railway/railway.rb", "repository/.railway/railway.ts/x"], None),
        ] {
            let guard = tempfile::tempdir().unwrap();
            write(guard.path(), &["repository/.git/HEAD", "repository/apps/api/main.py"]);
            write(guard.path(), files);
            let found = infrastructure_file(&guard.path().join("repository/apps/api"));
            assert_eq!(found.as_deref(), expected, "{files:?}");
        }
    }

    #[test]
    fn outside_repository_only_working_directory_is_searched() {
        let guard = tempfile::tempdir().unwrap();
        write(guard.path(), &[".railway/railway.ts", "below/main.py"]);
        assert_eq!(infrastructure_file(&guard.path().join("below")), None);
        assert_eq!(infrastructure_file(guard.path()).as_deref(), Some(".railway/railway.ts"));
    }

    #[cfg(unix)]
    #[test]
    fn symlink_leading_out_of_checkout_is_ignored() {
        use std::os::unix::fs::symlink;
        let guard = tempfile::tempdir().unwrap();
        let (root, elsewhere) = (guard.path().join("repository"), guard.path().join("elsewhere"));
        write(guard.path(), &["repository/.git/HEAD", "repository/deploy/railway.ts", "elsewhere/railway.ts"]);
        write(guard.path(), &["elsewhere/railway.json", "repository/deploy/railway.json"]);
        symlink(&elsewhere, root.join(".railway")).unwrap();
        symlink(elsewhere.join("railway.json"), root.join("railway.json")).unwrap();
        assert_eq!((infrastructure_file(&root), config_files(None, &root)), (None, Vec::new()));
        fs::remove_file(root.join(".railway")).unwrap();
        fs::remove_file(root.join("railway.json")).unwrap();
        symlink("deploy", root.join(".railway")).unwrap();
        symlink("deploy/railway.json", root.join("railway.json")).unwrap();
        assert_eq!(infrastructure_file(&root).as_deref(), Some(".railway/railway.ts"));
        assert_eq!(config_files(None, &root), ["railway.json"]);
    }
}
