//! What a file is by its name.

use crate::drift::example::is_example;

/// What a staged file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.env`, `.env.staging`: made to be kept out of a repository.
    EnvFile,
    /// `.env.example`, `prod.env`, `.envrc`: often committed, and fine as long as it holds no secret.
    Example,
    /// Anything else.
    Other,
}

/// What the file is; the folder it lies in tells nothing.
pub fn kind(path: &str) -> Kind {
    let name = path.rsplit('/').next().unwrap_or(path);
    // dotenv-vault's own ciphertext.
    if name == ".env.vault" {
        return Kind::Other;
    }
    match name.strip_prefix(".env") {
        Some(rest) if is_example(rest) => Kind::Example,
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Kind::EnvFile,
        Some("rc") => Kind::Example,
        _ if name.rsplit_once('.').is_some_and(|(_, ending)| ending == "env") => Kind::Example,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn the_name_tells_and_the_folder_does_not() {
        for (path, expected) in [
            (".env", Kind::EnvFile),
            ("services/api/.env", Kind::EnvFile),
            (".env.local", Kind::EnvFile),
            (".env.production", Kind::EnvFile),
            (".env.keys", Kind::EnvFile),
            (".env.example.local", Kind::EnvFile),
            (".env.example", Kind::Example),
            ("api/.env.local.sample", Kind::Example),
            (".env.template", Kind::Example),
            (".envrc", Kind::Example),
            ("docker/common.env", Kind::Example),
            (".env.vault", Kind::Other),
            (".environment", Kind::Other),
            (".env/readme.md", Kind::Other),
            ("environment.ts", Kind::Other),
            ("env", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
