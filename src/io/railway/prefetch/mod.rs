//! Prefetching: sends requests early that are expected soon, to save round trips.
//!
//! A run first reads its environments and then the values of their services, whose ids only the first response contains.
//! These ids rarely change, so a run remembers them (`remembered_ids`), and the next run sends the requests for the
//! values together with its first request. Without them, the batches of values are sent together once the ids are known.
//!
//! Prefetching must change only the duration of a run. An early response is used only for a request with the same body,
//! byte for byte, that is posted later in the same reading; any other is dropped. An early failure is dropped, too, and
//! the request is then sent as usual. Two failures count as the first attempt of the request, because a second one
//! would fail in the same way: an error in the document, and a rate limit that ends before the deadline.

mod concurrent_http;
pub mod remembered_ids;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::io::clock::Clock;
use crate::io::railway::batch::{Batch, BatchService, ReadOptions};
use crate::io::railway::prefetch::remembered_ids::{
    AT_ONCE, ExpectedRequest, RememberedIds, is_small, services_per_request,
};
use crate::io::railway::rate_limit::{FIRST_WAIT_WHEN_LIMITED, named_delay};
use crate::io::railway::response::{self, ErrorKind, GraphqlError, ResponseData, ResponseError};
use crate::io::railway::traffic::Traffic;
use crate::io::railway::transport::{
    ConcurrentTransport, EarlyOutcome, HttpRequest, HttpResponse, InFlight, PostOutcome, Transport, TransportFailure,
    attempt_timeout, was_sent,
};
use crate::io::storage::id_cache::IdCacheSlot;

/// An early request may take this fraction of the remaining time; then the same request is sent again, beside it.
const SHARE: u32 = 2;

/// A transport that sends expected requests before they are posted.
pub struct PrefetchingTransport<'t> {
    inner: &'t dyn Transport,
    clock: &'t dyn Clock,
    /// The traffic, including early requests.
    pub(super) traffic: Traffic<'t>,
    /// The requests to send together with the next one.
    expected: RefCell<Expected>,
    /// The requests that were sent and not posted yet.
    early: RefCell<Vec<EarlyRequest>>,
    /// The cache entry for this run's ids, if they are remembered.
    slot: RefCell<Option<IdCacheSlot>>,
    /// The ids of this run, for the next one.
    confirmed: RefCell<Option<RememberedIds>>,
    /// Whether the next run will most likely send the same batches of values: none was rejected, except for its size.
    is_confirming: Cell<bool>,
    /// The number of services per request that is known to be accepted, if a larger batch was rejected for its size.
    batch_limit: Cell<Option<usize>>,
}

/// The expected requests.
#[derive(Default)]
enum Expected {
    #[default]
    Nothing,
    /// Those that followed the first request of the last run, with what it read together with the values.
    AfterFirst(RememberedIds, ReadOptions),
    /// These.
    Next(Vec<ExpectedRequest>),
}

/// A response, and what was read from it.
pub(super) struct Exchange<T> {
    pub(super) reply: HttpResponse,
    pub(super) read: Result<ResponseData<T>, ResponseError>,
}

/// A request that was sent before it was posted.
struct EarlyRequest {
    body: String,
    in_flight: Box<dyn InFlight>,
}

