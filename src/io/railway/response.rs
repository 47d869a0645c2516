//! Turns a response into data or a classified error.
//!
//! Railway reports nearly all failures as HTTP 200 with prose in `errors`, and most of them with the same code. The
//! meaning of the phrases is known from recorded responses and from the phrases that the Railway CLI matches. Only
//! [`ErrorKind::of`] depends on them.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::error::Error;
use crate::io::cloudflare;
use crate::io::railway::json_checks::inspect;
use crate::io::railway::proxy_errors;
use crate::io::railway::transport::HttpResponse;

/// The maximum number of GraphQL errors in a response: more than one for each service of a large environment.
const MOST_ERRORS: usize = 10_000;

/// The reason why a response has no usable data.
#[derive(Debug)]
pub(crate) enum ResponseError {
    /// Not a response of Railway: HTML, an empty body, a gateway's status, invalid JSON. May be transient.
    Garbled(String),
    /// JSON that Railway does not send: too large, or ambiguous. Not retried.
    Invalid(String),
    /// Something in front of Railway rejected the request, so that the validity of the token is unknown.
    Blocked {
        /// A description of the response.
        why: String,
        /// Cloudflare's own code, if it has one.
        code: Option<u16>,
    },
    /// The rate limit of Railway or its edge.
    Limited {
        /// `Railway` or `Cloudflare (Railway's edge)`.
        by: &'static str,
        /// The GraphQL errors, if it was reported with HTTP 200; none with HTTP 429.
        refusals: Vec<GraphqlError>,
    },
    /// A redirect to this URL, which is not followed.
    Redirected(String),
    /// GraphQL errors, and no data.
    Refused(Vec<GraphqlError>),
}

/// The reason why a query has no data, after all attempts.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// Railway responded with errors instead of data. The caller may know more about their meaning.
    Refused(Vec<GraphqlError>),
    /// Anything else; final.
    Failed(Error),
}

/// The data of a response, and the errors beside it.
#[derive(Debug)]
pub(crate) struct ResponseData<T> {
    pub(crate) data: T,
    pub(crate) beside: Vec<GraphqlError>,
}

#[derive(Clone, Debug)]
pub(crate) struct GraphqlError {
    pub(crate) kind: ErrorKind,
    /// Railway's message; redacted before it is printed.
    pub(crate) message: String,
    /// The field that it is about, if given, such as `["stored_3"]`.
    pub(crate) path: Vec<String>,
    pub(crate) trace: Option<String>,
    /// The workspace that requires two-factor authentication.
    pub(crate) workspace: Option<String>,
}

impl GraphqlError {
    /// Railway nearly always responds with HTTP 200. HTTP 401 and 403 are about the token, whatever the message.
    fn with_status(self, status: u16) -> Self {
        let is_about_token = matches!(status, 401 | 403) && self.kind == ErrorKind::Other;
        Self { kind: if is_about_token { ErrorKind::NotAuthorized } else { self.kind }, ..self }
    }

    /// Returns the error for HTTP 413, with which the edge rejects a large request.
    pub(crate) fn too_large() -> Self {
        Self {
            kind: ErrorKind::TooLarge,
            message: "the request is too large".to_owned(),
            path: Vec::new(),
            trace: None,
            workspace: None,
        }
    }
}

/// The meaning of a GraphQL error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The wrong header for this token, a revoked project token, or no credential.
    ProjectTokenNotFound,
    /// An expired session, no permission, or an id that does not exist.
    NotAuthorized,
    /// The commit is not in the repository of the service.
    CommitNotFound,
    /// Missing, deleted, or not accessible because of an access group.
    NotFound,
    /// A server failure without a cause.
    Problem,
    /// The document does not match Railway's present schema.
    Schema,
    /// The document is larger than allowed; a smaller one may be accepted.
    Document,
    /// The request is too large for a proxy or the edge; a smaller one may be accepted.
    TooLarge,
    /// The workspace requires two-factor authentication.
    TwoFactor,
    /// A rate limit that is reported with HTTP 200.
    Limited,
    /// Another deployment of the service is still in progress.
    RedeployLater,
    /// The service has no deployment that could be deployed again.
    NothingToRedeploy,
    Other,
}

impl ErrorKind {
    /// Returns whether a smaller request may be accepted.
    pub(crate) fn is_of_size(self) -> bool {
        matches!(self, Self::Document | Self::TooLarge)
    }

