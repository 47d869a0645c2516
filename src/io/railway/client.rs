//! The client: sends one operation to Railway, and returns its data or an error. Retries are in `retry`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::drift::redact::Redactor;
use crate::error::{Error, RailwayErrors};
use crate::io::clock::Clock;
use crate::io::credentials::Credentials;
use crate::io::endpoint::AllowedHosts;
use crate::io::railway::prefetch::PrefetchingTransport;
use crate::io::railway::rate_limit::description;
use crate::io::railway::response::{GraphqlError, QueryError};
use crate::io::railway::transport::{HttpRequest, Scheme, attempt_timeout};
use crate::io::terminal::status::StatusOutput;

/// The maximum number of missing fields that are named.
const MOST_REMARKS: usize = 20;

/// The maximum number of errors of a response that are quoted.
const MOST_ERRORS_QUOTED: usize = 5;

/// The maximum length of a quoted message, in characters.
const LONGEST_QUOTE: usize = 1000;

/// The maximum length of a text to redact, in bytes. A longer text is not shown.
const LONGEST_REDACTED: usize = 64 << 10;

/// A client for the requests of one run.
pub struct Client<'w> {
    pub(crate) transport: PrefetchingTransport<'w>,
    /// The token.
    pub(crate) credentials: &'w Credentials,
    pub(crate) clock: &'w dyn Clock,
    /// Standard error.
    pub(crate) status: &'w dyn StatusOutput,
    /// `--timeout`, counted from the start of the run and extended by the time that the user spent at prompts.
    pub(crate) limit: Cell<Duration>,
    /// A sentence for each field that Railway could not return.
    pub(crate) remarks: RefCell<Vec<String>>,
    /// The hosts that it may send requests to.
    pub(crate) allowed_hosts: AllowedHosts,
    /// Redacts values in Railway's messages.
    pub(crate) redactor: &'w Redactor,
    /// The results of token probes, because one probe explains many errors.
    pub(crate) probed: RefCell<Vec<(Scheme, Probed)>>,
}

impl Client<'_> {
    /// Sends an operation that `graphql_client` generated, and notes the fields that Railway could not return.
    pub(crate) fn query<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Result<T, QueryError> {
        let response = self.query_response(operation, body.query, &body.variables)?;
        self.note_what_is_missing(operation, &response.beside);
        Ok(response.data)
    }

    /// Returns a request with this body, after `earlier` attempts.
    pub(crate) fn request<'o>(
        &'o self,
        operation: &'static str,
        body: &'o str,
        remaining: Duration,
        earlier: u32,
    ) -> HttpRequest<'o> {
        let Credentials { token, scheme, .. } = self.credentials;
        let time_limit = attempt_timeout(remaining);
        HttpRequest { operation, body, token, scheme: *scheme, remaining, time_limit, attempt: earlier + 1 }
    }

    /// Returns the rest of `--timeout`.
    pub(crate) fn remaining(&self) -> Duration {
        self.limit.get().saturating_sub(self.clock.elapsed())
    }

    /// Returns the number of requests sent so far.
    pub fn requests(&self) -> usize {
        self.transport.traffic.requests()
    }

    /// Returns the rate limit as requests and seconds, once a response has stated it.
    pub(crate) fn allowance(&self) -> Option<(u64, u64)> {
        self.transport.traffic.allowance()
    }

    /// Describes the rate limit, such as `1000 requests an hour`, once a response has stated it.
    pub(crate) fn allowance_description(&self) -> Option<String> {
        self.allowance().map(|(requests, seconds)| description(requests, seconds))
    }

    /// Returns how many requests Railway still allows, once a response has stated it.
    pub(crate) fn stated_remaining_requests(&self) -> Option<usize> {
        self.transport.traffic.stated_remaining()
    }

    /// Returns the same; if no response has stated it, how many are left of the rate limit if only this run uses it.
    pub(crate) fn remaining_requests(&self) -> Option<usize> {
        self.transport.traffic.remaining()
    }

    /// From now on, fails instead of sending a request that exceeds what Railway allows.
    pub(crate) fn stay_within_allowance(&self) {
        self.transport.traffic.stop_at_allowance_end();
    }

    /// Returns the error if no request may be sent because Railway's allowance is used up.
    pub(crate) fn refuse_over_allowance(&self) -> Result<(), Error> {
        if self.transport.traffic.is_used_up() { Err(self.allowance_used_up()) } else { Ok(()) }
    }

    /// Returns the error for requests that are not sent because they would exceed what Railway allows.
    pub(crate) fn allowance_used_up(&self) -> Error {
        Error::AllowanceUsedUp { allowance: self.allowance_description() }
    }

    /// Returns the time of Railway's clock, once a response has stated it.
    pub(crate) fn railway_time(&self) -> Option<Timestamp> {
        self.transport.traffic.railway_time()
    }

    /// Adds a remark for each field that Railway could not return, and one for those beyond the limit.
    pub(crate) fn note_what_is_missing(&self, operation: &'static str, beside: &[GraphqlError]) {
        let mut remarks = self.remarks.borrow_mut();
        for refusal in beside.iter().take(MOST_REMARKS) {
            let errors = self.refused(std::slice::from_ref(refusal));
            let path = self.shown(&refusal.path.join("."));
            remarks.push(format!("{operation}: {path} is unavailable: {errors}"));
        }
        if beside.len() > MOST_REMARKS {
            remarks.push(format!("{operation}: {} more fields are unavailable", beside.len() - MOST_REMARKS));
        }
    }

    pub(crate) fn host(&self) -> String {
        self.transport.host().to_owned()
    }

    /// Returns the messages of the first few errors, redacted and shortened.
    pub(crate) fn refused(&self, refusals: &[GraphqlError]) -> RailwayErrors {
        let shown = &refusals[..refusals.len().min(MOST_ERRORS_QUOTED)];
        let mut messages: Vec<String> = shown.iter().map(|refusal| self.shown(&refusal.message)).collect();
        if refusals.len() > MOST_ERRORS_QUOTED {
            messages.push(format!("{} more errors", refusals.len() - MOST_ERRORS_QUOTED));
        }
        let traces = shown.iter().filter_map(|refusal| refusal.trace.as_deref()).map(|id| self.shown(id)).collect();
        RailwayErrors { messages, traces }
    }

    /// Redacts and shortens a text from Railway. It is cut last, because a part of a value would not be redacted.
    fn shown(&self, text: &str) -> String {
        if text.len() > LONGEST_REDACTED {
            return format!("{} KiB of text, omitted", text.len() >> 10);
        }
        let redacted = self.redactor.redact(text);
        match redacted.char_indices().nth(LONGEST_QUOTE) {
            Some((end, _)) => format!("{}…", &redacted[..end]),
            None => redacted,
        }
    }
}

/// The result of a token probe.
#[derive(Clone, Debug)]
pub(crate) enum Probed {
    /// The token is valid and has this access, as a clause.
    Alive(String),
    /// Railway does not accept it in this header.
    Dead,
    /// No conclusive response.
    Unknown,
}
