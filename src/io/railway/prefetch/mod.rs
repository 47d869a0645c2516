//! Prefetching: what the last run asked for is most likely what this one will, so it is sent together with the first request,
//! before Railway has named it; and batches that follow one that passed need not wait for each other. That saves a round
//! trip, or several.
//!
//! A response counts only for the very request that is posted later in the same reading, byte by byte; every other is
//! dropped. So is every failure, after which the request is sent as if nothing had been, except for an error in our own
//! document and a rate limit that ends in time: those are the first try of the request. So this changes how long a run takes
//! and nothing else.

mod concurrent_http;
pub mod remembered_ids;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde::de::IgnoredAny;

use crate::io::clock::Clock;
use crate::io::railway::batch::Batch;
use crate::io::railway::prefetch::remembered_ids::{AT_ONCE, ExpectedRequest, RememberedIds};
use crate::io::railway::rate_limit::{FIRST_WAIT_WHEN_LIMITED, named_delay};
use crate::io::railway::response::{self, ErrorKind, GraphqlError, ResponseError};
use crate::io::railway::traffic::Traffic;
use crate::io::railway::transport::{
    ConcurrentTransport, EarlyOutcome, HttpRequest, HttpResponse, InFlight, PostOutcome, Transport, TransportFailure,
    attempt_timeout, was_sent,
};
use crate::io::storage::id_cache::IdCacheSlot;

/// What part of the time that is left an early request has to itself; then it is sent once more beside it.
const SHARE: u32 = 2;

/// A transport that sends some requests before they are posted.
pub struct PrefetchingTransport<'t> {
    inner: &'t dyn Transport,
    clock: &'t dyn Clock,
    /// What has passed over it, early requests included.
    pub(super) traffic: Traffic<'t>,
    /// What goes along with the next request.
    expected: RefCell<Expected>,
    /// What was sent and not posted yet.
    early: RefCell<Vec<EarlyRequest>>,
    /// Where this run's ids are kept, if they are.
    slot: RefCell<Option<IdCacheSlot>>,
    /// The ids of this run, for the next one.
    confirmed: RefCell<Option<RememberedIds>>,
    /// Whether every batch of values was answered as it was asked, so far.
    is_confirming: Cell<bool>,
}

/// The requests that are expected.
#[derive(Default)]
enum Expected {
    #[default]
    Nothing,
    /// Those that followed the first request of the last run.
    AfterFirst(RememberedIds),
    /// These.
    Next(Vec<ExpectedRequest>),
}

/// A request that was sent before it was posted.
struct EarlyRequest {
    body: String,
    in_flight: Box<dyn InFlight>,
}

/// A response that is there already, because requests leave one after the other.
struct Arrived(PostOutcome);

impl InFlight for Arrived {
    fn was_sent(&self) -> bool {
        was_sent(&self.0)
    }

    fn wait(self: Box<Self>, _alone: Duration, _again: &HttpRequest<'_>) -> EarlyOutcome {
        EarlyOutcome { early: self.0, second: None }
    }
}

impl<'t> PrefetchingTransport<'t> {
    /// Wraps that transport; nothing is expected yet.
    pub fn new(inner: &'t dyn Transport, clock: &'t dyn Clock) -> Self {
        Self {
            inner,
            clock,
            traffic: Traffic::new(clock),
            expected: RefCell::default(),
            early: RefCell::default(),
            slot: RefCell::default(),
            confirmed: RefCell::default(),
            is_confirming: Cell::default(),
        }
    }

    /// Begins a run whose ids are kept there: what the last one asked for is sent with the first request.
    pub fn begin(&self, slot: Option<IdCacheSlot>) {
        let ids = slot.as_ref().and_then(|slot| slot.get(self.clock.now()));
        self.expected.replace(ids.map_or(Expected::Nothing, Expected::AfterFirst));
        self.is_confirming.set(slot.is_some());
        self.slot.replace(slot);
    }

    /// Cancels what was sent early and not needed, and remembers the ids for the next run.
    pub fn finish(&self) {
        self.forget_early();
        self.is_confirming.set(false);
        // On a connection that can't be shared, what goes ahead would be slower for it.
        let ids = self.confirmed.take().filter(|_| self.shares_connection());
        if let Some(slot) = self.slot.take() {
            let allowance = self.traffic.allowance();
            slot.put(ids.map(|ids| RememberedIds { allowance, ..ids }), self.clock.now());
        }
    }

    /// Sends these batches of values together with the next request, those among them that are not in flight already.
    pub(super) fn expect_next(&self, batches: impl Iterator<Item = Batch>) {
        // A connection for each of them would take longer than their turns.
        if self.shares_connection() {
            let early = self.early.borrow();
            let requests = batches.take(AT_ONCE).map(|batch| ExpectedRequest::values(&batch));
            let requests = requests.filter(|request| !early.iter().any(|early| early.body == request.body));
            self.expected.replace(Expected::Next(requests.collect()));
        }
    }

