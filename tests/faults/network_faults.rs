//! Ways to Railway that lead nowhere: proxies, names, ports.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

/// The user and the password that every proxy is given, as they stand in front of its name.
pub(crate) const LOGIN: &str = "crew:mark4711-proxy";

/// The heads of the requests that came to any proxy.
static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What any proxy was asked so far.
pub(crate) fn heard() -> Vec<String> {
    HEARD.lock().unwrap().clone()
}

/// What a proxy does with whoever asks for a tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proxy {
    /// Makes one to that address, whatever was asked for.
    To(SocketAddr),
    /// Says this instead.
    Says(&'static str),
    /// Says nothing.
    Silent,
}

/// An address on which nobody listens.
pub(crate) fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Proxy {
    /// Starts one; it ends with the process.
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
        HEARD.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
        match self {
            Self::To(address) => {
                socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
                let mut target = TcpStream::connect(address).ok()?;
                let (mut from, mut to) = (socket.try_clone().ok()?, target.try_clone().ok()?);
                thread::spawn(move || io::copy(&mut from, &mut to));
                io::copy(&mut target, &mut socket).ok()?;
            }
            Self::Says(words) => socket.write_all(words.as_bytes()).ok()?,
            Self::Silent => drop(socket.read(&mut [0])),
        }
        Some(())
    }
}
