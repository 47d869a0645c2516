//! The connection that Railway's edge offers: TLS, and HTTP/2 inside, on which many requests are under way at once.

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

use crate::certificate::{Authority, Fit};
use crate::fixture::trust;
use crate::run::{Cell, Watch};

/// A Railway that answers a request once as many have come as it is to wait for.
struct Edge {
    sim: Sim,
    /// For each request in turn, how many must have come before it is answered.
    patience: Vec<usize>,
    heard: watch::Sender<usize>,
    connections: AtomicUsize,
}

impl Edge {
    /// Serves until the process ends; its port.
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
        let mut turn = 0;
        self.heard.send_modify(|heard| {
            turn = *heard;
            *heard += 1;
        });
        let wanted = self.patience.get(turn).copied().unwrap_or(0);
        self.heard.subscribe().wait_for(|&heard| heard >= wanted).await.unwrap();
        let token = head.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").map(Secret::new).unwrap();
        let reply = self.sim.answer(&String::from_utf8_lossy(&body), Some((Scheme::Bearer, &token))).unwrap();
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
        // Without ids the shape, the first batch, and the two others together; with them, all four.
        patience: vec![1, 2, 4, 4, 8, 8, 8, 8],
        heard: watch::Sender::new(0),
        connections: AtomicUsize::new(0),
    });
    let authority = Authority::new();
    let port = edge.start(&authority.server("127.0.0.1", Fit::Right));
    let mut cell = Cell::new();
    trust(&mut cell, &authority.pem);
    let url = format!("https://127.0.0.1:{port}/graphql/v2");
    for run in 1..=2 {
        let ran = cell.run(&["check", "--api-url", &url, "--timeout", "20s"], "", Watch::Nothing);
        assert_eq!((ran.code, *edge.heard.borrow()), (Some(1), 4 * run), "{ran:?}");
        assert_eq!(edge.connections.load(Ordering::Relaxed), run, "one connection for each run");
    }
}