    /// Cancels what was sent early and not posted. A response is of the moment at which it was sent: one that a reading leaves
    /// behind must not be taken for an answer to the same request in a later reading, which may look for changes.
    pub(super) fn forget_early(&self) {
        self.expected.take();
        self.cancel_early();
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> &str {
        self.inner.host()
    }

    /// The response to a request: the early one if there is a good one.
    pub(super) fn post(&self, request: &HttpRequest<'_>) -> PostOutcome {
        let outcome = match self.take_early(request.body) {
            Some(in_flight) => self.early_or_new(in_flight, request),
            None => self.send(request),
        };
        if let ("Values", Ok(reply)) = (request.operation, &outcome) {
            self.confirm(request, reply);
        }
        outcome
    }

    fn take_early(&self, body: &str) -> Option<Box<dyn InFlight>> {
        let mut early = self.early.borrow_mut();
        let position = early.iter().position(|early| early.body == body)?;
        Some(early.remove(position).in_flight)
    }

    fn early_or_new(&self, in_flight: Box<dyn InFlight>, request: &HttpRequest<'_>) -> PostOutcome {
        let began = self.clock.elapsed();
        let reply = self.wait_for_early(in_flight, request);
        let remaining = request.remaining.saturating_sub(self.clock.elapsed().saturating_sub(began));
        if let Some(reply) = reply.filter(|reply| self.is_usable(reply, remaining)) {
            return Ok(reply);
        }
        if remaining.is_zero() {
            return Err(TransportFailure::TimedOut);
        }
        self.send(&HttpRequest { remaining, patience: attempt_timeout(remaining), ..*request })
    }

    /// Sends a request, and with it what is expected.
    fn send(&self, request: &HttpRequest<'_>) -> PostOutcome {
        let mut expected = match self.expected.take() {
            Expected::AfterFirst(ids) => ids.requests_after(request.operation),
            Expected::Next(requests) if request.operation == "Values" => requests,
            // Nothing goes beside a request of another kind, a mutation above all.
            Expected::Nothing | Expected::Next(_) => Vec::new(),
        };
        expected.retain(|expected| expected.body != request.body);
        expected.truncate(AT_ONCE - 1);
        let others: Vec<HttpRequest<'_>> = expected
            .iter()
            .map(|one| HttpRequest { operation: one.operation, body: &one.body, attempt: 1, ..*request })
            .collect();
        let (outcome, in_flight) = match self.inner.concurrent() {
            Some(inner) if !others.is_empty() => inner.post_all(request, &others),
            _ => self.post_in_turn(request, &others),
        };
        let early = expected.into_iter().zip(in_flight);
        self.early.borrow_mut().extend(early.map(|(one, in_flight)| EarlyRequest { body: one.body, in_flight }));
        self.traffic.record(&outcome);
        outcome
    }

    /// One after the other, where the transport can't do more.
    fn post_in_turn(
        &self,
        first: &HttpRequest<'_>,
        others: &[HttpRequest<'_>],
    ) -> (PostOutcome, Vec<Box<dyn InFlight>>) {
        let outcome = self.inner.post(first);
        let others = others.iter().map(|other| -> Box<dyn InFlight> {
            Box::new(Arrived(match &outcome {
                Err(failure) if !was_sent(&outcome) => Err(failure.clone()),
                _ => self.inner.post(other),
            }))
        });
        let others = others.collect();
        (outcome, others)
    }

    /// Whether another try would bring the same: data, an error in our document, or a rate limit that ends within that time.
    fn is_usable(&self, reply: &HttpResponse, remaining: Duration) -> bool {
        match response::read::<IgnoredAny>(reply) {
            Ok(_) => true,
            Err(ResponseError::Refused(refusals)) => refusals.iter().all(is_wording_error),
            Err(ResponseError::Limited { .. }) => {
                // It holds for the others as well: they are sent in their turn. The caller waits, if there is time for it.
                self.cancel_early();
                let wait = named_delay(reply, self.clock.now()).unwrap_or(FIRST_WAIT_WHEN_LIMITED);
                wait < remaining
            }
            Err(_) => false,
        }
    }

    /// What came of an early request, or of the same one that was sent after it when it was late.
    fn wait_for_early(&self, in_flight: Box<dyn InFlight>, request: &HttpRequest<'_>) -> Option<HttpResponse> {
        let alone = request.remaining / SHARE;
        let patience = attempt_timeout(request.remaining.saturating_sub(alone));
        let again = HttpRequest { patience, attempt: request.attempt + 1, ..*request };
        let EarlyOutcome { early, second } = in_flight.wait(alone, &again);
        self.traffic.record(&early);
        if let Some(second) = &second {
            self.traffic.record(second);
        }
        early.ok().or_else(|| second?.ok())
    }

    /// Nothing that is in flight is waited for any more.
    fn cancel_early(&self) {
        for early in self.early.take() {
            if early.in_flight.was_sent() {
                self.traffic.count_sent();
            }
        }
    }

    /// Notes the ids of a batch of values that was answered as it was asked.
    fn confirm(&self, request: &HttpRequest<'_>, reply: &HttpResponse) {
        if !self.is_confirming.get() {
            return;
        }
        if response::has_data(reply) {
            let mut confirmed = self.confirmed.borrow_mut();
            match (RememberedIds::of_values_request(request.body), &mut *confirmed) {
                (Some(batch), Some(ids)) => ids.extend(batch),
                (Some(batch), None) => *confirmed = Some(batch),
                (None, _) => {}
            }
        } else if let Err(ResponseError::Refused(refusals)) = response::read::<IgnoredAny>(reply) {
            // The batches before it count, and no further ones: they are smaller, and differ from run to run. A problem of
            // the moment is tried again with the same batch.
            let may_pass = request.attempt == 1 && refusals.iter().all(|one| one.kind == ErrorKind::Problem);
            self.is_confirming.set(may_pass);
        }
    }

    fn shares_connection(&self) -> bool {
        self.inner.concurrent().is_none_or(ConcurrentTransport::shares_connection)
    }
}

/// Whether our document is at fault, and would be once more.
fn is_wording_error(refusal: &GraphqlError) -> bool {
    matches!(refusal.kind, ErrorKind::Schema | ErrorKind::Document)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use jiff::Timestamp;
    use zeroize::Zeroizing;

    use crate::drift::Secret;
    use crate::io::clock::Clock;
    use crate::io::railway::batch::{self, Batch, BatchService, StagedQuery};
    use crate::io::railway::prefetch::PrefetchingTransport;
    use crate::io::railway::prefetch::remembered_ids::ExpectedRequest;
    use crate::io::railway::transport::{HttpRequest, HttpResponse, PostOutcome, Scheme, Transport};

    /// Time stands still.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) {}
    }

    /// Answers everything in the same way.
    struct Canned {
        status: u16,
        body: &'static str,
        posted: RefCell<Vec<&'static str>>,
    }

    impl Transport for Canned {
        fn post(&self, request: &HttpRequest<'_>) -> PostOutcome {
            self.posted.borrow_mut().push(request.operation);
            Ok(HttpResponse {
                status: self.status,
                retry_after: None,
                rate: Vec::new(),
                location: None,
                date: None,
                content_type: None,
                others: Vec::new(),
                body: Zeroizing::new(self.body.as_bytes().to_vec()),
            })
        }

        fn host(&self) -> &'static str {
            "canned"
        }
    }

