//! Asking Railway: one question, as many tries as time and manners allow, an answer or an error in doctor's words.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::drift::scrub::Scrubber;
use crate::error::{Error, Said};
use crate::outside::clock::Clock;
use crate::outside::credentials::Credentials;
use crate::outside::endpoint::Neighbourhood;
use crate::outside::railway::answer::{self, Answer, Kind, Refusal, Trouble};
use crate::outside::railway::guess::Guessing;
use crate::outside::railway::limit::{allowance, policy, waiting_time};
use crate::outside::railway::probe::probe;
use crate::outside::railway::wire::{Failure, Outgoing, Reply, Scheme, TOO_LONG, Wire, was_sent};
use crate::outside::talk::Talk;

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
    pub(crate) wire: &'w dyn Wire,
    /// The token.
    pub(crate) credentials: &'w Credentials,
    /// Time.
    pub(crate) clock: &'w dyn Clock,
    /// Standard error.
    pub(crate) talk: &'w dyn Talk,
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
    pub(crate) neighbourhood: Neighbourhood,
    /// What must not be printed from Railway's texts.
    pub(crate) scrubber: &'w Scrubber,
    /// What probes of the token found: many refusals are explained by one.
    pub(crate) probed: RefCell<Vec<(Scheme, Probed)>>,
    /// What is asked ahead of its turn.
    pub(crate) guessing: Guessing,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Railway answered with errors instead of data; the caller may know more about them.
    Refused(Vec<Refusal>),
    /// Anything else; final.
    Failed(Error),
}

/// What to do after a try.
enum Next<T> {
    Done(Answer<T>),
    Again { error: Error, wait: Duration },
    Never(Unanswered),
}

