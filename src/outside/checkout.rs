//! What a checkout says of how Railway is to run it.

use std::path::{Path, PathBuf};

use crate::outside::{files, git};

/// What Railway reads of a checkout, in the folder that a service is built from.
const FILES: [&str; 3] = ["railway.json", "railway.toml", ".railway/railway.ts"];

/// Railway's configuration files for a service in this checkout, as a person would type them.
pub fn config_files(root_directory: Option<&str>, folder: &Path) -> Vec<String> {
    let root = git::root(folder).unwrap_or_else(|| folder.to_owned());
    let inside = root_directory.unwrap_or_default().trim_matches('/');
    // The folder is Railway's word, and stays inside the checkout.
    if inside.split('/').any(|part| part == "..") {
        return Vec::new();
    }
    let own: PathBuf = inside.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut paths: Vec<PathBuf> = FILES.iter().map(|name| root.join(&own).join(name)).collect();
    // That one describes the whole project.
    paths.push(root.join(FILES[2]));
    paths.dedup();
    let found = paths.iter().filter(|path| path.is_file());
    found.map(|path| files::display_path(path, folder)).collect()
}
