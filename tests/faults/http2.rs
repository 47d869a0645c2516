//! Railway's edge offers TLS with HTTP/2, which carries concurrent requests on one connection.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::{Request, Response};
use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::Scheme;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::certificate::{Authority, CertificateState};
use crate::fixture::trust;
use crate::run::{Sandbox, Watch};

/// A simulated Railway that delays each response until a given number of requests has arrived.
struct Edge {
    sim: Sim,
    /// For each request, in order of arrival, how many requests must have arrived before the response is sent.
    required_requests: Vec<usize>,
    received: watch::Sender<usize>,
    connections: AtomicUsize,
}

impl Edge {
    /// Serves until the process ends, and returns the port.
    fn start(self: &Arc<Self>, config: &ServerConfig) -> u16 {
        let mut config = config.clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (edge, acceptor) = (Arc::clone(self), TlsAcceptor::from(Arc::new(config)));
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    edge.connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(Arc::clone(&edge).connection(acceptor.clone(), socket));
                }
            });
        });
        port
    }

    async fn connection(self: Arc<Self>, acceptor: TlsAcceptor, socket: TcpStream) {
        let stream = acceptor.accept(socket).await.unwrap();
        let mut connection = server::handshake(stream).await.unwrap();
        while let Some(Ok((request, respond))) = connection.accept().await {
            tokio::spawn(Arc::clone(&self).exchange(request, respond));
        }
    }

    async fn exchange(self: Arc<Self>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (head, mut stream) = request.into_parts();
        let mut body = Vec::new();
        while let Some(Ok(data)) = stream.data().await {
            body.extend_from_slice(&data);
            stream.flow_control().release_capacity(data.len()).unwrap();
        }
        let mut index = 0;
        self.received.send_modify(|received| {
            index = *received;
            *received += 1;
        });
        let required = self.required_requests.get(index).copied().unwrap_or(0);
        self.received.subscribe().wait_for(|&received| received >= required).await.unwrap();
        let token = head.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").map(Secret::new).unwrap();
        let reply = self.sim.respond(&String::from_utf8_lossy(&body), Some((Scheme::Bearer, &token))).unwrap();
        let response = Response::builder().status(reply.status).header("content-type", "application/json");
        let mut sending = respond.send_response(response.body(()).unwrap(), false).unwrap();
        sending.send_data(Bytes::copy_from_slice(&reply.body), true).unwrap();
    }
}

#[test]
fn concurrent_requests_share_one_connection() {
    let service = |number| SimService::named(&format!("s{number}")).variables(&[("API_KEY", "mark4711-stored")]);
    let staging = (0..50).fold(Environment::named("staging"), |staging, number| staging.service(service(number)));
    let estate = Estate::of("crew").project(Project::named("shop").environment(staging)).with_tokens();
    let edge = Arc::new(Edge {
        sim: Sim::new(estate),
        // Without cached ids: the environment, the first batch, then two batches at once. With them: all four at once.
        required_requests: vec![1, 2, 4, 4, 8, 8, 8, 8],
        received: watch::Sender::new(0),
        connections: AtomicUsize::new(0),
    });
    let authority = Authority::new();
    let port = edge.start(&authority.server("127.0.0.1", CertificateState::Valid));
    let mut sandbox = Sandbox::new();
    trust(&mut sandbox, &authority.pem);
    let url = format!("https://127.0.0.1:{port}/graphql/v2");
    for run in 1..=2 {
        let output = sandbox.run(&["check", "--api-url", &url, "--timeout", "20s"], "", Watch::Nothing);
        assert_eq!((output.code, *edge.received.borrow()), (Some(1), 4 * run), "{output:?}");
        assert_eq!(edge.connections.load(Ordering::Relaxed), run, "one connection per run");
    }
}
