//! `--debug-api`: what passed between `doctor` and Railway, without a word of it.
//!
//! A line holds the names that `doctor` itself sent (operation, fields, aliases), what the schema names (types, enum values),
//! error codes, numbers that say nothing of a value, and headers in forms that are known. Everything else is replaced before
//! it is written, so that the file can be attached to a bug report as it is.

mod public_names;
mod redacted_json;
mod safe_headers;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::io::debug_log::{DebugLog, LogEntry};
use crate::io::railway::debug_record::public_names::Document;
use crate::io::railway::proxy_errors;
use crate::io::railway::response;
use crate::io::railway::transport::{
    AheadOutcome, HttpRequest, HttpResponse, InFlightRequest, Transport, TransportFailure,
};

/// The longest shape that is written, in bytes.
const LONGEST_SHAPE: usize = 256 << 10;

/// How many errors of one response are classified.
const MOST_ERRORS: usize = 50;

/// A wire that records what goes over another one.
pub struct RecordingTransport {
    inner: Box<dyn Transport>,
    log: Arc<DebugLog>,
    /// The requests that left ahead of their turn and are not over, by the hash of their bodies.
    ahead: RefCell<Vec<(u64, LogEntry)>>,
}

impl fmt::Debug for RecordingTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recorded").finish_non_exhaustive()
    }
}

impl RecordingTransport {
    /// Records into that file.
    pub fn new(inner: Box<dyn Transport>, log: Arc<DebugLog>) -> Self {
        Self { inner, log, ahead: RefCell::default() }
    }

    fn begin(&self, outgoing: &HttpRequest<'_>, started: Duration) -> LogEntry {
        self.log.begin(outgoing.operation, self.inner.host(), outgoing.attempt, started)
    }

    fn end(&self, entry: LogEntry, outgoing: &HttpRequest<'_>, result: &Result<HttpResponse, TransportFailure>) {
        self.log.end(entry, &outcome(outgoing, result));
    }
}

impl Transport for RecordingTransport {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let entry = self.begin(outgoing, self.log.elapsed());
        let result = self.inner.post(outgoing);
        self.end(entry, outgoing, &result);
        result
    }

    fn post_ahead(
        &self,
        outgoing: &HttpRequest<'_>,
        others: &[HttpRequest<'_>],
    ) -> (Result<HttpResponse, TransportFailure>, Vec<InFlightRequest>) {
        let now = self.log.elapsed();
        let entry = self.begin(outgoing, now);
        let entries: Vec<LogEntry> = others.iter().map(|other| self.begin(other, now)).collect();
        let (result, ahead) = self.inner.post_ahead(outgoing, others);
        self.end(entry, outgoing, &result);
        for ((other, entry), ahead) in others.iter().zip(entries).zip(&ahead) {
            match ahead {
                InFlightRequest::Over(result) => self.end(entry, other, result),
                InFlightRequest::Underway(_) => self.ahead.borrow_mut().push((hash(other.body), entry)),
            }
        }
        (result, ahead)
    }

    fn wait(&self, ahead: InFlightRequest, alone: Duration, again: &HttpRequest<'_>) -> AheadOutcome {
        let entry = matches!(ahead, InFlightRequest::Underway(_)).then(|| {
            let mut ahead = self.ahead.borrow_mut();
            let own = hash(again.body);
            let position = ahead.iter().position(|(body, _)| *body == own)?;
            Some(ahead.remove(position).1)
        });
        let began = self.log.elapsed();
        let (first, second) = self.inner.wait(ahead, alone, again);
        if let Some(entry) = entry.flatten() {
            self.end(entry, again, &first);
        }
        if let Some(second) = &second {
            // It left when the first one had had its time.
            let entry = self.begin(again, began + alone);
            self.end(entry, again, second);
        }
        (first, second)
    }

    fn shares(&self) -> bool {
        self.inner.shares()
    }

    fn host(&self) -> &str {
        self.inner.host()
    }
}

fn hash(body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

/// What became of a request.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ExchangeOutcome {
    /// HTTP status.
    status: Option<u16>,
    /// Why there is none: `connect`, `certificate`, `broken`, `timeout`, `too-long`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    /// Known headers in known forms.
    headers: BTreeMap<&'static str, String>,
    /// The length of a body that is no JSON. That of JSON would tell the length of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// How the errors were understood.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    /// Railway's ids of the request, which its support asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace_ids: Vec<String>,
    /// What the body is, where it is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body with everything replaced.
    shape: Option<Value>,
}

fn outcome(outgoing: &HttpRequest<'_>, result: &Result<HttpResponse, TransportFailure>) -> ExchangeOutcome {
    let reply = match result {
        Ok(reply) => reply,
        Err(failure) => return ExchangeOutcome { failure: Some(class(failure)), ..ExchangeOutcome::default() },
    };
    let refusals = response::refusals(reply);
    let (shape, body) = match redacted_json::of(&reply.body, &Document::of(outgoing.body)) {
        Ok(shape) if shape.to_string().len() > LONGEST_SHAPE => (None, Some("JSON whose shape is too long".to_owned())),
        Ok(shape) => (Some(shape), None),
        Err(what) => (None, Some(what)),
    };
    let is_like_json = matches!(reply.body.trim_ascii_start().first(), Some(b'{' | b'['));
    let code = proxy_errors::cloudflare_code(reply).map(|code| format!("error code: {code}"));
    let is_trace = |trace: &String| trace.len() <= 24 && trace.bytes().all(|byte| byte.is_ascii_digit());
    ExchangeOutcome {
        status: Some(reply.status),
        failure: None,
        headers: safe_headers::of(reply),
        bytes: (shape.is_none() && !is_like_json).then_some(reply.body.len()),
        errors: refusals.iter().take(MOST_ERRORS).map(|refusal| format!("{:?}", refusal.kind)).collect(),
        trace_ids: refusals
            .iter()
            .filter_map(|refusal| refusal.trace.clone())
            .filter(is_trace)
            .take(MOST_ERRORS)
            .collect(),
        body: code.or(body),
        shape,
    }
}

fn class(failure: &TransportFailure) -> &'static str {
    match failure {
        TransportFailure::NotSent(_) => "connect",
        TransportFailure::Certificate(_) => "certificate",
        TransportFailure::Broken(_) => "broken",
        TransportFailure::TimedOut => "timeout",
        TransportFailure::TooLong => "too-long",
    }
}
