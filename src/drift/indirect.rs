//! Indirect values: references to a value kept elsewhere, and ciphertext.
//!
//! Such a value is unknown, like a sealed one: whether it resolves to the other side's value can't be determined. This
//! is the only list of such values. Prefixes are case-sensitive, as the tools write them.

use crate::drift::reference;
use crate::drift::reference::GITHUB_SECRETS;
use crate::drift::suspicious_values::without_quotes;

/// How a value refers to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indirect {
    /// By the syntax of a secret manager or an encryption tool.
    Elsewhere,
    /// By `${{ secrets.NAME }}` of GitHub Actions. Railway resolves the same text if a service is named `secrets`.
    GithubSecret,
}

/// A prefix, and what must follow it so that ordinary values such as `vault:8200` are not mistaken for it.
struct PrefixForm {
    prefix: &'static str,
    fits: fn(&str) -> bool,
}

/// All forms with a fixed prefix.
const FORMS: &[PrefixForm] = &[
    // 1Password. Names of vaults, items and fields may contain spaces.
    PrefixForm { prefix: "op://", fits: |rest| rest.starts_with(|first: char| !first.is_whitespace()) },
    // dotenvx
    PrefixForm { prefix: "encrypted:", fits: is_base64 },
    // sops
    PrefixForm { prefix: "ENC[", fits: |rest| rest.len() > 1 && rest.ends_with(']') },
    // HashiCorp Vault, as bank-vaults and others write it
    PrefixForm { prefix: "vault:", fits: is_vault_path },
    // vals
    PrefixForm { prefix: "ref+", fits: is_backend },
    PrefixForm { prefix: "secretref+", fits: is_backend },
    // AWS Secrets Manager
    PrefixForm { prefix: "awssm:", fits: |rest| is_word(rest.trim_start_matches('/')) },
    PrefixForm { prefix: "arn:aws:secretsmanager:", fits: is_word },
    PrefixForm { prefix: "arn:aws-cn:secretsmanager:", fits: is_word },
    PrefixForm { prefix: "arn:aws-us-gov:secretsmanager:", fits: is_word },
    PrefixForm { prefix: "infisical://", fits: is_word },
    PrefixForm { prefix: "doppler://", fits: is_word },
];

/// The minimum length of ciphertext after `encrypted:`. Real ciphertext has more than a hundred characters.
const SHORTEST_CIPHERTEXT: usize = 16;

/// Returns how the value refers to one kept elsewhere; `None` for an ordinary value. Surrounding whitespace and one
/// pair of quotes are ignored.
pub fn indirect(value: &str) -> Option<Indirect> {
    let text = value.trim();
    let text = without_quotes(text).map_or(text, str::trim);
    let first = text.bytes().next();
    let may_fit = |form: &&PrefixForm| form.prefix.bytes().next() == first;
    let fits = |form: &PrefixForm| text.strip_prefix(form.prefix).is_some_and(form.fits);
    let is_one_line = || !text.contains(['\n', '\r']);
    if (FORMS.iter().filter(may_fit).any(fits) && is_one_line()) || has_op_template(text) {
        return Some(Indirect::Elsewhere);
    }
    let is_github =
        text.contains("${{") && reference::occurrences(text).iter().any(|occurrence| is_github_secret(occurrence.body));
    is_github.then_some(Indirect::GithubSecret)
}

/// Returns whether the value refers to one kept elsewhere.
pub fn is_indirect(value: &str) -> bool {
    indirect(value).is_some()
}

