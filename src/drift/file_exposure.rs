//! Finds the secrets of a file, for checks of who can access it.

use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::expected_differences;
use crate::drift::indirect::is_indirect;
use crate::drift::placeholder::is_unset;
use crate::drift::secret_like::is_public;
use crate::drift::secret_like::is_secret_like;

/// Returns the secrets of a file: assignments of secret-like keys with actual values.
pub fn secrets(file: &LocalFile) -> impl Iterator<Item = &Entry> {
    file.entries.iter().filter(|entry| is_secret_like(&entry.key) && !is_public(&entry.key) && is_filled(entry))
}

/// Returns whether the entry has a secret. `TOKEN_TTL=3600` and `USE_AUTH=true` are settings; references, ciphertext
/// and local addresses are not secret.
fn is_filled(entry: &Entry) -> bool {
    let value = entry.value.expose().trim();
    let is_setting = (value.len() <= 5 && value.parse::<f64>().is_ok())
        || ["true", "false", "yes", "no", "on", "off", "none", "null"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word));
    let is_reference = value.starts_with("${") && value.ends_with('}');
    !value.is_empty()
        && !is_setting
        && !is_reference
        && !is_indirect(value)
        && !is_unset(&entry.key, value)
        && expected_differences::of(&entry.key, &entry.value).is_none()
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::file_exposure::secrets;

    #[test]
    fn only_sensitive_values_count_as_secrets() {
        for (line, expected) in [
            ("API_KEY=4f1c9a", true),
            ("DB_PASSWORD='correct horse'", true),
            ("PIN_SECRET=123456", true),
            ("PASSWORD=abc", true),
            ("SENTRY_DSN=https://abc@o1.ingest.sentry.io/1", true),
            ("API_KEY=", false),
            ("API_KEY='  '", false),
            ("API_KEY=changeme", false),
            ("API_KEY=<your key>", false),
            ("API_KEY='${{shared.API_KEY}}'", false),
            ("TOKEN_TTL=3600", false),
            ("USE_AUTH=true", false),
            ("AUTH_URL=http://localhost:3000/auth", false),
            ("NEXT_PUBLIC_MAPS_KEY=AIzaSyB", false),
            ("VITE_SUPABASE_KEY=eyJhbGc", false),
            ("STRIPE_PUBLISHABLE_KEY=pk_live_1", false),
            ("KEYBOARD=qwertz", false),
            ("NAME=shop", false),
            ("API_KEY=op://dev/openai/credential", false),
            ("API_KEY=\"encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3\"", false),
            ("API_KEY=encrypted:yes", true),
            ("API_KEY='https://u:${{ secrets.P }}@x.dev'", false),
            ("DOTENV_PUBLIC_KEY=03f8b376234c4f2f", false),
            ("sops_hc_vault__list_0__map_key_name=first-key", false),
            ("DOTENV_PRIVATE_KEY=7d3f9a8b7c6d5e4f", true),
        ] {
            let file = LocalFile::parse(".env", Secret::new(line));
            assert_eq!(secrets(&file).count() == 1, expected, "{line}");
        }
    }
}