/// A response that has already arrived, from a transport that sends one request at a time.
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
    /// Wraps a transport; nothing is expected yet.
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
            batch_limit: Cell::default(),
        }
    }

    /// Begins a run that remembers its ids in this slot, and reads this together with the values. The requests of the
    /// last run are sent with the first request.
    pub fn begin(&self, slot: Option<IdCacheSlot>, along: ReadOptions) {
        let ids = slot.as_ref().and_then(|slot| slot.get(self.clock.now()));
        self.batch_limit.set(ids.as_ref().and_then(|ids| ids.batch_limit));
        self.expected.replace(ids.map_or(Expected::Nothing, |ids| Expected::AfterFirst(ids, along)));
        self.is_confirming.set(slot.is_some());
        self.slot.replace(slot);
    }

    /// Cancels the early requests that were not needed, and remembers the ids for the next run.
    pub fn finish(&self) {
        self.forget_early();
        self.is_confirming.set(false);
        // Without HTTP/2, each early request would need its own connection, which is slower than no prefetching.
        let ids = self.confirmed.take().filter(|_| self.shares_connection());
        if let Some(slot) = self.slot.take() {
            let allowance = self.traffic.allowance();
            let batch_limit = self.batch_limit.get();
            slot.put(ids.map(|ids| RememberedIds { batch_limit, allowance, ..ids }), self.clock.now());
        }
    }

    /// Sends these batches of values together with the next request, except for those that are already in flight.
    pub(super) fn expect_next(&self, batches: impl Iterator<Item = Batch>) {
        // Making a connection for each of them would take longer than sending them in sequence.
        if self.shares_connection() {
            let early = self.early.borrow();
            let requests = batches.take(AT_ONCE).map(|batch| ExpectedRequest::values(&batch));
            let requests = requests.filter(|request| !early.iter().any(|early| early.body == request.body));
            self.expected.replace(Expected::Next(requests.collect()));
        }
    }

    /// Cancels the early requests that were not posted, at the end of a reading. A later reading may check for changes,
    /// so it must not use a response from before them.
    pub(super) fn forget_early(&self) {
        self.expected.take();
        self.cancel_early();
    }

    /// Returns the host, for messages.
    pub(super) fn host(&self) -> &str {
        self.inner.host()
    }

    /// Posts a request and reads the response, or its early response if there is a usable one.
    pub(super) fn exchange<T: DeserializeOwned>(
        &self,
        request: &HttpRequest<'_>,
    ) -> Result<Exchange<T>, TransportFailure> {
        let reply = match self.take_early(request.body) {
            Some(in_flight) => {
                let began = self.clock.elapsed();
                let early = self.wait_for_early(in_flight, request).map(Exchange::of);
                let remaining = request.remaining.saturating_sub(self.clock.elapsed().saturating_sub(began));
                if let Some(exchange) = early.filter(|early| self.is_usable(early, remaining)) {
                    return Ok(exchange);
                }
                if remaining.is_zero() {
                    return Err(TransportFailure::TimedOut);
                }
                self.post(&HttpRequest { remaining, time_limit: attempt_timeout(remaining), ..*request })
            }
            None => self.post(request),
        };
        reply.map(Exchange::of)
    }

    fn take_early(&self, body: &str) -> Option<Box<dyn InFlight>> {
        let mut early = self.early.borrow_mut();
        let position = early.iter().position(|early| early.body == body)?;
        Some(early.remove(position).in_flight)
    }

    /// Posts a request together with the expected ones.
    pub(super) fn post(&self, request: &HttpRequest<'_>) -> PostOutcome {
        let mut expected = match self.expected.take() {
            Expected::AfterFirst(ids, along) => ids.requests_after(request.operation, along),
            Expected::Next(requests) if request.operation == "Values" => requests,
            // Nothing is sent together with a request of another kind, above all a mutation: values must be read after
            // it.
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

    /// Posts the requests in sequence, for a transport that can't send several at once.
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

    /// Returns whether a response counts: data, an error in the document, or a rate limit that ends within this time.
    fn is_usable<T>(&self, Exchange { reply, read }: &Exchange<T>, remaining: Duration) -> bool {
        match read {
            Ok(_) => true,
            Err(ResponseError::Refused(refusals)) => refusals.iter().all(is_document_error),
            Err(ResponseError::Limited { .. }) => {
                // The limit also applies to the others, which are sent later. The caller waits if there is time.
                self.cancel_early();
                let wait = named_delay(reply, self.clock.now()).unwrap_or(FIRST_WAIT_WHEN_LIMITED);
                wait < remaining
            }
            Err(_) => false,
        }
    }

    /// Waits for an early request. If it is late, sends it again and returns the response that arrives first.
    fn wait_for_early(&self, in_flight: Box<dyn InFlight>, request: &HttpRequest<'_>) -> Option<HttpResponse> {
        let alone = request.remaining / SHARE;
        let time_limit = attempt_timeout(request.remaining.saturating_sub(alone));
        let again = HttpRequest { time_limit, attempt: request.attempt + 1, ..*request };
        let EarlyOutcome { early, second } = in_flight.wait(alone, &again);
        self.traffic.record(&early);
        if let Some(second) = &second {
            self.traffic.record(second);
        }
        early.ok().or_else(|| second?.ok())
    }

    /// Cancels all requests in flight.
    fn cancel_early(&self) {
        for early in self.early.take() {
            if early.in_flight.was_sent() {
                self.traffic.count_sent();
            }
        }
    }

    /// Returns the maximum number of services per request if the values of this many are read.
    pub(super) fn services_per_request(&self, services: usize, usual: usize) -> usize {
        services_per_request(services, usual, self.batch_limit.get())
    }

    /// Remembers the ids of a batch of values that succeeded.
    pub(super) fn confirm(&self, batch: &[BatchService<'_>]) {
        let batch = RememberedIds::of_batch(batch).filter(|_| self.is_confirming.get());
        let mut confirmed = self.confirmed.borrow_mut();
        match (batch, &mut *confirmed) {
            (Some(batch), Some(ids)) => ids.extend(batch),
            (Some(batch), None) => *confirmed = Some(batch),
            (None, _) => {}
        }
    }

    /// Remembers no further batch: they result from a split, so they differ from run to run.
    pub(super) fn stop_confirming(&self) {
        self.is_confirming.set(false);
    }

    /// Limits the batches of this and later runs to this number of services, because a larger one was rejected for its
    /// size. Those in flight are cancelled.
    pub(super) fn limit_batches(&self, services: usize) {
        self.batch_limit.set(Some(services));
        self.forget_early();
    }

    /// Returns whether few requests per hour are allowed, as far as it is known.
    pub(super) fn has_small_allowance(&self) -> bool {
        self.traffic.allowance().is_some_and(is_small)
    }

    fn shares_connection(&self) -> bool {
        self.inner.concurrent().is_none_or(ConcurrentTransport::shares_connection)
    }
}

impl<T: DeserializeOwned> Exchange<T> {
    fn of(reply: HttpResponse) -> Self {
        Self { read: response::read(&reply), reply }
    }
}

/// Returns whether the document is at fault, so that the same request would fail again.
fn is_document_error(refusal: &GraphqlError) -> bool {
    refusal.kind == ErrorKind::Schema || refusal.kind.is_of_size()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use jiff::Timestamp;
    use serde::de::IgnoredAny;
    use zeroize::Zeroizing;

    use crate::drift::Secret;
    use crate::io::clock::Clock;
    use crate::io::railway::batch::{self, Batch, BatchService};
    use crate::io::railway::prefetch::PrefetchingTransport;
    use crate::io::railway::prefetch::remembered_ids::ExpectedRequest;
    use crate::io::railway::transport::{HttpRequest, HttpResponse, PostOutcome, Scheme, Transport};

    /// A clock whose time never changes.
    struct FrozenClock;

    impl Clock for FrozenClock {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) {}
    }

    /// Returns the same response to every request.
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
        let service = BatchService { project: "p", environment: "e", service, deployment: None };
        batch::build(&[service], &[])
    }

    /// Returns the operations that are sent when these requests are posted and this batch is expected.
    fn posted(status: u16, expected: &str, requests: &[(&'static str, &str)]) -> Vec<&'static str> {
        posted_with(Canned { status, body: r#"{"data":{}}"#, posted: RefCell::default() }, expected, requests)
    }

    /// Does the same with this transport. `Forget` is not an operation: it ends a reading.
    fn posted_with(canned: Canned, expected: &str, requests: &[(&'static str, &str)]) -> Vec<&'static str> {
        let (status, token) = (canned.status, Secret::new("t"));
        let transport = PrefetchingTransport::new(&canned, &FrozenClock);
        transport.expect_next(std::iter::once(batch(expected)));
        for (operation, service) in requests {
            if *operation == "Forget" {
                transport.forget_early();
                continue;
            }
            let body = ExpectedRequest::values(&batch(service)).body;
            let (remaining, time_limit) = (Duration::from_secs(20), Duration::from_secs(10));
            let scheme = Scheme::Bearer;
            let request =
                HttpRequest { operation, body: &body, token: &token, scheme, remaining, time_limit, attempt: 1 };
            assert!(transport.exchange::<IgnoredAny>(&request).is_ok_and(|got| got.reply.status == status));
        }
        transport.finish();
        assert_eq!(transport.traffic.requests(), canned.posted.borrow().len(), "unneeded requests are counted, too");
        canned.posted.into_inner()
    }

    #[test]
    fn expected_request_is_sent_early_and_only_once() {
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Values", "b")]), ["Values"; 2]);
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Values", "c")]), ["Values"; 3], "another request is posted");
        assert_eq!(posted(200, "a", &[("Values", "a"), ("Values", "b")]), ["Values"; 2], "it is the first one");
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

    /// A later reading checks for changes, so it must not use a response from before them.
    #[test]
    fn later_reading_ignores_early_responses() {
        assert_eq!(posted(200, "b", &[("Values", "a"), ("Forget", ""), ("Values", "b")]), ["Values"; 3]);
    }

    #[test]
    fn mutation_sends_nothing_early() {
        assert_eq!(posted(200, "b", &[("Deploy", "a"), ("Values", "b")]), ["Deploy", "Values"]);
    }
}
