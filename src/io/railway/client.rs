//! Asking Railway: one question, as many tries as time and manners allow, an answer or an error in doctor's words.

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
use crate::io::railway::prefetch::Guessing;
use crate::io::railway::rate_limit::{allowance, policy, waiting_time};
use crate::io::railway::response::{self, ErrorKind, GraphqlError, ResponseData, ResponseError};
use crate::io::railway::token_probe::probe;
use crate::io::railway::transport::{
    HttpRequest, HttpResponse, Scheme, TOO_LONG, Transport, TransportFailure, was_sent,
};
use crate::io::terminal::status::StatusOutput;

/// Tries per question; the deadline may end them earlier.
pub(crate) const TRIES: u32 = 4;

/// The wait before the second try; doubled for each further one.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The wait before the second try after a 429 without `Retry-After`; doubled for each further one.
const FIRST_WAIT_WHEN_LIMITED: Duration = Duration::from_secs(1);

/// The least time that one try is given, as long as the deadline allows. Ordinary answers take half a second.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// The most time that one try is given, however long the run may take: the official CLI waits as long.
const MOST_PATIENCE: Duration = Duration::from_secs(90);

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
    pub(crate) wire: &'w dyn Transport,
    /// The token.
    pub(crate) credentials: &'w Credentials,
    /// Time.
    pub(crate) clock: &'w dyn Clock,
    /// Standard error.
    pub(crate) talk: &'w dyn StatusOutput,
    /// `--timeout`, counted from the start of the run; longer by the time that a person took to answer.
    pub(crate) limit: Cell<Duration>,
    /// How many requests Railway allows in how many seconds, once it has said so.
    pub(crate) allowance: Cell<Option<(u64, u64)>>,
    /// What time Railway said it is, and how far into the run that was.
    pub(crate) heard_time: Cell<Option<(Timestamp, Duration)>>,
    /// Requests sent so far.
    pub(crate) requests: Cell<usize>,
    /// What Railway could not answer beside its data.
    pub(crate) remarks: RefCell<Vec<String>>,
    /// Where it asks.
    pub(crate) neighbourhood: AllowedHosts,
    /// What must not be printed from Railway's texts.
    pub(crate) scrubber: &'w Redactor,
    /// What probes of the token found: many refusals are explained by one.
    pub(crate) probed: RefCell<Vec<(Scheme, Probed)>>,
    /// What is asked ahead of its turn.
    pub(crate) guessing: Guessing,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// Railway answered with errors instead of data; the caller may know more about them.
    Refused(Vec<GraphqlError>),
    /// Anything else; final.
    Failed(Error),
}

/// What to do after a try.
enum RetryDecision<T> {
    Done(ResponseData<T>),
    Again { error: Error, wait: Duration },
    Never(QueryError),
}

