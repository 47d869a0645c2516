//! The one place that turns what came back into data or a classified refusal.
//!
//! Railway answers HTTP 200 with prose in `errors` for nearly everything; which phrases mean what was learned from
//! recorded answers and from the official CLI's own matching, and stands in [`ErrorKind::of`] alone.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::error::Error;
use crate::io::cloudflare;
use crate::io::railway::json_checks::inspect;
use crate::io::railway::proxy_errors;
use crate::io::railway::transport::HttpResponse;

/// The most GraphQL errors that are read: more than one for each service of a large environment.
const MOST_ERRORS: usize = 10_000;

/// What an answer comes to when it is not plain data.
#[derive(Debug)]
pub(crate) enum ResponseError {
    /// No answer of Railway's: HTML, an empty body, a gateway's status, broken JSON. May pass by itself.
    Garbled(String),
    /// JSON that Railway does not send: too large, or ambiguous. It is not asked for again.
    Invalid(String),
    /// Something in front of Railway refused the request; what is known of it. It says nothing of the token.
    Blocked {
        /// What came.
        why: String,
        /// Cloudflare's own code, if it has one.
        code: Option<u16>,
    },
    /// Railway or its edge limits the rate.
    Limited {
        /// Who: `Railway`, or `Cloudflare, Railway's edge,`.
        by: &'static str,
        /// The errors that say so within HTTP 200; none with HTTP 429.
        refusals: Vec<GraphqlError>,
    },
    /// Somebody wants us to go elsewhere.
    Redirected(String),
    /// GraphQL errors, and no data.
    Refused(Vec<GraphqlError>),
}

/// Why a query has no data, after all its tries.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// Railway answered with errors instead of data; the caller may know more about them.
    Refused(Vec<GraphqlError>),
    /// Anything else; final.
    Failed(Error),
}

/// Data, and what Railway could not answer beside it.
#[derive(Debug)]
pub(crate) struct ResponseData<T> {
    pub(crate) data: T,
    pub(crate) beside: Vec<GraphqlError>,
}

/// One GraphQL error.
#[derive(Clone, Debug)]
pub(crate) struct GraphqlError {
    pub(crate) kind: ErrorKind,
    /// Railway's words; printed only after scrubbing.
    pub(crate) message: String,
    /// The field it is about, where given: `["stored_3"]`.
    pub(crate) path: Vec<String>,
    pub(crate) trace: Option<String>,
    /// The workspace that demands two-factor authentication.
    pub(crate) workspace: Option<String>,
}

impl GraphqlError {
    /// Railway answers HTTP 200 to nearly everything; one of these two is about the token, whatever the text is.
    fn answered_with(self, status: u16) -> Self {
        let is_of_token = matches!(status, 401 | 403) && self.kind == ErrorKind::Other;
        Self { kind: if is_of_token { ErrorKind::NotAuthorized } else { self.kind }, ..self }
    }

    /// The edge's way of saying that a smaller question may pass.
    fn too_large() -> Self {
        Self {
            kind: ErrorKind::TooLarge,
            message: "the request is too large".to_owned(),
            path: Vec::new(),
            trace: None,
            workspace: None,
        }
    }
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Wrong header for this token, a revoked project token, or no credential.
    ProjectTokenNotFound,
    /// A dead session, no permission, or an id that does not exist.
    NotAuthorized,
    /// The commit is not in the repository of the service.
    CommitNotFound,
    /// Missing, deleted, or hidden by an access group.
    NotFound,
    /// A server failure without a word of why.
    Problem,
    /// Our document does not fit the schema of today.
    Schema,
    /// Our document is larger than allowed; a smaller one may pass.
    Document,
    /// Our request is larger than something on the way lets through; a smaller one may pass.
    TooLarge,
    /// The workspace demands two-factor authentication.
    TwoFactor,
    /// A limit told inside HTTP 200.
    Limited,
    /// Another deployment of the service is not done yet.
    RedeployLater,
    /// There is nothing that could be deployed again.
    NothingToRedeploy,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Whether a smaller question may pass.
    pub(crate) fn is_of_size(self) -> bool {
        matches!(self, Self::Document | Self::TooLarge)
    }

    /// Whether it may mean that the token is not known: how a dead one is told of is not known for sure. What fails in
    /// another way tells nothing of the token.
    pub(crate) fn is_of_token(self) -> bool {
        matches!(self, Self::NotAuthorized | Self::ProjectTokenNotFound | Self::NotFound | Self::Other)
    }

    /// The meaning of Railway's prose. The code alone never decides: most errors carry `INTERNAL_SERVER_ERROR`.
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

/// `… 3 per 30 seconds`: a throttle that Railway tells inside HTTP 200.
fn is_per_time(message: &str) -> bool {
    let units = ["second", "minute", "hour"];
    message
        .split(" per ")
        .skip(1)
        .any(|rest| rest.split_ascii_whitespace().take(2).any(|word| units.iter().any(|unit| word.starts_with(unit))))
}

/// The GraphQL envelope. Unknown keys are Railway's to add.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    errors: Option<Vec<RawError>>,
}

/// Of any type each, so that a part of an error that changes its type does not cost the whole error.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawError {
    message: Value,
    path: Value,
    extensions: Value,
    trace_id: Value,
}

