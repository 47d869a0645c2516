//! Proxies with and without faults, and closed ports.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

/// The user and password for every proxy, as in the URL.
pub(crate) const PROXY_LOGIN: &str = "crew:mark4711-proxy";

/// The heads of all requests to any proxy.
static REQUESTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(crate) fn proxy_requests() -> Vec<String> {
    REQUESTS.lock().unwrap().clone()
}

/// How a proxy responds to a request for a tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proxy {
    /// Opens a tunnel to this address, whatever was requested.
    Tunnel(SocketAddr),
    /// Sends this response instead.
    Responds(&'static str),
    /// Does not respond.
    Silent,
}

/// An address whose port is closed. The system never assigns this port, whereas another test may get one that was free.
pub(crate) const CLOSED_PORT: &str = "127.0.0.1:1";

impl Proxy {
    /// Starts the proxy, which runs until the process ends.
    pub(crate) fn start(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || self.serve(socket));
            }
        });
        address
    }

    fn serve(self, mut socket: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        REQUESTS.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
        match self {
            Self::Tunnel(address) => {
                socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
                let mut target = TcpStream::connect(address).ok()?;
                let (mut from, mut to) = (socket.try_clone().ok()?, target.try_clone().ok()?);
                thread::spawn(move || io::copy(&mut from, &mut to));
                io::copy(&mut target, &mut socket).ok()?;
            }
            Self::Responds(response) => socket.write_all(response.as_bytes()).ok()?,
            Self::Silent => drop(socket.read(&mut [0])),
        }
        Some(())
    }
}