    /// Returns whether it may mean that the token is invalid. Which of these errors Railway returns for a revoked or
    /// expired token is not known for certain. Any other error does not depend on the token.
    pub(crate) fn is_of_token(self) -> bool {
        matches!(self, Self::NotAuthorized | Self::ProjectTokenNotFound | Self::NotFound | Self::Other)
    }

    /// Classifies a message of Railway. The code alone is not sufficient, because most errors have
    /// `INTERNAL_SERVER_ERROR`.
    fn of(message: &str, code: &str) -> Self {
        let message = message.to_lowercase();
        let has = |part: &str| message.contains(part);
        if has("project token not found") {
            Self::ProjectTokenNotFound
        } else if has("not authorized") || matches!(code, "UNAUTHENTICATED" | "UNAUTHORIZED" | "FORBIDDEN") {
            Self::NotAuthorized
        } else if has("two factor authentication required") {
            Self::TwoFactor
        } else if has("cannot query field") || has("unknown argument") || has("unknown type") {
            Self::Schema
        } else if has("root fields")
            || has("complexity")
            || has("query depth")
            || matches!(code, "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED")
        {
            Self::Document
        } else if has("cannot redeploy yet") {
            Self::RedeployLater
        } else if has("cannot redeploy without") {
            Self::NothingToRedeploy
        } else if has("rate limit")
            || has("too quickly")
            || is_per_time(&message)
            || matches!(code, "RATE_LIMITED" | "TOO_MANY_REQUESTS")
        {
            Self::Limited
        } else if has("commit not found") {
            Self::CommitNotFound
        } else if has("not found") || code == "NOT_FOUND" {
            Self::NotFound
        } else if has("problem processing request") {
            Self::Problem
        } else {
            Self::Other
        }
    }
}

/// Matches `… 3 per 30 seconds`, a rate limit that Railway reports with HTTP 200.
fn is_per_time(message: &str) -> bool {
    let units = ["second", "minute", "hour"];
    message
        .split(" per ")
        .skip(1)
        .any(|rest| rest.split_ascii_whitespace().take(2).any(|word| units.iter().any(|unit| word.starts_with(unit))))
}

/// The GraphQL envelope. Unknown keys are ignored, because Railway may add some.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    errors: Option<Vec<RawError>>,
}

/// Each field has any type, so that the rest of an error can be read if Railway changes one of them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawError {
    message: Value,
    path: Value,
    extensions: Value,
    trace_id: Value,
}

/// Reads a response. The messages of `serde_json` are never passed on, because they may quote values.
pub(crate) fn read<T: DeserializeOwned>(reply: &HttpResponse) -> Result<ResponseData<T>, ResponseError> {
    check_status(reply)?;
    inspect(&reply.body)
        .map_err(|what| ResponseError::Invalid(format!("HTTP {} with JSON that has {what}", reply.status)))?;
    check_sender(reply)?;
    let Envelope { data, errors } = envelope(reply)?;
    let errors = errors.unwrap_or_default();
    if errors.len() > MOST_ERRORS {
        return Err(ResponseError::Invalid(format!(
            "HTTP {} with more than {MOST_ERRORS} GraphQL errors",
            reply.status
        )));
    }
    let refusals: Vec<GraphqlError> = errors.iter().map(|error| refusal(error).with_status(reply.status)).collect();
    match data {
        _ if refusals.iter().any(|refusal| refusal.kind == ErrorKind::Limited) => {
            Err(ResponseError::Limited { by: "Railway", refusals })
        }
        Some(data) => Ok(ResponseData { data, beside: refusals }),
        None if refusals.is_empty() => {
            Err(ResponseError::Garbled(format!("HTTP {} with neither data nor errors", reply.status)))
        }
        None => Err(ResponseError::Refused(refusals)),
    }
}

/// Returns an error for the statuses that are conclusive without the body.
fn check_status(reply: &HttpResponse) -> Result<(), ResponseError> {
    match reply.status {
        429 => Err(ResponseError::Limited { by: limiter(reply), refusals: Vec::new() }),
        300..400 => {
            let to = reply.location.clone().unwrap_or_default();
            Err(ResponseError::Redirected(to))
        }
        413 => Err(ResponseError::Refused(vec![GraphqlError::too_large()])),
        _ => Ok(()),
    }
}

