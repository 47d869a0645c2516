//! Responses of the faulty server: normal, delayed, invalid, endless or cut off.

use std::io::{Read, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether the simulated Railway applies the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    NotApplied,
    Applied,
}

/// A response, and whether the request is applied before it is sent.
#[derive(Clone)]
pub(crate) struct ScriptedResponse {
    pub(crate) effect: Effect,
    delivery: Delivery,
}

/// How the response is sent.
#[derive(Clone)]
enum Delivery {
    /// The normal response with these additional headers.
    Normal(Vec<(String, String)>),
    /// The normal response after this delay.
    Delayed(Duration),
    /// The normal response byte by byte, with this pause between them.
    ByteByByte(Duration),
    /// The normal response with a modified body.
    Modified(fn(Vec<u8>) -> Vec<u8>),
    Page {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// These bytes, which need not be valid HTTP; then the connection is closed.
    Raw(Vec<u8>),
    /// The head, then the chunk this many times.
    Endless {
        head: &'static str,
        chunk: Vec<u8>,
        times: usize,
    },
    /// No response until the client gives up.
    NoResponse,
    /// The connection is closed.
    Closed(ConnectionEnd),
    /// The connection is reset.
    Reset(ConnectionEnd),
}

/// Where in a response the connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    BeforeResponse,
    InBody,
}

/// Larger than any response of Railway, in bytes.
pub(crate) const LARGE: usize = 100 << 20;

impl ScriptedResponse {
    fn of(effect: Effect, delivery: Delivery) -> Self {
        Self { effect, delivery }
    }

    /// The same response, but the request is applied first.
    pub(crate) fn applied(self) -> Self {
        Self { effect: Effect::Applied, ..self }
    }

    pub(crate) fn normal() -> Self {
        Self::of(Effect::Applied, Delivery::Normal(Vec::new()))
    }

    pub(crate) fn with_header(name: &str, value: &str) -> Self {
        Self::of(Effect::Applied, Delivery::Normal(vec![(name.to_owned(), value.to_owned())]))
    }

    pub(crate) fn delayed(time: Duration) -> Self {
        Self::of(Effect::Applied, Delivery::Delayed(time))
    }

    pub(crate) fn byte_by_byte(pause: Duration) -> Self {
        Self::of(Effect::Applied, Delivery::ByteByByte(pause))
    }

    /// The normal response with its body modified.
    pub(crate) fn modified(change: fn(Vec<u8>) -> Vec<u8>) -> Self {
        Self::of(Effect::Applied, Delivery::Modified(change))
    }

    pub(crate) fn page(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::of(Effect::NotApplied, Delivery::Page { status, headers, body: body.into() })
    }

    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::page(200, &[("content-type", "application/json")], body)
    }

    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Effect::NotApplied, Delivery::Raw(bytes.into()))
    }

    pub(crate) fn no_response() -> Self {
        Self::of(Effect::NotApplied, Delivery::NoResponse)
    }

    pub(crate) fn closed(end: ConnectionEnd) -> Self {
        Self::of(if end == ConnectionEnd::InBody { Effect::Applied } else { Effect::NotApplied }, Delivery::Closed(end))
    }

    pub(crate) fn reset(end: ConnectionEnd) -> Self {
        Self::of(if end == ConnectionEnd::InBody { Effect::Applied } else { Effect::NotApplied }, Delivery::Reset(end))
    }

    /// A body of 100 MiB, with its length declared.
    pub(crate) fn large() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n";
        Self::endless(head, vec![b' '; 1 << 16], LARGE >> 16)
    }

    pub(crate) fn endless_body() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        Self::endless(head, vec![b'['; 1 << 16], usize::MAX)
    }

    pub(crate) fn endless_headers() -> Self {
        Self::endless(
            "HTTP/1.1 200 OK\r\n",
            b"x-more: 0123456789012345678901234567890123456789\r\n".repeat(500),
            usize::MAX,
        )
    }

    /// A few hundred kilobytes of gzip that decompress to 100 MiB.
    pub(crate) fn bomb() -> Self {
        static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            let blank = vec![b' '; 1 << 20];
            (0..LARGE >> 20).for_each(|_| packer.write_all(&blank).unwrap());
            packer.finish().unwrap()
        });
        Self::page(200, &[("content-type", "application/json"), ("content-encoding", "gzip")], PACKED.clone())
    }

    fn endless(head: &'static str, chunk: Vec<u8>, times: usize) -> Self {
        Self::of(Effect::NotApplied, Delivery::Endless { head, chunk, times })
    }

    pub(crate) fn resets(&self) -> bool {
        matches!(self.delivery, Delivery::Reset(_))
    }

    /// Writes the response; `None` closes the connection.
    pub(crate) fn write(&self, normal: &[u8], stream: &mut (impl Read + Write + ?Sized)) -> Option<()> {
        match &self.delivery {
            Delivery::Normal(headers) => write_response(stream, 200, headers, normal),
            Delivery::Delayed(time) => {
                thread::sleep(*time);
                write_response(stream, 200, &[], normal)
            }
            Delivery::ByteByByte(pause) => {
                stream.write_all(&rendered_head(200, &[], normal.len())).ok()?;
                for byte in normal {
                    thread::sleep(*pause);
                    stream.write_all(&[*byte]).ok()?;
                    stream.flush().ok()?;
                }
                Some(())
            }
            Delivery::Modified(change) => write_response(stream, 200, &[], &change(normal.to_vec())),
            Delivery::Page { status, headers, body } => write_response(stream, *status, headers, body),
            Delivery::Raw(bytes) => {
                stream.write_all(bytes).ok()?;
                None
            }
            Delivery::Endless { head, chunk, times } => {
                stream.write_all(head.as_bytes()).ok()?;
                (0..*times).try_for_each(|_| stream.write_all(chunk).ok())
            }
            Delivery::NoResponse => {
                // Blocks until the client closes the connection.
                let _ = stream.read(&mut [0]);
                None
            }
            Delivery::Closed(ConnectionEnd::BeforeResponse) | Delivery::Reset(ConnectionEnd::BeforeResponse) => None,
            Delivery::Closed(ConnectionEnd::InBody) | Delivery::Reset(ConnectionEnd::InBody) => {
                stream.write_all(&rendered_head(200, &[], normal.len())).ok()?;
                stream.write_all(&normal[..normal.len() / 2]).ok()?;
                stream.flush().ok()?;
                None
            }
        }
    }
}

fn write_response(
    stream: &mut (impl Write + ?Sized),
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Option<()> {
    stream.write_all(&rendered_head(status, headers, body.len())).ok()?;
    stream.write_all(if status == 204 { &[] } else { body }).ok()?;
    stream.flush().ok()
}

/// The head of a response; `application/json` unless another content type is given.
fn rendered_head(status: u16, headers: &[(String, String)], length: usize) -> Vec<u8> {
    use std::fmt::Write;
    let mut head = format!("HTTP/1.1 {status} Simulated\r\n");
    if !headers.iter().any(|(name, _)| name == "content-type") {
        head.push_str("content-type: application/json; charset=utf-8\r\n");
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if status != 204 {
        let _ = write!(head, "content-length: {length}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}