/// Reads a reply. Texts of the JSON reader are never passed on: they may quote values.
pub(crate) fn read<T: DeserializeOwned>(reply: &HttpResponse) -> Result<ResponseData<T>, ResponseError> {
    check_status(reply)?;
    inspect(&reply.body).map_err(|what| ResponseError::Invalid(format!("HTTP {}, with {what}", reply.status)))?;
    check_sender(reply)?;
    let Envelope { data, errors } = envelope(reply)?;
    let errors = errors.unwrap_or_default();
    if errors.len() > MOST_ERRORS {
        return Err(ResponseError::Invalid(format!(
            "HTTP {}, with more than {MOST_ERRORS} errors in it",
            reply.status
        )));
    }
    let refusals: Vec<GraphqlError> = errors.iter().map(|error| refusal(error).answered_with(reply.status)).collect();
    match data {
        _ if refusals.iter().any(|refusal| refusal.kind == ErrorKind::Limited) => {
            Err(ResponseError::Limited { by: "Railway", refusals })
        }
        Some(data) => Ok(ResponseData { data, beside: refusals }),
        None if refusals.is_empty() => {
            Err(ResponseError::Garbled(format!("HTTP {}, with neither data nor an error in it", reply.status)))
        }
        None => Err(ResponseError::Refused(refusals)),
    }
}

/// Whether a reply is a plain answer, as far as one quick pass shows: the values of many services are long, and they are
/// read whole by whoever asked for them.
pub(crate) fn has_data(reply: &HttpResponse) -> bool {
    let is_limit = |error: &RawError| refusal(error).kind == ErrorKind::Limited;
    reply.status == 200
        && serde_json::from_slice::<Envelope<IgnoredAny>>(&reply.body)
            .is_ok_and(|own| own.data.is_some() && !own.errors.iter().flatten().any(is_limit))
}

/// Statuses that say everything, whatever the body is.
fn check_status(reply: &HttpResponse) -> Result<(), ResponseError> {
    match reply.status {
        429 => Err(ResponseError::Limited { by: limiter(reply), refusals: Vec::new() }),
        300..400 => {
            let to = reply.location.clone().unwrap_or_else(|| "an address it does not name".into());
            Err(ResponseError::Redirected(to))
        }
        413 => Err(ResponseError::Refused(vec![GraphqlError::too_large()])),
        _ => Ok(()),
    }
}

/// An error for what Cloudflare, a proxy or a gateway answered in Railway's place.
fn check_sender(reply: &HttpResponse) -> Result<(), ResponseError> {
    let code = cloudflare::error_code(&reply.body);
    let is_refusal = matches!(reply.status, 401 | 403) && !proxy_errors::is_graphql(&reply.body);
    if is_refusal || (400..500).contains(&reply.status) && code.is_some() {
        let why = proxy_errors::described(reply, BodyKind::of(reply).phrase());
        return Err(ResponseError::Blocked { why, code });
    }
    if matches!(reply.status, 502..=504) && code.is_none() {
        return Err(ResponseError::Garbled(format!("a gateway answered HTTP {}, not Railway itself", reply.status)));
    }
    Ok(())
}

/// The envelope. Data of an unexpected shape may stand beside errors that explain it.
fn envelope<T: DeserializeOwned>(reply: &HttpResponse) -> Result<Envelope<T>, ResponseError> {
    serde_json::from_slice(&reply.body).or_else(|error| match serde_json::from_slice(&reply.body) {
        Ok(Envelope::<IgnoredAny> { errors: Some(errors), .. }) if !errors.is_empty() => {
            Ok(Envelope { data: None, errors: Some(errors) })
        }
        _ => Err(ResponseError::Garbled(garbled(reply, &error))),
    })
}

/// The errors of a reply that has some.
pub(crate) fn refusals(reply: &HttpResponse) -> Vec<GraphqlError> {
    let envelope: Option<Envelope<IgnoredAny>> = serde_json::from_slice(&reply.body).ok();
    let errors = envelope.and_then(|envelope| envelope.errors).unwrap_or_default();
    errors.iter().map(|error| refusal(error).answered_with(reply.status)).collect()
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

/// A JSON string or number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a body is that is not Railway's.
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

/// What came instead of Railway's JSON, without quoting any of it.
fn garbled(reply: &HttpResponse, error: &serde_json::Error) -> String {
    let status = reply.status;
    if cloudflare::error_code(&reply.body).is_some() {
        return proxy_errors::described(reply, "");
    }
    match BodyKind::of(reply) {
        BodyKind::Empty => format!("HTTP {status} with an empty body"),
        BodyKind::Page => {
            format!("HTTP {status} with a web page: a gateway, a proxy or a sign-in page stands between")
        }
        _ if error.is_eof() => {
            format!("HTTP {status} with an answer that breaks off after {} bytes", reply.body.len())
        }
        _ if error.is_data() => format!(
            "HTTP {status} with an answer of another shape than expected (line {}, column {})",
            error.line(),
            error.column()
        ),
        _ => format!("HTTP {status} with a body that is no JSON"),
    }
}

/// Cloudflare answers 429 by itself, with `error code: 1015` and no word of Railway's.
fn limiter(reply: &HttpResponse) -> &'static str {
    if cloudflare::error_code(&reply.body) == Some(1015) { "Cloudflare, Railway's edge," } else { "Railway" }
}