/// Returns an error for a response that Cloudflare, a proxy or a gateway sent instead of Railway.
fn check_sender(reply: &HttpResponse) -> Result<(), ResponseError> {
    let code = cloudflare::error_code(&reply.body);
    let is_refusal = matches!(reply.status, 401 | 403) && !proxy_errors::is_graphql(&reply.body);
    if is_refusal || (400..500).contains(&reply.status) && code.is_some() {
        let why = proxy_errors::described(reply, BodyKind::of(reply).phrase());
        return Err(ResponseError::Blocked { why, code });
    }
    if matches!(reply.status, 502..=504) && code.is_none() {
        return Err(ResponseError::Garbled(format!("HTTP {} from a gateway in front of Railway", reply.status)));
    }
    Ok(())
}

/// Parses the envelope. If the data does not match its type, the errors beside it, if any, are the better explanation.
fn envelope<T: DeserializeOwned>(reply: &HttpResponse) -> Result<Envelope<T>, ResponseError> {
    serde_json::from_slice(&reply.body).or_else(|error| match serde_json::from_slice(&reply.body) {
        Ok(Envelope::<IgnoredAny> { errors: Some(errors), .. }) if !errors.is_empty() => {
            Ok(Envelope { data: None, errors: Some(errors) })
        }
        _ => Err(ResponseError::Garbled(garbled(reply, &error))),
    })
}

/// Returns the GraphQL errors of a response, if it has any.
pub(crate) fn refusals(reply: &HttpResponse) -> Vec<GraphqlError> {
    let envelope: Option<Envelope<IgnoredAny>> = serde_json::from_slice(&reply.body).ok();
    let errors = envelope.and_then(|envelope| envelope.errors).unwrap_or_default();
    errors.iter().map(|error| refusal(error).with_status(reply.status)).collect()
}

fn refusal(raw: &RawError) -> GraphqlError {
    let extension = |name: &str| raw.extensions.get(name).and_then(plain);
    let message = plain(&raw.message).unwrap_or_else(|| "an error without a message".to_owned());
    let code = extension("code").unwrap_or_default();
    GraphqlError {
        kind: ErrorKind::of(&message, &code),
        message,
        path: raw.path.as_array().into_iter().flatten().filter_map(plain).collect(),
        trace: plain(&raw.trace_id).or_else(|| extension("traceId")),
        workspace: extension("workspaceName"),
    }
}

/// Returns a JSON string or number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The kind of a body that is not Railway's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    Empty,
    Page,
    Json,
    Other,
}

impl BodyKind {
    fn of(reply: &HttpResponse) -> Self {
        let body = reply.body.trim_ascii();
        let is_html = reply.content_type.as_deref().is_some_and(|kind| kind.contains("html"));
        if body.is_empty() {
            Self::Empty
        } else if is_html || body.starts_with(b"<") {
            Self::Page
        } else if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            Self::Json
        } else {
            Self::Other
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Empty => "an empty body",
            Self::Page => "a web page",
            Self::Json => "JSON that is not a GraphQL response",
            Self::Other => "a body that is not JSON",
        }
    }
}

/// Describes a response that is not Railway's JSON, without quoting it.
fn garbled(reply: &HttpResponse, error: &serde_json::Error) -> String {
    let status = reply.status;
    if cloudflare::error_code(&reply.body).is_some() {
        return proxy_errors::described(reply, "");
    }
    match BodyKind::of(reply) {
        BodyKind::Empty => format!("HTTP {status} with an empty body"),
        BodyKind::Page => {
            format!("HTTP {status} with a web page, probably from a gateway, a proxy or a network's sign-in page")
        }
        _ if error.is_eof() => {
            format!("HTTP {status} with a response that is cut off after {} bytes", reply.body.len())
        }
        _ if error.is_data() => {
            format!("HTTP {status} with JSON of an unexpected shape (line {}, column {})", error.line(), error.column())
        }
        _ => format!("HTTP {status} with a body that is not JSON"),
    }
}

/// Returns which side limits the rate. Cloudflare's own HTTP 429 has the body `error code: 1015`.
fn limiter(reply: &HttpResponse) -> &'static str {
    if cloudflare::error_code(&reply.body) == Some(1015) { "Cloudflare (Railway's edge)" } else { "Railway" }
}