impl Client<'_> {
    /// Asks one of the operations that `graphql_client` made.
    pub(crate) fn ask<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Result<T, Unanswered> {
        self.ask_text(operation, body.query, &body.variables)
    }

    /// Asks a document, and notes what could not be answered beside the data.
    fn ask_text<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<T, Unanswered> {
        let answer = self.ask_for_answer(operation, query, variables)?;
        self.note_what_is_missing(operation, &answer.beside);
        Ok(answer.data)
    }

    /// Asks a document: retried while it may help, within the deadline. Queries only: nothing here may change anything.
    pub(crate) fn ask_for_answer<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<Answer<T>, Unanswered> {
        let body = body(operation, query, variables);
        if let Some(guessed) = self.guessed(operation, &body) {
            return guessed;
        }
        let mut last = None;
        for attempt in 0..TRIES {
            let remaining = self.remaining();
            if remaining.is_zero() {
                return Err(Unanswered::Failed(self.timed_out(last.as_ref())));
            }
            match self.attempt(operation, &body, attempt, remaining) {
                Next::Done(answer) => return Ok(answer),
                Next::Never(unanswered) => return Err(unanswered),
                Next::Again { error, wait } => {
                    let remaining = self.remaining();
                    let is_over = attempt + 1 == TRIES || wait >= remaining;
                    if !is_over {
                        self.tell_of_waiting(&error, wait);
                    }
                    // What an earlier try came to says more than that this one took too long.
                    let is_late = matches!(error, Error::TimedOut { .. });
                    last = if is_late { last } else { Some(error) };
                    if is_over {
                        return Err(Unanswered::Failed(match last {
                            Some(error) if !is_late && !remaining.is_zero() => error,
                            last => self.timed_out(last.as_ref()),
                        }));
                    }
                    self.clock.sleep(wait);
                }
            }
        }
        Err(Unanswered::Failed(self.timed_out(last.as_ref())))
    }

    fn attempt<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &str,
        attempt: u32,
        remaining: Duration,
    ) -> Next<T> {
        let outgoing = self.outgoing(operation, body, patience(remaining), attempt);
        let wait = FIRST_WAIT * 2_u32.pow(attempt);
        match self.post_with_guesses(&outgoing) {
            Err(failure) => self.after_failure(failure, wait),
            Ok(reply) => match answer::read(&reply) {
                Ok(answer) => Next::Done(answer),
                Err(Trouble::Refused(refusals)) => Self::after_refusal(operation, refusals, attempt, wait),
                Err(Trouble::Garbled(what)) => Next::Again { error: Error::Garbled { host: self.host(), what }, wait },
                Err(Trouble::Invalid(what)) => {
                    Next::Never(Unanswered::Failed(Error::Garbled { host: self.host(), what }))
                }
                Err(Trouble::Blocked { why, code }) => {
                    Next::Never(Unanswered::Failed(Error::Blocked { host: self.host(), why, code }))
                }
                Err(Trouble::Redirected(to)) => {
                    Next::Never(Unanswered::Failed(Error::Redirected { host: self.host(), to: origin(&to) }))
                }
                Err(Trouble::Limited { retry_after, by }) => {
                    let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, attempt);
                    Next::Again { error, wait }
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
    ) -> Outgoing<'o> {
        let Credentials { token, scheme, .. } = self.credentials;
        Outgoing { operation, body, token, scheme: *scheme, patience, attempt: earlier + 1 }
    }

    /// What a limit comes to, and how long to wait for its end.
    pub(crate) fn limited(
        &self,
        retry_after: Option<&str>,
        by: &str,
        reply: &Reply,
        attempt: u32,
    ) -> (Error, Duration) {
        let asked = self.asked_to_wait(retry_after, reply);
        let wait = asked.unwrap_or(FIRST_WAIT_WHEN_LIMITED * 2_u32.pow(attempt));
        (Error::RateLimited { wait: asked, by: by.to_owned(), allowance: allowance(&reply.rate) }, wait)
    }

    /// What is left of `--timeout`.
    pub(crate) fn remaining(&self) -> Duration {
        self.limit.get().saturating_sub(self.clock.elapsed())
    }

    /// Sends, and takes note of what came of it.
    pub(crate) fn post(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let result = self.wire.post(outgoing);
        self.hear(&result);
        result
    }

    /// Counts what really goes out, so that the report's number is the server's.
    pub(crate) fn hear(&self, result: &Result<Reply, Failure>) {
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
    fn asked_to_wait(&self, retry_after: Option<&str>, reply: &Reply) -> Option<Duration> {
        waiting_time(retry_after?, reply.date.unwrap_or_else(|| self.clock.now()))
    }

    /// What time it is by Railway's own clock: doctor's may be wrong by hours.
    pub(crate) fn railway_time(&self) -> Option<Timestamp> {
        let (time, heard) = self.heard_time.get()?;
        time.checked_add(self.clock.elapsed().saturating_sub(heard)).ok()
    }

    fn after_failure<T>(&self, failure: Failure, wait: Duration) -> Next<T> {
        let host = self.host();
        match failure {
            Failure::Certificate(why) => Next::Never(Unanswered::Failed(Error::Certificate { host, why })),
            Failure::TooLong => Next::Never(Unanswered::Failed(Error::Garbled { host, what: TOO_LONG.to_owned() })),
            Failure::NotSent(why) => Next::Again { error: Error::Unreachable { host, why }, wait },
            Failure::Broken(why) => {
                Next::Again { error: Error::Unreachable { host, why: format!("the connection broke: {why}") }, wait }
            }
            Failure::TimedOut => Next::Again {
                error: Error::TimedOut { host, limit: self.limit.get(), last: None },
                wait: Duration::from_millis(1),
            },
        }
    }

    /// `Problem processing request` is a failure of the moment as often as not: one more try tells.
    fn after_refusal<T>(operation: &'static str, refusals: Vec<Refusal>, attempt: u32, wait: Duration) -> Next<T> {
        let passing = refusals.iter().all(|refusal| refusal.kind == Kind::Problem);
        if passing && attempt == 0 {
            Next::Again { error: Error::Railway { operation, said: Said::default() }, wait }
        } else {
            Next::Never(Unanswered::Refused(refusals))
        }
    }

    pub(crate) fn tell_of_waiting(&self, error: &Error, wait: Duration) {
        if let Error::RateLimited { by, .. } = error {
            self.talk.say(&format!("{by} limits the rate of requests: waiting {:.0} s", wait.as_secs_f64().ceil()));
        }
    }

    /// A remark for each thing that Railway could not answer beside its data, and one for those beyond the first few.
    pub(crate) fn note_what_is_missing(&self, operation: &'static str, beside: &[Refusal]) {
        let mut remarks = self.remarks.borrow_mut();
        for refusal in beside.iter().take(MOST_REMARKS) {
            let said = self.said(std::slice::from_ref(refusal));
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
        let last = last.map(|error| match error.because() {
            Some(because) => format!("the last try that ended: {error}, {because}"),
            None => format!("the last try that ended: {error}"),
        });
        Error::TimedOut { host: self.host(), limit: self.limit.get(), last }
    }

    /// Railway's words, fit to be printed: those of the first few errors, each cut after some lines.
    pub(crate) fn said(&self, refusals: &[Refusal]) -> Said {
        let shown = &refusals[..refusals.len().min(MOST_SAID)];
        let mut messages: Vec<String> = shown.iter().map(|refusal| self.shown(&refusal.message)).collect();
        if refusals.len() > MOST_SAID {
            messages.push(format!("{} more errors", refusals.len() - MOST_SAID));
        }
        let traces = shown.iter().filter_map(|refusal| refusal.trace.as_deref()).map(|id| self.shown(id)).collect();
        Said { messages, traces }
    }

    /// A text of Railway's, redacted and no longer than a person reads. It is cut last: half a value is not recognised.
    fn shown(&self, text: &str) -> String {
        if text.len() > LONGEST_REDACTED {
            return format!("a text of {} KiB", text.len() >> 10);
        }
        let clean = self.scrubber.scrub(text);
        match clean.char_indices().nth(LONGEST_SAID) {
            Some((end, _)) => format!("{}…", &clean[..end]),
            None => clean,
        }
    }

    /// What a refusal comes to. `Not Authorized` has three meanings; a probe, one request, tells them apart.
    pub(crate) fn explain(&self, operation: &'static str, what: &str, refusals: &[Refusal]) -> Error {
        let said = self.said(refusals);
        let from = self.credentials.from.clone();
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.kind == Kind::TwoFactor) {
            let workspace = refusal.workspace.clone().unwrap_or_else(|| "of this project".to_owned());
            return Error::TwoFactor { workspace };
        }
        if has(Kind::TooLarge) {
            let what = "HTTP 413: the request is too large for a gateway or a proxy".to_owned();
            return Error::Garbled { host: self.host(), what };
        }
        if has(Kind::Document) || has(Kind::Schema) {
            return Error::SchemaMoved { operation, said };
        }
        if has(Kind::NotAuthorized) || has(Kind::ProjectTokenNotFound) {
            return match self.probe(self.credentials.scheme) {
                Probed::Alive(reach) => Error::NoPermission { from, what: what.to_owned(), said, reach: Some(reach) },
                Probed::Unknown => Error::NoPermission { from, what: what.to_owned(), said, reach: None },
                Probed::Dead => self.dead(said),
            };
        }
        if has(Kind::NotFound) {
            return Error::NotFound { what: what.to_owned(), said };
        }
        Error::Railway { operation, said }
    }

    /// Why Railway does not know the token: refused, or of the other kind.
    pub(crate) fn why_refused(&self) -> Error {
        self.dead(Said { messages: vec!["Not Authorized".to_owned()], traces: Vec::new() })
    }

    /// A token that its own header does not wake may be of the other kind: the classic is an account token in `RAILWAY_TOKEN`.
    fn dead(&self, said: Said) -> Error {
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
            _ => Error::Refused { from, said },
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
pub(crate) fn patience(remaining: Duration) -> Duration {
    remaining.min(LEAST_PATIENCE.max(remaining / 2)).min(MOST_PATIENCE)
}

/// Scheme and host of a redirect: its path and query may hold anything.
pub(crate) fn origin(location: &str) -> String {
    reqwest::Url::parse(location).map_or_else(|_| "another path".to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn a_redirect_is_named_without_its_path() {
        assert_eq!(origin("https://evil.example/steal?token=1"), "https://evil.example");
        assert_eq!(origin("/login"), "another path");
    }
}
