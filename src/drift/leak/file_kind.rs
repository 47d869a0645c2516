//! Classifies files by name.

use crate::drift::example_file::is_template;

/// The kind of a staged file, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.env`, `.env.staging`, `.dev.vars`: usually ignored by git.
    EnvFile,
    /// `.env.example`, `prod.env`, `.envrc`: often committed, which is fine as long as the file contains no secret.
    Example,
    Other,
}

/// Returns the kind of a file. The directory is irrelevant.
pub fn kind(path: &str) -> FileKind {
    let name = path.rsplit('/').next().unwrap_or(path);
    // dotenv-vault's ciphertext.
    if name == ".env.vault" {
        return FileKind::Other;
    }
    // Wrangler uses `.dev.vars`, Flask `.flaskenv`.
    let suffix = [".env", ".dev.vars", ".flaskenv"].iter().find_map(|start| name.strip_prefix(start));
    match suffix {
        Some(rest) if is_template(rest) && (rest.is_empty() || rest.starts_with(['.', '-', '_'])) => FileKind::Example,
        Some(rest) if rest.is_empty() || rest.starts_with('.') => FileKind::EnvFile,
        Some("rc") => FileKind::Example,
        _ if name.rsplit_once('.').is_some_and(|(_, ending)| ending == "env") => FileKind::Example,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::leak::file_kind::{FileKind, kind};

    #[test]
    fn file_kind_depends_on_name_and_not_on_directory() {
        for (path, expected) in [
            (".env", FileKind::EnvFile),
            ("services/api/.env", FileKind::EnvFile),
            (".env.local", FileKind::EnvFile),
            (".env.production", FileKind::EnvFile),
            (".env.keys", FileKind::EnvFile),
            (".env.example.local", FileKind::Example),
            (".env.schema", FileKind::Example),
            (".env.defaults", FileKind::Example),
            (".env-example", FileKind::Example),
            (".env.test", FileKind::EnvFile),
            (".dev.vars", FileKind::EnvFile),
            (".dev.vars.production", FileKind::EnvFile),
            (".dev.vars.example", FileKind::Example),
            (".dev.variables", FileKind::Other),
            (".flaskenv", FileKind::EnvFile),
            (".env.example", FileKind::Example),
            ("api/.env.local.sample", FileKind::Example),
            (".env.template", FileKind::Example),
            (".envrc", FileKind::Example),
            ("docker/common.env", FileKind::Example),
            (".env.vault", FileKind::Other),
            (".environment", FileKind::Other),
            (".env/readme.md", FileKind::Other),
            ("environment.ts", FileKind::Other),
            ("env", FileKind::Other),
            ("", FileKind::Other),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
