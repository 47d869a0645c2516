//! Several requests at once over one HTTP/2 connection. The first request makes the connection; the others wait until
//! its body is being sent, because each of them would otherwise open its own connection.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::io::railway::http::{Connections, Http, LONGEST_ANSWER, read, sent, within};
use crate::io::railway::transport::{
    ConcurrentTransport, EarlyOutcome, HttpRequest, HttpResponse, InFlight, PostOutcome, Transport, TransportFailure,
};

/// The size limit of an early response, as several are in memory at once. A longer one is requested again.
const LONGEST_EARLY_ANSWER: usize = 4 << 20;

/// A request that runs as a task of the runtime. Dropping it cancels it.
struct InFlightTask {
    connections: Rc<Connections>,
    task: JoinHandle<PostOutcome>,
    was_sent: Arc<AtomicBool>,
}

impl Drop for InFlightTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ConcurrentTransport for Http {
    fn post_all(&self, first: &HttpRequest<'_>, others: &[HttpRequest<'_>]) -> (PostOutcome, Vec<Box<dyn InFlight>>) {
        let Self(connections) = self;
        let Ok(runtime) = connections.runtime() else { return (self.post(first), Vec::new()) };
        let mut gates = Vec::new();
        let mut in_flight: Vec<Box<dyn InFlight>> = Vec::new();
        for other in others {
            let (open, gate) = oneshot::channel();
            gates.push(open);
            let was_sent = Arc::default();
            let request = connections.request(other, AnnouncedBody::wrap(other.body, &was_sent, Vec::new()));
            let task = runtime.spawn(async {
                match gate.await {
                    Ok(()) => read(sent(request?).await?, LONGEST_EARLY_ANSWER).await,
                    Err(_) => Err(TransportFailure::NotSent("the request before it was not sent".to_owned())),
                }
            });
            in_flight.push(Box::new(InFlightTask { connections: Rc::clone(connections), task, was_sent }));
        }
        let request = connections.request(first, AnnouncedBody::wrap(first.body, &Arc::default(), gates));
        (request.and_then(|request| connections.exchange(runtime, request, first.time_limit)), in_flight)
    }

    /// An endpoint without TLS is a loopback address, where another connection costs nothing.
    fn shares_connection(&self) -> bool {
        self.0.is_plain() || self.0.last_was_http2()
    }
}

impl InFlight for InFlightTask {
    fn was_sent(&self) -> bool {
        self.was_sent.load(Ordering::Relaxed)
    }

    fn wait(self: Box<Self>, alone: Duration, again: &HttpRequest<'_>) -> EarlyOutcome {
        let connections = Rc::clone(&self.connections);
        let runtime = match connections.runtime() {
            Ok(runtime) => runtime,
            Err(failure) => return EarlyOutcome { early: Err(failure), second: None },
        };
        let request = connections.request(again, again.body.to_owned().into());
        let second = within(again.time_limit, async { read(sent(request?).await?, LONGEST_ANSWER).await });
        runtime.block_on(self.or_again(alone, second))
    }
}

impl InFlightTask {
    /// Waits for the response. If it is late, sends the second request and returns the response that arrives first.
    async fn or_again(mut self: Box<Self>, alone: Duration, second: impl Future<Output = PostOutcome>) -> EarlyOutcome {
        if let Ok(early) = tokio::time::timeout(alone, self.response()).await {
            return EarlyOutcome { early, second: None };
        }
        // A failure of the first request from here on does not end the wait for the second.
        let late = async {
            match self.response().await {
                Ok(reply) => reply,
                Err(_) => pending().await,
            }
        };
        let (mut late, mut second) = (pin!(late), pin!(second));
        let timed_out = || Err(TransportFailure::TimedOut);
        poll_fn(|context| match late.as_mut().poll(context) {
            Poll::Ready(reply) => Poll::Ready(EarlyOutcome { early: Ok(reply), second: Some(timed_out()) }),
            Poll::Pending => {
                second.as_mut().poll(context).map(|reply| EarlyOutcome { early: timed_out(), second: Some(reply) })
            }
        })
        .await
    }

    async fn response(&mut self) -> Result<HttpResponse, TransportFailure> {
        let ended = (&mut self.task).await;
        ended.unwrap_or_else(|error| Err(TransportFailure::Broken(error.to_string())))
    }
}

/// A request body that signals when it is being sent. The connection then exists, and other requests can share it.
struct AnnouncedBody {
    body: reqwest::Body,
    was_sent: Arc<AtomicBool>,
    gates: Vec<oneshot::Sender<()>>,
}

impl AnnouncedBody {
    fn wrap(text: &str, was_sent: &Arc<AtomicBool>, gates: Vec<oneshot::Sender<()>>) -> reqwest::Body {
        reqwest::Body::wrap(Self { body: text.to_owned().into(), was_sent: Arc::clone(was_sent), gates })
    }
}

impl Body for AnnouncedBody {
    type Data = <reqwest::Body as Body>::Data;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.was_sent.store(true, Ordering::Relaxed);
        for gate in self.gates.drain(..) {
            // Fails if the waiting request was cancelled.
            let _ = gate.send(());
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
