//! HTTP responses of the simulated Railway.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::io::railway::transport::HttpResponse;
use crate::io::sim::fault::Canned;
use crate::io::sim::request_context::Denied;

/// Returns an error without data.
pub(crate) fn refused(message: &str, field: Option<&str>, request: usize) -> HttpResponse {
    let error = match field {
        Some(field) => of_field(&Denied { field: field.into(), message: message.into() }, request),
        None => json!({ "message": message, "traceId": trace(request) }),
    };
    json_reply(200, &json!({ "errors": [error], "data": null }))
}

/// Returns data, and the errors of the fields that are null in it.
pub(crate) fn answered(data: &Value, beside: &[Denied], request: usize) -> HttpResponse {
    let mut body = json!({ "data": data });
    if !beside.is_empty() {
        body["errors"] = beside.iter().map(|denied| of_field(denied, request)).collect();
    }
    json_reply(200, &body)
}

/// Returns the error for a document that does not match the schema.
pub(crate) fn malformed(message: &str, request: usize) -> HttpResponse {
    let code = json!({ "code": "GRAPHQL_VALIDATION_FAILED" });
    let error = json!({ "message": message, "extensions": code, "traceId": trace(request) });
    json_reply(400, &json!({ "errors": [error] }))
}

/// Returns the response to a request beyond the rate limit.
pub(crate) fn limited() -> HttpResponse {
    let headers = vec![("content-type", String::from("text/html")), ("retry-after", String::from("3600"))];
    reply(Canned { status: 429, headers, body: Secret::new("<html><body>too many requests</body></html>") })
}

/// Replaces the rate limit that a response states.
pub(crate) fn with_allowance(mut reply: HttpResponse, allowed: usize, remaining: Option<usize>) -> HttpResponse {
    reply.rate = vec![("ratelimit-policy".into(), format!("\"default\";q={allowed};w=3600"))];
    reply.others.extend(remaining.map(|remaining| ("x-ratelimit-remaining".into(), remaining.to_string())));
    reply
}

/// Returns a fixed response.
pub(crate) fn reply(canned: Canned) -> HttpResponse {
    let mut reply = HttpResponse {
        status: canned.status,
        retry_after: None,
        rate: Vec::new(),
        location: None,
        date: None,
        content_type: None,
        others: Vec::new(),
        body: Zeroizing::new(canned.body.expose().as_bytes().to_vec()),
    };
    for (name, value) in canned.headers {
        match name {
            "retry-after" => reply.retry_after = Some(value),
            "location" => reply.location = Some(value),
            "content-type" => reply.content_type = Some(value),
            "ratelimit-policy" | "x-ratelimit-limit" => reply.rate.push((name.into(), value)),
            _ => reply.others.push((name.into(), value)),
        }
    }
    reply
}

fn of_field(denied: &Denied, request: usize) -> Value {
    json!({
        "message": denied.message,
        "traceId": trace(request),
        "locations": [{ "line": 2, "column": 3 }],
        "path": path(&denied.field),
        "extensions": { "code": "INTERNAL_SERVER_ERROR" },
    })
}

/// Returns the parts of a path that is separated by dots; an index is a number.
fn path(field: &str) -> Vec<Value> {
    field.split('.').map(|part| part.parse::<u64>().map_or_else(|_| json!(part), |number| json!(number))).collect()
}

/// Sets one field of a response to null, and adds its error beside the data.
pub(crate) fn nulled(mut reply: HttpResponse, denied: &Denied, request: usize) -> HttpResponse {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if let Some(field) = body.pointer_mut(&format!("/data/{}", denied.field.replace('.', "/"))) {
        *field = Value::Null;
        match body["errors"].as_array_mut() {
            Some(errors) => errors.push(of_field(denied, request)),
            None => body["errors"] = json!([of_field(denied, request)]),
        }
        reply.body = Zeroizing::new(body.to_string().into_bytes());
    }
    reply
}

/// Returns a trace id. Railway's are decimal digits; these count the requests.
fn trace(request: usize) -> String {
    format!("{}", 4_700_000_000_000_000_000 + request as u64)
}

fn json_reply(status: u16, body: &Value) -> HttpResponse {
    let headers = vec![
        ("content-type", String::from("application/json; charset=utf-8")),
        ("ratelimit-policy", String::from("\"default\";q=10000;w=3600")),
    ];
    reply(Canned { status, headers, body: Secret::new(body.to_string()) })
}