impl Client<'_> {
    /// Asks one of the operations that `graphql_client` made.
    pub(crate) fn query<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Result<T, QueryError> {
        self.query_text(operation, body.query, &body.variables)
    }

    /// Asks a document, and notes what could not be answered beside the data.
    fn query_text<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<T, QueryError> {
        let answer = self.query_response(operation, query, variables)?;
        self.note_what_is_missing(operation, &answer.beside);
        Ok(answer.data)
    }

    /// Asks a document: retried while it may help, within the deadline. Queries only: nothing here may change anything.
    pub(crate) fn query_response<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<ResponseData<T>, QueryError> {
        let body = body(operation, query, variables);
        if let Some(guessed) = self.guessed(operation, &body) {
            return guessed;
        }
        let mut last = None;
        for attempt in 0..TRIES {
            let remaining = self.remaining();
            if remaining.is_zero() {
                return Err(QueryError::Failed(self.timed_out(last.as_ref())));
            }
            match self.attempt(operation, &body, attempt, remaining) {
                RetryDecision::Done(answer) => return Ok(answer),
                RetryDecision::Never(unanswered) => return Err(unanswered),
                RetryDecision::Again { error, wait } => {
                    let remaining = self.remaining();
                    let is_over = attempt + 1 == TRIES || wait >= remaining;
                    if !is_over {
                        self.report_wait(&error, wait);
                    }
                    // What an earlier try came to says more than that this one took too long.
                    let is_late = matches!(error, Error::TimedOut { .. });
                    last = if is_late { last } else { Some(error) };
                    if is_over {
                        return Err(QueryError::Failed(match last {
                            Some(error) if !is_late && !remaining.is_zero() => error,
                            last => self.timed_out(last.as_ref()),
                        }));
                    }
                    self.clock.sleep(wait);
                }
            }
        }
        Err(QueryError::Failed(self.timed_out(last.as_ref())))
    }

    fn attempt<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &str,
        attempt: u32,
        remaining: Duration,
    ) -> RetryDecision<T> {
        let outgoing = self.outgoing(operation, body, attempt_timeout(remaining), attempt);
        let wait = FIRST_WAIT * 2_u32.pow(attempt);
        match self.post_with_guesses(&outgoing) {
            Err(failure) => self.after_failure(failure, wait),
            Ok(reply) => match response::read(&reply) {
                Ok(answer) => RetryDecision::Done(answer),
                Err(ResponseError::Refused(refusals)) => Self::after_refusal(operation, refusals, attempt, wait),
                Err(ResponseError::Garbled(what)) => {
                    RetryDecision::Again { error: Error::InvalidResponse { host: self.host(), cause: what }, wait }
                }
                Err(ResponseError::Invalid(what)) => {
                    RetryDecision::Never(QueryError::Failed(Error::InvalidResponse { host: self.host(), cause: what }))
                }
                Err(ResponseError::Blocked { why, code }) => {
                    RetryDecision::Never(QueryError::Failed(Error::Blocked { host: self.host(), cause: why, code }))
                }
                Err(ResponseError::Redirected(to)) => {
                    RetryDecision::Never(QueryError::Failed(Error::Redirected { host: self.host(), to: origin(&to) }))
                }
                Err(ResponseError::Limited { retry_after, by }) => {
                    let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, attempt);
                    RetryDecision::Again { error, wait }
                }
            },
        }
    }

    /// What is sent for a question, after so many tries that came to nothing.
    pub(crate) fn outgoing<'o>(
        &'o self,
        operation: &'static str,
        body: &'o str,
        patience: Duration,
        earlier: u32,
    ) -> HttpRequest<'o> {
        let Credentials { token, scheme, .. } = self.credentials;
        HttpRequest { operation, body, token, scheme: *scheme, patience, attempt: earlier + 1 }
    }

    /// What a limit comes to, and how long to wait for its end.
    pub(crate) fn limited(
        &self,
        retry_after: Option<&str>,
        by: &str,
        reply: &HttpResponse,
        attempt: u32,
    ) -> (Error, Duration) {
        let asked = self.server_delay(retry_after, reply);
        let wait = asked.unwrap_or(FIRST_WAIT_WHEN_LIMITED * 2_u32.pow(attempt));
        (Error::RateLimited { wait: asked, by: by.to_owned(), allowance: allowance(&reply.rate) }, wait)
    }

    /// What is left of `--timeout`.
    pub(crate) fn remaining(&self) -> Duration {
        self.limit.get().saturating_sub(self.clock.elapsed())
    }

    /// Sends, and takes note of what came of it.
    pub(crate) fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let result = self.wire.post(outgoing);
        self.record(&result);
        result
    }

    /// Counts what really goes out, so that the report's number is the server's.
    pub(crate) fn record(&self, result: &Result<HttpResponse, TransportFailure>) {
        if let Some(allowance) = result.as_ref().ok().and_then(|reply| policy(&reply.rate)) {
            self.allowance.set(Some(allowance));
        }
        if let Some(time) = result.as_ref().ok().and_then(|reply| reply.date) {
            self.heard_time.set(Some((time, self.clock.elapsed())));
        }
        if was_sent(result) {
            self.requests.set(self.requests.get() + 1);
        }
    }

    /// What `Retry-After` comes to. A date in it is the sender's, and so is the clock that it is held against.
    fn server_delay(&self, retry_after: Option<&str>, reply: &HttpResponse) -> Option<Duration> {
        waiting_time(retry_after?, reply.date.unwrap_or_else(|| self.clock.now()))
    }

    /// What time it is by Railway's own clock: doctor's may be wrong by hours.
    pub(crate) fn railway_time(&self) -> Option<Timestamp> {
        let (time, heard) = self.heard_time.get()?;
        time.checked_add(self.clock.elapsed().saturating_sub(heard)).ok()
    }

    fn after_failure<T>(&self, failure: TransportFailure, wait: Duration) -> RetryDecision<T> {
        let host = self.host();
        match failure {
            TransportFailure::Certificate(why) => {
                RetryDecision::Never(QueryError::Failed(Error::Certificate { host, cause: why }))
            }
            TransportFailure::TooLong => {
                RetryDecision::Never(QueryError::Failed(Error::InvalidResponse { host, cause: TOO_LONG.to_owned() }))
            }
            TransportFailure::NotSent(why) => {
                RetryDecision::Again { error: Error::Unreachable { host, cause: why }, wait }
            }
            TransportFailure::Broken(why) => RetryDecision::Again {
                error: Error::Unreachable { host, cause: format!("the connection broke: {why}") },
                wait,
            },
            TransportFailure::TimedOut => RetryDecision::Again {
                error: Error::TimedOut { host, limit: self.limit.get(), last: None },
                wait: Duration::from_millis(1),
            },
        }
    }

    /// `Problem processing request` is a failure of the moment as often as not: one more try tells.
    fn after_refusal<T>(
        operation: &'static str,
        refusals: Vec<GraphqlError>,
        attempt: u32,
        wait: Duration,
    ) -> RetryDecision<T> {
        let passing = refusals.iter().all(|refusal| refusal.kind == ErrorKind::Problem);
        if passing && attempt == 0 {
            RetryDecision::Again { error: Error::Railway { operation, errors: RailwayErrors::default() }, wait }
        } else {
            RetryDecision::Never(QueryError::Refused(refusals))
        }
    }

    pub(crate) fn report_wait(&self, error: &Error, wait: Duration) {
        if let Error::RateLimited { by, .. } = error {
            self.talk
                .print_line(&format!("{by} limits the rate of requests: waiting {:.0} s", wait.as_secs_f64().ceil()));
        }
    }

    /// A remark for each thing that Railway could not answer beside its data, and one for those beyond the first few.
    pub(crate) fn note_what_is_missing(&self, operation: &'static str, beside: &[GraphqlError]) {
        let mut remarks = self.remarks.borrow_mut();
        for refusal in beside.iter().take(MOST_REMARKS) {
            let said = self.refused(std::slice::from_ref(refusal));
            let path = self.shown(&refusal.path.join("."));
            remarks.push(format!("{operation}: {path} is unknown, {said}"));
        }
        if beside.len() > MOST_REMARKS {
            remarks.push(format!("{operation}: {} more fields are unknown", beside.len() - MOST_REMARKS));
        }
    }

    pub(crate) fn host(&self) -> String {
        self.wire.host().to_owned()
    }

    fn timed_out(&self, last: Option<&Error>) -> Error {
        let last = last.map(|error| format!("the last try that ended: {}", error.with_cause(", ")));
        Error::TimedOut { host: self.host(), limit: self.limit.get(), last }
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

    /// What a refusal comes to. `Not Authorized` has three meanings; a probe, one request, tells them apart.
    pub(crate) fn explain(&self, operation: &'static str, what: &str, refusals: &[GraphqlError]) -> Error {
        let said = self.refused(refusals);
        let from = self.credentials.from.clone();
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.kind == ErrorKind::TwoFactor) {
            let workspace = refusal.workspace.clone().unwrap_or_else(|| "of this project".to_owned());
            return Error::TwoFactor { workspace };
        }
        if has(ErrorKind::TooLarge) {
            let what = "HTTP 413: the request is too large for a gateway or a proxy".to_owned();
            return Error::InvalidResponse { host: self.host(), cause: what };
        }
        if has(ErrorKind::Document) || has(ErrorKind::Schema) {
            return Error::SchemaMismatch { operation, errors: said };
        }
        if has(ErrorKind::NotAuthorized) || has(ErrorKind::ProjectTokenNotFound) {
            return match self.probe(self.credentials.scheme) {
                Probed::Alive(reach) => {
                    Error::NoPermission { from, what: what.to_owned(), errors: said, reach: Some(reach) }
                }
                Probed::Unknown => Error::NoPermission { from, what: what.to_owned(), errors: said, reach: None },
                Probed::Dead => self.dead(said),
            };
        }
        if has(ErrorKind::NotFound) {
            return Error::NotFound { what: what.to_owned(), errors: said };
        }
        Error::Railway { operation, errors: said }
    }

    /// Why Railway does not know the token: refused, or of the other kind.
    pub(crate) fn why_refused(&self) -> Error {
        self.dead(RailwayErrors { messages: vec!["Not Authorized".to_owned()], traces: Vec::new() })
    }

    /// A token that its own header does not wake may be of the other kind: the classic is an account token in `RAILWAY_TOKEN`.
    fn dead(&self, said: RailwayErrors) -> Error {
        let from = self.credentials.from.clone();
        let other = match self.credentials.scheme {
            Scheme::Bearer => Scheme::Project,
            Scheme::Project => Scheme::Bearer,
        };
        match (other, self.probe(other)) {
            (Scheme::Bearer, Probed::Alive(_)) => Error::WrongKind {
                from,
                found: "an account or workspace token",
                expected: "a project token",
                belongs_in: "RAILWAY_API_TOKEN",
            },
            (Scheme::Project, Probed::Alive(_)) => Error::WrongKind {
                from,
                found: "a project token",
                expected: "an account or workspace token",
                belongs_in: "RAILWAY_TOKEN",
            },
            _ => Error::Refused { from, errors: said },
        }
    }

    fn probe(&self, scheme: Scheme) -> Probed {
        let known = self.probed.borrow().iter().find(|(of, _)| *of == scheme).map(|(_, probed)| probed.clone());
        known.unwrap_or_else(|| {
            let probed = probe(self, scheme);
            self.probed.borrow_mut().push((scheme, probed.clone()));
            probed
        })
    }
}

/// The JSON that asks a question.
pub(crate) fn body<V: Serialize>(operation: &'static str, query: &str, variables: &V) -> String {
    serde_json::json!({ "operationName": operation, "query": query, "variables": variables }).to_string()
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

/// How long one try may take: half of what is left, so that there is time to ask again, or to look what became of it.
pub(crate) fn attempt_timeout(remaining: Duration) -> Duration {
    remaining.min(LEAST_PATIENCE.max(remaining / 2)).min(MOST_PATIENCE)
}

/// Scheme and host of a redirect: its path and query may hold anything.
pub(crate) fn origin(location: &str) -> String {
    reqwest::Url::parse(location).map_or_else(|_| "another path".to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use crate::io::railway::client::origin;

    #[test]
    fn a_redirect_is_named_without_its_path() {
        assert_eq!(origin("https://evil.example/steal?token=1"), "https://evil.example");
        assert_eq!(origin("/login"), "another path");
    }
}