    fn batch(service: &str) -> Batch {
        batch::build("p", "e", &[BatchService { service, deployment: None }], StagedQuery::NotAsked)
    }

    /// The operations that leave while these are posted, after that batch was expected.
    fn posted(status: u16, expected: &str, requests: &[(&'static str, &str)]) -> Vec<&'static str> {
        posted_with(Canned { status, body: r#"{"data":{}}"#, posted: RefCell::default() }, expected, requests)
    }

    /// The same with those responses. `Forget` is no operation: it ends a reading.
    fn posted_with(canned: Canned, expected: &str, requests: &[(&'static str, &str)]) -> Vec<&'static str> {
        let (status, token) = (canned.status, Secret::new("t"));
        let transport = PrefetchingTransport::new(&canned, &Still);
        transport.expect_next(std::iter::once(batch(expected)));
        for (operation, service) in requests {
            if *operation == "Forget" {
                transport.forget_early();
                continue;
            }
            let body = ExpectedRequest::values(&batch(service)).body;
            let (remaining, patience) = (Duration::from_secs(20), Duration::from_secs(10));
            let scheme = Scheme::Bearer;
            let request =
                HttpRequest { operation, body: &body, token: &token, scheme, remaining, patience, attempt: 1 };
            assert!(transport.post(&request).is_ok_and(|reply| reply.status == status));
        }
        transport.finish();
        assert_eq!(transport.traffic.requests(), canned.posted.borrow().len(), "what was not needed is counted, too");
        canned.posted.into_inner()
    }

    #[test]
    fn expected_request_is_sent_early_and_only_once() {
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Values", "b")]), ["Values"; 2]);
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Values", "c")]), ["Values"; 3], "another one is posted");
        assert_eq!(posted(200, "a", &[("Values", "a"), ("Values", "b")]), ["Values"; 2], "it is the first one itself");
    }

    #[test]
    fn early_failure_is_dropped() {
        assert_eq!(posted(503, "b", &[("Values", "a"), ("Values", "b")]), ["Values"; 3]);
    }

    #[test]
    fn invalid_early_response_is_dropped() {
        let canned = Canned { status: 200, body: r#"{"data":{"a":1,"a":2}}"#, posted: RefCell::default() };
        assert_eq!(posted_with(canned, "b", &[("Values", "a"), ("Values", "b")]), ["Values"; 3]);
    }

    /// A later reading looks for changes, so it must not get a response from before them.
    #[test]
    fn later_reading_gets_no_early_response_of_an_earlier_one() {
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Forget", ""), ("Values", "b")]), ["Values"; 3]);
    }

    #[test]
    fn mutation_sends_nothing_early() {
        assert_eq!(posted(200, "b", &[("Deploy", "a"), ("Values", "b")]), ["Deploy", "Values"]);
    }
}