/// Returns true for `secrets.NAME`.
fn is_github_secret(body: &str) -> bool {
    let name = body.strip_prefix(GITHUB_SECRETS).and_then(|rest| rest.strip_prefix('.'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Returns true for `{{ op://vault/item/field }}`, which `op inject` resolves anywhere in a text.
fn has_op_template(text: &str) -> bool {
    if !text.contains('{') {
        return false;
    }
    // The end is searched for once and not for each opening, of which a hostile text may have many.
    let Some(end) = text.rfind("}}") else { return false };
    text.match_indices("{{").take_while(|(at, _)| *at < end).any(|(at, braces)| {
        let path = text[at + braces.len()..].trim_start().strip_prefix("op://");
        path.is_some_and(|path| path.starts_with(|first: char| !first.is_whitespace() && first != '}'))
    })
}

fn is_word(rest: &str) -> bool {
    !rest.is_empty() && !rest.contains(char::is_whitespace)
}

fn is_base64(rest: &str) -> bool {
    rest.len() >= SHORTEST_CIPHERTEXT
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// Matches `secret/data/app#KEY` and Vault's ciphertext `v1:…`, but not `8200` or `8200/ui`: the port of a host named
/// `vault`.
fn is_vault_path(rest: &str) -> bool {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_path = rest
        .split_once(['/', '#'])
        .is_some_and(|(mount, path)| !mount.is_empty() && !is_number(mount) && !path.is_empty());
    let is_ciphertext = || {
        let version = rest.strip_prefix('v').and_then(|rest| rest.split_once(':'));
        version.is_some_and(|(version, text)| is_number(version) && !text.is_empty())
    };
    is_word(rest) && (is_path || is_ciphertext())
}

/// Returns true for `BACKEND://PATH`.
fn is_backend(rest: &str) -> bool {
    rest.split_once("://").is_some_and(|(backend, path)| {
        !backend.is_empty() && backend.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && is_word(path)
    })
}

#[cfg(test)]
mod tests {
    use crate::drift::indirect::{Indirect, indirect};
    use crate::drift::secret_like::is_encryption_metadata;

    #[test]
    fn recognizes_indirect_values() {
        for value in [
            "op://dev/openai/credential",
            "op://Private Vault/My Item/section/one-time password?attribute=otp",
            "  op://dev/openai/credential\n",
            "\"op://dev/openai/credential\"",
            "' op://dev/openai/credential '",
            "{{ op://dev/openai/credential }}",
            "{{op://dev/openai/credential}}",
            "postgres://app:{{ op://dev/db/password }}@db.example.com/app",
            "encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAtZ9HPMfLEIRVz50hm",
            "encrypted:BE9Y7LKANx77X1pv1HnEoil93fPa5c9rpL/1ps48uaRT9zM8VR6mHx9yM+HktKdsPGIZELuZ7rr2mn1gScsm==",
            "ENC[AES256_GCM,data:Tr7o=,iv:1=,aad:No=,tag:k=,type:str]",
            "vault:secret/data/app/password",
            "vault:secret/data/app#PASSWORD",
            "vault:secret/data/app#PASSWORD#2",
            "vault://secret/app#PASSWORD",
            "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zo",
            "ref+vault://secret/app#/password",
            "ref+awssecrets://prod/app?region=eu-west-1#/password",
            "secretref+k8s://v1/Secret/app/db/password",
            "awssm:prod/app",
            "awssm://prod/app",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/app-AbCdEf",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/app-AbCdEf:password::",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:app",
            "infisical://project/prod/API_KEY",
            "doppler://project/config/API_KEY",
        ] {
            assert_eq!(indirect(value), Some(Indirect::Elsewhere), "{value}");
        }
        for value in ["${{ secrets.API_KEY }}", "${{secrets.API_KEY}}", "https://u:${{ secrets.PASSWORD }}@x.dev/"] {
            assert_eq!(indirect(value), Some(Indirect::GithubSecret), "{value}");
        }
    }

    #[test]
    fn near_misses_are_ordinary_values() {
        for value in [
            "",
            " ",
            "op",
            "op:",
            "op:/",
            "op://",
            "op:// is 1Password's scheme",
            "OP://dev/openai/credential",
            "xop://dev/openai/credential",
            "see op://dev/openai/credential",
            "https://docs.example.com/op://",
            "op://a/b/c\nop://d/e/f",
            "{{ op:// }}",
            "{{ op }}://dev",
            "{{ name }}",
            "encrypted",
            "encrypted:",
            "encrypted: yes",
            "encrypted:yes",
            "encrypted:true",
            "encrypted:with-aes-256-and-a-salt",
            "Encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAtZ9HPMfLEIRVz50hm",
            "unencrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAtZ9HPMfLEIRVz50hm",
            "ENC",
            "ENC[",
            "ENC[]",
            "ENC[AES256_GCM",
            "enc[AES256_GCM,data:Tr7o=]",
            "[ENC[AES256_GCM]]",
            "vault",
            "vault:",
            "vault:8200",
            "vault:8200/ui",
            "vault:8200/v1/secret/data/app",
            "vault:hunter2",
            "vault: secret/data/app",
            "vault:secret/",
            "vault:/secret",
            "vault:v1:",
            "vault:vx:abc",
            "http://vault:8200",
            "Vault:secret/data/app",
            "ref+1",
            "ref+",
            "ref+://x",
            "ref+vault://",
            "ref+vault:/x",
            "ref+a b://x",
            "xref+vault://secret/app",
            "awssm",
            "awssm:",
            "awssm: no",
            "awssm://",
            "arn:aws:secretsmanager:",
            "arn:aws:s3:::secretsmanager",
            "arn:aws:iam::123456789012:role/secretsmanager",
            "infisical",
            "infisical://",
            "infisical:x",
            "doppler://",
            "doppler:x",
            "secrets.API_KEY",
            "{{ secrets.API_KEY }}",
            "${secrets.API_KEY}",
            "${{ secrets }}",
            "${{ secrets. }}",
            "${{ secrets.A.B }}",
            "${{ shared.API_KEY }}",
            "${{ my-secrets.API_KEY }}",
            "${{Postgres.DATABASE_URL}}",
            "sk-proj-4f1c9a77b2d04e55",
        ] {
            assert_eq!(indirect(value), None, "{value}");
        }
    }

    /// Quadratic work would take minutes here.
    #[test]
    fn hostile_text_takes_linear_time() {
        for piece in ["{{", "${{", "A=${${{", "{{ ", "{{op:/", "${{ secrets.", "vault:", "ENC[", "\""] {
            assert_eq!(indirect(&piece.repeat(300_000)), None, "{piece}");
        }
    }

    #[test]
    fn encryption_metadata_is_recognized_by_key() {
        for (key, expected) in [
            ("DOTENV_PUBLIC_KEY", true),
            ("DOTENV_PUBLIC_KEY_PRODUCTION", true),
            ("sops_age__list_0__map_recipient", true),
            ("sops_mac", true),
            ("DOTENV_PRIVATE_KEY", false),
            ("SOPS_AGE_KEY", false),
            ("PUBLIC_KEY", false),
        ] {
            assert_eq!(is_encryption_metadata(key), expected, "{key}");
        }
    }
}
