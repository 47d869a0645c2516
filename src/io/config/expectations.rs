//! `[[expect.log]]` and `[[expect.http]]`: the expectations of a running service.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use toml::de::DeValue;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::config::table::{Item, Table};
use crate::io::config::{HeaderPart, HttpSection, JsonPresence, LogSection};

/// The longest `within`.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that affect the routing or framing of a request. `Host` alone could send a value to another service behind
/// the same proxy.
const FIXED_HEADERS: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

pub(super) fn log(table: &Table<'_>) -> Result<LogSection, Error> {
    table.only(&["service", "contains", "within"])?;
    let service = table.required("service", table.text("service")?, "service = \"…\"")?;
    let contains = table.required("contains", table.text("contains")?, "contains = \"part of the line\"")?;
    Ok(LogSection { service, contains: contains.value, within: within(table)? })
}

fn within(table: &Table<'_>) -> Result<Option<Duration>, Error> {
    let Some(item) = table.get("within") else { return Ok(None) };
    let text = item.value.as_str().filter(|text| text.len() <= 32);
    let duration = text.and_then(|text| text.parse::<SignedDuration>().ok());
    let wait = duration.filter(|wait| wait.is_positive() && *wait <= LONGEST_WAIT).map(SignedDuration::unsigned_abs);
    wait.map(Some).ok_or_else(|| table.wrong(&item, "a duration of at most 24h, such as \"30s\" or \"5m\""))
}

pub(super) fn http(table: &Table<'_>) -> Result<HttpSection, Error> {
    table.only(&["service", "request", "allow-effects", "headers", "status", "json"])?;
    let service = table.required("service", table.text("service")?, "service = \"…\"")?;
    table.required("request", table.get("request"), "request = \"GET /path\"")?;
    let (method, path) = request(table)?;
    let allow_effects = table.boolean("allow-effects")?;
    if let (Some(item), false) = (table.get("request"), matches!(method.as_str(), "GET" | "HEAD"))
        && allow_effects != Some(true)
    {
        let what = format!("`request` in [[expect.http]] uses {method}, which may have side effects");
        return Err(table.source.fault(item.start, what, "add `allow-effects = true` if this is intended, or use GET"));
    }
    let (status, json) = (status(table)?, json(table)?);
    if status.is_none() && json.is_empty() {
        table.required("status", status, "status = 200")?;
    }
    Ok(HttpSection { service, method, path, allow_effects, headers: headers(table)?, status, json })
}

/// Reads `GET /path?query`. It has no host, because requests go only to the service's own domain.
fn request(table: &Table<'_>) -> Result<(String, String), Error> {
    let text = table.text("request")?.map(|request| request.value).unwrap_or_default();
    let visible = |path: &str| path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>`{}|^".contains(&byte));
    match text.split_once(' ') {
        // `//host/path` would select another host.
        Some((method, path))
            if METHODS.contains(&method) && path.starts_with('/') && !path.starts_with("//") && visible(path) =>
        {
            Ok((method.to_owned(), path.to_owned()))
        }
        _ => {
            let item = table.required("request", table.get("request"), "request = \"GET /path\"")?;
            Err(table.wrong(&item, "a method and a path, such as \"GET /health?full=1\", without a host"))
        }
    }
}

fn status(table: &Table<'_>) -> Result<Option<u16>, Error> {
    let Some(item) = table.get("status") else { return Ok(None) };
    let status = integer(item.value).and_then(|number| u16::try_from(number).ok());
    let status = status.filter(|status| (100..=599).contains(status));
    status.map(Some).ok_or_else(|| table.wrong(&item, "a number from 100 to 599"))
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn headers(table: &Table<'_>) -> Result<BTreeMap<String, Vec<HeaderPart>>, Error> {
    let mut headers = BTreeMap::new();
    let Some(table) = table.table("headers")? else { return Ok(headers) };
    for item in table.items() {
        let name = item.key.to_ascii_lowercase();
        let fault = |what: String, help: &'static str| Err(table.source.fault(item.key_start, what, help));
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return fault("invalid header name".to_owned(), "use letters, digits and hyphens");
        }
        if FIXED_HEADERS.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with("x-forwarded-") {
            let what =
                format!("doctor.toml can't set {}: it would change where the request goes", table.called(item.key));
            return fault(what, "remove it");
        }
        let parts = header(&table, &item)?;
        if headers.insert(name, parts).is_some() {
            return fault(table.with_name("duplicate header", item.key), "keep one; header names are case-insensitive");
        }
    }
    Ok(headers)
}

/// Reads `Bearer $KEY`: text, and keys that stand for their local values. `$$` is a dollar sign.
fn header(table: &Table<'_>, item: &Item<'_>) -> Result<Vec<HeaderPart>, Error> {
    let expected = "one line of text, with `$KEY` for the local value of KEY and `$$` for a dollar sign";
    let wrong = || table.wrong(item, expected);
    let mut rest = item.value.as_str().filter(|text| !text.chars().any(char::is_control)).ok_or_else(wrong)?;
    let mut parts = Vec::new();
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            rest = after;
            continue;
        }
        let end = after.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let (key, after) = after.split_at(end.unwrap_or(after.len()));
        if key.is_empty() || key.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(wrong());
        }
        if !text.is_empty() {
            parts.push(HeaderPart::Text(Secret::new(std::mem::take(&mut text))));
        }
        parts.push(HeaderPart::Key(key.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(HeaderPart::Text(Secret::new(text)));
    }
    Ok(parts)
}

fn json(table: &Table<'_>) -> Result<BTreeMap<String, JsonPresence>, Error> {
    let mut wanted = BTreeMap::new();
    let Some(table) = table.table("json")? else { return Ok(wanted) };
    for item in table.items() {
        if !is_pointer(item.key) {
            return Err(table.source.fault(item.key_start, "invalid JSON pointer", "use the form \"/name/0/name\""));
        }
        let presence = match item.value {
            DeValue::String(text) if text == "present" => JsonPresence::Present,
            DeValue::String(text) if text == "absent" => JsonPresence::Absent,
            DeValue::String(text) => JsonPresence::Text(text.clone().into_owned()),
            DeValue::Boolean(value) => JsonPresence::Boolean(*value),
            DeValue::Integer(_) => {
                integer(item.value).map(JsonPresence::Integer).ok_or_else(|| literal(&table, &item))?
            }
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => JsonPresence::Float(number),
                _ => return Err(literal(&table, &item)),
            },
            _ => return Err(literal(&table, &item)),
        };
        wanted.insert(item.key.to_owned(), presence);
    }
    Ok(wanted)
}

fn literal(table: &Table<'_>, item: &Item<'_>) -> Error {
    table.wrong(item, "\"present\", \"absent\", a string, a number, true or false")
}

/// Returns whether the text is a JSON pointer (RFC 6901): `/` before each step, and `~` only in `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}
