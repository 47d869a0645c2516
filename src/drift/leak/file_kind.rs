//! What a file is by its name.

use crate::drift::example_file::is_template;

/// What a staged file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.env`, `.env.staging`, `.dev.vars`: in use, and often kept out of a repository.
    EnvFile,
    /// `.env.example`, `prod.env`, `.envrc`: often committed, and fine as long as it holds no secret.
    Example,
    /// Anything else.
    Other,
}

/// What the file is; the folder it lies in tells nothing.
pub fn kind(path: &str) -> FileKind {
    let name = path.rsplit('/').next().unwrap_or(path);
    // dotenv-vault's own ciphertext.
    if name == ".env.vault" {
        return FileKind::Other;
    }
    // Wrangler has `.dev.vars`, and Flask `.flaskenv`.
    let own = [".env", ".dev.vars", ".flaskenv"].iter().find_map(|start| name.strip_prefix(start));
    match own {
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
    fn file_kind_depends_on_name_and_not_on_folder() {
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
