//! The client: sends one operation to Railway, and turns what came back into data or an error. Tries: `retry`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::drift::redact::Redactor;
use crate::error::RailwayErrors;
use crate::io::clock::Clock;
use crate::io::credentials::Credentials;
use crate::io::endpoint::AllowedHosts;
use crate::io::railway::prefetch::PrefetchingTransport;
use crate::io::railway::response::{GraphqlError, QueryError};
use crate::io::railway::transport::{HttpRequest, Scheme, attempt_timeout};
use crate::io::terminal::status::StatusOutput;

/// How many of the fields that Railway could not answer are named.
const MOST_REMARKS: usize = 20;

/// How many errors of one answer are quoted, and how much of each, in characters.
const MOST_SAID: usize = 5;
const LONGEST_SAID: usize = 1000;

/// The longest text that is searched for values, in bytes. A longer one is not shown.
const LONGEST_REDACTED: usize = 64 << 10;

/// Everything that a question needs.
pub struct Client<'w> {
    /// The one POST.
    pub(crate) wire: PrefetchingTransport<'w>,
    /// The token.
    pub(crate) credentials: &'w Credentials,
    /// Time.
    pub(crate) clock: &'w dyn Clock,
    /// Standard error.
    pub(crate) talk: &'w dyn StatusOutput,
    /// `--timeout`, counted from the start of the run; longer by the time that a person took to answer.
    pub(crate) limit: Cell<Duration>,
    /// What Railway could not answer beside its data.
    pub(crate) remarks: RefCell<Vec<String>>,
    /// Where it asks.
    pub(crate) neighbourhood: AllowedHosts,
    /// What must not be printed from Railway's texts.
    pub(crate) scrubber: &'w Redactor,
    /// What probes of the token found: many refusals are explained by one.
    pub(crate) probed: RefCell<Vec<(Scheme, Probed)>>,
}

impl Client<'_> {
    /// Asks one of the operations that `graphql_client` made, and notes what could not be answered beside the data.
    pub(crate) fn query<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Result<T, QueryError> {
        let answer = self.query_response(operation, body.query, &body.variables)?;
        self.note_what_is_missing(operation, &answer.beside);
        Ok(answer.data)
    }

    /// A request with that body, after so many earlier ones.
    pub(crate) fn request<'o>(
        &'o self,
        operation: &'static str,
        body: &'o str,
        remaining: Duration,
        earlier: u32,
    ) -> HttpRequest<'o> {
        let Credentials { token, scheme, .. } = self.credentials;
        let patience = attempt_timeout(remaining);
        HttpRequest { operation, body, token, scheme: *scheme, remaining, patience, attempt: earlier + 1 }
    }

    /// What is left of `--timeout`.
    pub(crate) fn remaining(&self) -> Duration {
        self.limit.get().saturating_sub(self.clock.elapsed())
    }

    /// The number of requests sent so far.
    pub fn requests(&self) -> usize {
        self.wire.traffic.requests()
    }

    /// How many requests Railway allows in how many seconds, once it has said so.
    pub(crate) fn allowance(&self) -> Option<(u64, u64)> {
        self.wire.traffic.allowance()
    }

    /// What time it is by Railway's own clock, once it has said so.
    pub(crate) fn railway_time(&self) -> Option<Timestamp> {
        self.wire.traffic.railway_time()
    }

    /// A remark for each thing that Railway could not answer beside its data, and one for those beyond the first few.
    pub(crate) fn note_what_is_missing(&self, operation: &'static str, beside: &[GraphqlError]) {
        let mut remarks = self.remarks.borrow_mut();
        for refusal in beside.iter().take(MOST_REMARKS) {
            let errors = self.refused(std::slice::from_ref(refusal));
            let path = self.shown(&refusal.path.join("."));
            remarks.push(format!("{operation}: {path} is unknown, {errors}"));
        }
        if beside.len() > MOST_REMARKS {
            remarks.push(format!("{operation}: {} more fields are unknown", beside.len() - MOST_REMARKS));
        }
    }

    pub(crate) fn host(&self) -> String {
        self.wire.host().to_owned()
    }

    /// Railway's words, fit to be printed: those of the first few errors, each cut after some lines.
    pub(crate) fn refused(&self, refusals: &[GraphqlError]) -> RailwayErrors {
        let shown = &refusals[..refusals.len().min(MOST_SAID)];
        let mut messages: Vec<String> = shown.iter().map(|refusal| self.shown(&refusal.message)).collect();
        if refusals.len() > MOST_SAID {
            messages.push(format!("{} more errors", refusals.len() - MOST_SAID));
        }
        let traces = shown.iter().filter_map(|refusal| refusal.trace.as_deref()).map(|id| self.shown(id)).collect();
        RailwayErrors { messages, traces }
    }

    /// A text of Railway's, redacted and no longer than a person reads. It is cut last: half a value is not recognised.
    fn shown(&self, text: &str) -> String {
        if text.len() > LONGEST_REDACTED {
            return format!("a text of {} KiB", text.len() >> 10);
        }
        let clean = self.scrubber.redact(text);
        match clean.char_indices().nth(LONGEST_SAID) {
            Some((end, _)) => format!("{}…", &clean[..end]),
            None => clean,
        }
    }
}

/// What a probe of the token found.
#[derive(Clone, Debug)]
pub(crate) enum Probed {
    /// It lives, and reaches this.
    Alive(String),
    /// Railway does not know it in that header.
    Dead,
    /// No clear answer.
    Unknown,
}
