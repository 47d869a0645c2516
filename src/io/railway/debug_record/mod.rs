//! `--debug-api`: records the requests and the redacted responses of a run.
//!
//! A line contains the names that `doctor` sent (operation, fields, aliases), names of the schema (types, enum values),
//! error codes, numbers that do not depend on a value, and headers in known forms. Everything else is redacted before
//! it is written, so that the file can be attached to a bug report unchanged.

mod public_names;
mod redacted_json;
mod safe_headers;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::io::cloudflare;
use crate::io::debug_log::{DebugLog, LogEntry};
use crate::io::railway::debug_record::public_names::Document;
use crate::io::railway::response;
use crate::io::railway::transport::{
    ConcurrentTransport, EarlyOutcome, HttpRequest, InFlight, PostOutcome, Transport, TransportFailure,
};

/// The maximum length of a shape, in bytes.
const LONGEST_SHAPE: usize = 256 << 10;

/// The maximum number of errors of a response that are classified.
const MOST_ERRORS: usize = 50;

/// A transport that records the requests through another one.
pub struct RecordingTransport {
    inner: Box<dyn Transport>,
    log: Arc<DebugLog>,
}

impl fmt::Debug for RecordingTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RecordingTransport").finish_non_exhaustive()
    }
}

impl RecordingTransport {
    /// Records the requests through `inner` in this log.
    pub fn new(inner: Box<dyn Transport>, log: Arc<DebugLog>) -> Self {
        Self { inner, log }
    }

    fn begin(&self, outgoing: &HttpRequest<'_>, started: Duration) -> LogEntry {
        self.log.begin(outgoing.operation, self.inner.host(), outgoing.attempt, started)
    }

    fn end(&self, entry: LogEntry, outgoing: &HttpRequest<'_>, result: &PostOutcome) {
        self.log.end(entry, &outcome(outgoing, result));
    }
}

impl Transport for RecordingTransport {
    fn post(&self, outgoing: &HttpRequest<'_>) -> PostOutcome {
        let entry = self.begin(outgoing, self.log.elapsed());
        let result = self.inner.post(outgoing);
        self.end(entry, outgoing, &result);
        result
    }

    fn concurrent(&self) -> Option<&dyn ConcurrentTransport> {
        self.inner.concurrent().map(|_| -> &dyn ConcurrentTransport { self })
    }

    fn host(&self) -> &str {
        self.inner.host()
    }
}

impl ConcurrentTransport for RecordingTransport {
    fn post_all(&self, first: &HttpRequest<'_>, others: &[HttpRequest<'_>]) -> (PostOutcome, Vec<Box<dyn InFlight>>) {
        let Some(inner) = self.inner.concurrent() else { return (self.post(first), Vec::new()) };
        let now = self.log.elapsed();
        let entry = self.begin(first, now);
        let entries: Vec<LogEntry> = others.iter().map(|other| self.begin(other, now)).collect();
        let (first_outcome, in_flight) = inner.post_all(first, others);
        self.end(entry, first, &first_outcome);
        let recorded = in_flight.into_iter().zip(entries).map(|(inner, entry)| -> Box<dyn InFlight> {
            Box::new(RecordedInFlight { inner, entry, log: Arc::clone(&self.log), host: self.host().to_owned() })
        });
        (first_outcome, recorded.collect())
    }

    fn shares_connection(&self) -> bool {
        self.inner.concurrent().is_some_and(ConcurrentTransport::shares_connection)
    }
}

/// A request in flight and its log entry, which stays pending if the request is cancelled.
struct RecordedInFlight {
    inner: Box<dyn InFlight>,
    entry: LogEntry,
    log: Arc<DebugLog>,
    host: String,
}

impl InFlight for RecordedInFlight {
    fn was_sent(&self) -> bool {
        self.inner.was_sent()
    }

    fn wait(self: Box<Self>, alone: Duration, again: &HttpRequest<'_>) -> EarlyOutcome {
        let Self { inner, entry, log, host } = *self;
        let began = log.elapsed();
        let early = inner.wait(alone, again);
        log.end(entry, &outcome(again, &early.early));
        if let Some(second) = &early.second {
            // It was sent when the first one had taken its share of the time.
            let entry = log.begin(again.operation, &host, again.attempt, began + alone);
            log.end(entry, &outcome(again, second));
        }
        early
    }
}

/// The outcome of a request.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ExchangeOutcome {
    /// HTTP status.
    status: Option<u16>,
    /// The failure, if there is no status: `connect`, `certificate`, `broken`, `timeout`, `too-long`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    /// Known headers in known forms.
    headers: BTreeMap<&'static str, String>,
    /// The length of a body that is not JSON. The length of JSON is not recorded, because it depends on values.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// How doctor classified the errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    /// Railway's ids of the request, which its support asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace_ids: Vec<String>,
    /// The kind of body, if there is no shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The redacted body.
    shape: Option<Value>,
}

fn outcome(outgoing: &HttpRequest<'_>, result: &PostOutcome) -> ExchangeOutcome {
    let reply = match result {
        Ok(reply) => reply,
        Err(failure) => return ExchangeOutcome { failure: Some(class(failure)), ..ExchangeOutcome::default() },
    };
    let refusals = response::refusals(reply);
    let (shape, body) = match redacted_json::of(&reply.body, &Document::of(outgoing.body)) {
        Ok(shape) if shape.to_string().len() > LONGEST_SHAPE => (None, Some("JSON with too long a shape".to_owned())),
        Ok(shape) => (Some(shape), None),
        Err(what) => (None, Some(what)),
    };
    let is_like_json = matches!(reply.body.trim_ascii_start().first(), Some(b'{' | b'['));
    let code = cloudflare::error_code(&reply.body).map(|code| format!("error code: {code}"));
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
