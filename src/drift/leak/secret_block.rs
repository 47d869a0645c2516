//! Splits a multi-line secret into parts. A file may contain it with different whitespace between the parts: indented,
//! with CRLF, or as one line of JSON.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::leak::randomness::{is_prose, looks_random};
use crate::drift::leak::secret_address::password;
use crate::drift::placeholder::{is_secret_text, names_secret};
use crate::drift::redact::encodings;

/// The shortest part that is searched for, in bytes.
const SHORTEST: usize = 16;

/// The shortest password of a URL that is searched for on its own, in bytes.
const SHORTEST_PASSWORD: usize = 8;

/// Returns the parts of a value that are secrets on their own: the lines of a private key, the strings in JSON, the
/// lines of any other text, the password of a URL.
pub(super) fn pieces(key: &str, value: &str) -> Vec<Zeroizing<String>> {
    let mut pieces = Vec::new();
    if let Some((_, password)) = password(value) {
        let is_long = password.len() >= SHORTEST_PASSWORD && !is_prose(password);
        // Also in base64, as in the header `Authorization: Basic`.
        pieces.extend(is_long.then(|| shortest(encodings::forms(password))).into_iter().flatten());
    }
    let texts = json_texts(value);
    let is_json = !texts.is_empty();
    let whole = [Zeroizing::new(value.to_owned())];
    for text in if is_json { &texts[..] } else { &whole } {
        if is_json || text.contains(['\n', '\r']) || text.contains("\\n") {
            lines(key, text, &mut pieces);
        }
    }
    pieces
}

/// Returns every string in a JSON object or array.
fn json_texts(value: &str) -> Vec<Zeroizing<String>> {
    let mut texts = Vec::new();
    if !value.trim_start().starts_with(['{', '[']) {
        return texts;
    }
    let mut left: Vec<Value> = serde_json::from_str(value).into_iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => texts.push(Zeroizing::new(text)),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    texts
}

/// The kind of PEM block that a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Private,
    Public,
}

fn lines(key: &str, text: &str, pieces: &mut Vec<Zeroizing<String>>) {
    let text = Zeroizing::new(text.replace("\\r", "\r").replace("\\n", "\n"));
    let mut block = Block::None;
    for line in text.split(['\n', '\r']) {
        let line = line.trim().trim_end_matches(',');
        if line.starts_with("-----BEGIN ") {
            block = if line.contains("PRIVATE") { Block::Private } else { Block::Public };
        } else if line.starts_with("-----END ") {
            block = Block::None;
        } else {
            let line = if block == Block::None { field(line) } else { line };
            if line.len() >= SHORTEST && is_piece(key, line, block) {
                pieces.push(Zeroizing::new(line.to_owned()));
            }
        }
    }
}

/// Returns the value of a JSON line `"name": "value"`; any other line unchanged.
fn field(line: &str) -> &str {
    let value = line.strip_prefix('"').and_then(|rest| rest.split_once("\":")).map_or(line, |(_, value)| value.trim());
    value.trim_matches(['"', '\''])
}

fn is_piece(key: &str, line: &str, block: Block) -> bool {
    match block {
        // `Proc-Type: 4,ENCRYPTED`
        Block::Private => !line.contains(": "),
        Block::Public => false,
        Block::None => {
            let is_secret = || names_secret(key) && is_secret_text("KEY", &Secret::new(line)) && !is_prose(line);
            looks_random(line, SHORTEST) || is_secret()
        }
    }
}

/// Returns the forms that do not start with another form: wherever such a form occurs, the shorter one occurs, too.
pub(super) fn shortest(mut forms: Vec<Zeroizing<String>>) -> impl Iterator<Item = Zeroizing<String>> {
    // The forms are sorted, so a form comes before those that start with it.
    forms.dedup_by(|form, before| form.starts_with(before.as_str()));
    forms.into_iter()
}

#[cfg(test)]
mod tests {
    use crate::drift::leak::secret_block::pieces;

    fn found(key: &str, value: &str) -> Vec<String> {
        pieces(key, value).iter().map(|piece| piece.to_string()).collect()
    }

    #[test]
    fn private_key_is_searched_line_by_line() {
        let block = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIBAAAAAAAAAAAAAAAA\r\nBBBBBBBBBBBBBBBB\nshort=\n-----END RSA PRIVATE KEY-----";
        let expected = ["MIIBAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB"];
        assert_eq!(found("PEM", block), expected);
        assert_eq!(found("PEM", &block.replace('\r', "").replace('\n', "\\n")), expected, "written on one line");
        assert_eq!(found("CERT", &block.replace("RSA PRIVATE KEY", "CERTIFICATE")), [""; 0]);
    }

    #[test]
    fn json_is_searched_for_its_secret_fields() {
        let json = r#"{
  "type": "service_account",
  "project_id": "acme-production",
  "private_key_id": "4f1c9a77b2d04e554f1c9a77b2d04e55",
  "private_key": "-----BEGIN PRIVATE KEY-----\nMIIBAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n",
  "client_email": "robot@acme.iam.gserviceaccount.com",
  "client_id": "123456789012345678901",
  "token_uri": "https://oauth2.googleapis.com/token"
}"#;
        let mut expected = ["4f1c9a77b2d04e554f1c9a77b2d04e55", "MIIBAAAAAAAAAAAAAAAA"];
        for text in [json.to_owned(), json.replace('\n', ""), json.replacen('{', "", 1)] {
            let mut found = found("GOOGLE_CREDENTIALS", &text);
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn multi_line_value_is_searched_only_under_a_secret_key() {
        let text = "first line, of no interest\ncorr3ct horse battery\nshort";
        assert_eq!(found("RECOVERY_TOKEN", text), ["first line, of no interest", "corr3ct horse battery"]);
        assert_eq!(found("NOTICE", text), [""; 0]);
        assert_eq!(found("TOKEN", "one line alone, which is searched for as it is"), [""; 0]);
        let password = found("DATABASE_URL", "postgres://app:s3cr3t-w0rd@db.acme.dev/app");
        assert!(password.iter().any(|piece| piece == "s3cr3t-w0rd"), "{password:?}");
        let header = "YXBwOnMzY3IzdC13MHJk"; // app:s3cr3t-w0rd
        assert!(password.iter().any(|piece| header.contains(piece.as_str())), "{password:?}");
    }
}
