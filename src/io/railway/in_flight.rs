//! A request that leaves ahead of its turn: right behind the first one, on the connection that was made for that.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::io::railway::transport::{AheadOutcome, HttpResponse, TransportFailure};

/// A request that may be waited for. Dropped, it is called back.
#[derive(Debug)]
pub struct Underway {
    task: JoinHandle<Result<HttpResponse, TransportFailure>>,
    left: Arc<AtomicBool>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Underway {
    /// Starts it as soon as the gate opens; what `left` belongs to tells whether it went out.
    pub(super) fn behind(
        gate: oneshot::Receiver<()>,
        left: Arc<AtomicBool>,
        exchange: impl Future<Output = Result<HttpResponse, TransportFailure>> + Send + 'static,
        runtime: &Runtime,
    ) -> Self {
        let task = runtime.spawn(async move {
            match gate.await {
                Ok(()) => exchange.await,
                Err(_) => Err(TransportFailure::NotSent("the question before it did not leave".to_owned())),
            }
        });
        Self { task, left }
    }

    /// Its answer; that of the second request, which leaves when this one is late, if it is there sooner.
    pub(super) async fn or_again(
        mut self,
        alone: Duration,
        second: impl Future<Output = Result<HttpResponse, TransportFailure>>,
    ) -> AheadOutcome {
        if let Ok(answer) = tokio::time::timeout(alone, self.answer()).await {
            return (answer, None);
        }
        let late = async {
            match self.answer().await {
                Ok(reply) => reply,
                Err(_) => pending().await,
            }
        };
        let (mut late, mut second) = (pin!(late), pin!(second));
        poll_fn(|context| match late.as_mut().poll(context) {
            Poll::Ready(reply) => Poll::Ready((Ok(reply), Some(Err(TransportFailure::TimedOut)))),
            Poll::Pending => second.as_mut().poll(context).map(|reply| (Err(TransportFailure::TimedOut), Some(reply))),
        })
        .await
    }

    /// Its answer.
    async fn answer(&mut self) -> Result<HttpResponse, TransportFailure> {
        let ended = (&mut self.task).await;
        ended.unwrap_or_else(|error| Err(TransportFailure::Broken(error.to_string())))
    }

    /// Whether it went out.
    pub(super) fn was_sent(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}

/// A body that tells when it leaves: by then its connection is there, and others can share it.
pub(super) struct AnnouncedBody {
    body: reqwest::Body,
    left: Arc<AtomicBool>,
    gates: Vec<oneshot::Sender<()>>,
}

impl AnnouncedBody {
    pub(super) fn wrap(text: &str, left: &Arc<AtomicBool>, gates: Vec<oneshot::Sender<()>>) -> reqwest::Body {
        reqwest::Body::wrap(Self { body: text.to_owned().into(), left: Arc::clone(left), gates })
    }
}

impl Body for AnnouncedBody {
    type Data = <reqwest::Body as Body>::Data;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.left.store(true, Ordering::Relaxed);
        for gate in self.gates.drain(..) {
            // Whoever waited may have been called back.
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
