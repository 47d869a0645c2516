//! Finds secrets that are parts of a value: members of JSON, blocks of PEM, assignments, any of them in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value};

use crate::drift::Secret;
use crate::drift::compare::shared_value::{is_separate_secret, is_uuid};
use crate::drift::placeholder::names_secret;

/// Beginnings of JSON objects and PEM in base64.
const ENCODED: [&str; 5] = ["LS0tLS1CRUdJTi", "ew0K", "ewog", "ewoJ", "eyJ"];

/// Members of a JSON Web Key that only its owner has: the exponent of a key pair, and a symmetric key.
const PRIVATE_MEMBERS: [&str; 2] = ["d", "k"];

/// Longer names of members are content, in bytes.
const LONGEST_MEMBER: usize = 64;

/// Returns whether a part of the JSON or encoded text is a secret; `None` if the text is neither.
pub(super) fn contained_secret(key: &str, text: &str) -> Option<bool> {
    if text.starts_with(['{', '[']) {
        let json = serde_json::from_str(text).ok()?;
        return Some(has_secret(key, key, &json));
    }
    decoded(text).map(|decoded| is_separate_secret(key, &decoded))
}

/// Returns whether the value with that name has a secret. `key` is that of the variable.
fn has_secret(key: &str, name: &str, json: &Value) -> bool {
    match json {
        Value::String(text) => is_separate_secret(name, &Secret::new(text.as_str())),
        Value::Array(items) => items.iter().any(|item| has_secret(key, name, item)),
        Value::Object(members) if members.contains_key("kty") => {
            PRIVATE_MEMBERS.iter().any(|member| members.contains_key(*member))
        }
        Value::Object(members) => members.iter().any(|(member, json)| {
            !is_key_of_firebase_app(members, member) && has_secret(key, &member_name(key, member), json)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the name of a member together with the key, because either of them may name a secret.
fn member_name(key: &str, member: &str) -> String {
    if member.len() <= LONGEST_MEMBER { format!("{key}_{member}") } else { key.to_owned() }
}

/// Returns whether the member is the key in the configuration of a web app, which identifies its project.
fn is_key_of_firebase_app(members: &Map<String, Value>, member: &str) -> bool {
    member == "apiKey" && (members.contains_key("authDomain") || members.contains_key("projectId"))
}

/// Returns the text that base64 encodes, if that text has parts.
fn decoded(text: &str) -> Option<Secret> {
    if !ENCODED.iter().any(|start| text.starts_with(start)) {
        return None;
    }
    let encoded: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    String::from_utf8(bytes).ok().map(Secret::new)
}

/// Returns the text from the first private key on; `None` if it has none.
pub(super) fn private_key(text: &str) -> Option<&str> {
    let mut blocks = text.match_indices("-----BEGIN ").map(|(at, begin)| (at, &text[at + begin.len()..]));
    let is_private = |block: &str| block.split_once("-----").is_some_and(|(label, _)| label.ends_with("PRIVATE KEY"));
    blocks.find(|(_, block)| is_private(block)).map(|(at, _)| &text[at..])
}

/// Returns whether the text assigns a secret to a name, as in `username=shop password=…`, `token: …`, `token = …`.
pub(super) fn assigns_secret(text: &str) -> bool {
    let (mut before, mut last) = (None, None);
    let pieces = text.split(|sign: char| sign.is_whitespace() || matches!(sign, ',' | ';'));
    pieces.filter(|piece| !piece.is_empty()).any(|piece| {
        let assigned = piece.split_once('=').or_else(|| Some((before?, piece)));
        before = if piece == "=" { last } else { piece.strip_suffix(':') };
        last = Some(piece);
        assigned.is_some_and(|(name, value)| {
            let value = value.trim_matches(['"', '\'']);
            names_secret(name) && !is_uuid(value) && is_separate_secret(name, &Secret::new(value))
        })
    })
}
