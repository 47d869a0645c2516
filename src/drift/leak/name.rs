//! What a file is by its name.

use crate::drift::example::is_template;

/// What a staged file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.env`, `.env.staging`, `.dev.vars`: in use, and often kept out of a repository.
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
    // Wrangler has `.dev.vars`, and Flask `.flaskenv`.
    let own = [".env", ".dev.vars", ".flaskenv"].iter().find_map(|start| name.strip_prefix(start));
    match own {
        Some(rest) if is_template(rest) && (rest.is_empty() || rest.starts_with(['.', '-', '_'])) => Kind::Example,
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
            (".env.example.local", Kind::Example),
            (".env.schema", Kind::Example),
            (".env.defaults", Kind::Example),
            (".env-example", Kind::Example),
            (".env.test", Kind::EnvFile),
            (".dev.vars", Kind::EnvFile),
            (".dev.vars.production", Kind::EnvFile),
            (".dev.vars.example", Kind::Example),
            (".dev.variables", Kind::Other),
            (".flaskenv", Kind::EnvFile),
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
