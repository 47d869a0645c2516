//! Files that many frameworks read together with `.env`.

use std::path::{Path, PathBuf};

/// Returns the conventional layers next to the default file that are not read: `.env.local`, `.env.development`,
/// `.env.development.local`, and those of the environment. Files of other environments are not layers of this one.
pub fn unread_layers(default: &Path, environment: &str) -> Vec<PathBuf> {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-');
    let mut names = vec![".env.local".to_owned()];
    for mode in ["development", environment] {
        if !mode.is_empty() && mode.chars().all(plain) {
            names.extend([format!(".env.{mode}"), format!(".env.{mode}.local")]);
        }
    }
    let layers = names.into_iter().map(|name| default.with_file_name(name));
    let mut layers: Vec<PathBuf> = layers.filter(|path| path != default && path.is_file()).collect();
    layers.sort();
    layers.dedup();
    layers
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::io::files::unread_layers::unread_layers;

    #[test]
    fn returns_conventional_layers_next_to_the_default_file() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path();
        let unread = |default: &str, environment: &str| -> Vec<String> {
            let layers = unread_layers(&folder.join(default), environment);
            layers.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        for name in [".env", ".env.example", ".env.production", ".env.test", ".env.vault", ".env.staging.bak"] {
            fs::write(folder.join(name), "A=1\n").unwrap();
        }
        fs::create_dir(folder.join(".env.development.local")).unwrap();
        assert_eq!(unread(".env", "staging"), [""; 0], "other files are not layers");
        for name in [".env.local", ".env.development", ".env.staging.local"] {
            fs::write(folder.join(name), "A=1\n").unwrap();
        }
        assert_eq!(unread(".env", "staging"), [".env.development", ".env.local", ".env.staging.local"]);
        assert_eq!(unread(".env", "development"), [".env.development", ".env.local"]);
        assert_eq!(unread(".env", "../x"), [".env.development", ".env.local"]);
        assert_eq!(unread(".env", ""), [".env.development", ".env.local"]);
        fs::write(folder.join(".env.staging"), "A=1\n").unwrap();
        assert_eq!(unread(".env.staging", "staging"), [".env.development", ".env.local", ".env.staging.local"]);
    }
}
