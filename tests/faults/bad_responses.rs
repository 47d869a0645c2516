//! Answers that are none, or nearly none.

use std::io::{Read, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether Railway does what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The fault comes first.
    Before,
    /// The fault is in the answer.
    After,
}

/// An answer, and whether anything was done for it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) moment: Moment,
    way: Way,
}

/// What goes over the wire.
#[derive(Clone)]
enum Way {
    /// What Railway answers, with these headers more.
    Usual(Vec<(String, String)>),
    /// The same, so much later.
    Late(Duration),
    /// The same, byte by byte, so much apart.
    Dripping(Duration),
    /// The same with its body changed.
    Changed(fn(Vec<u8>) -> Vec<u8>),
    /// These.
    Page { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// These bytes, which need be no HTTP, and the end.
    Raw(Vec<u8>),
    /// This over and over, behind that head.
    Endless { head: &'static str, chunk: Vec<u8>, times: usize },
    /// Nothing, ever.
    Nothing,
    /// The end of the connection, in the middle of the body or before all.
    Closing(Where),
    /// A reset of the connection.
    Reset(Where),
}

/// Where a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Before,
    Inside,
}

/// More than any answer of Railway's.
pub(crate) const LARGE: usize = 100 << 20;

impl Answer {
    fn of(moment: Moment, way: Way) -> Self {
        Self { moment, way }
    }

    /// The same with Railway having done what it was asked.
    pub(crate) fn after(self) -> Self {
        Self { moment: Moment::After, ..self }
    }

    pub(crate) fn usual() -> Self {
        Self::of(Moment::After, Way::Usual(Vec::new()))
    }

    pub(crate) fn with_header(name: &str, value: &str) -> Self {
        Self::of(Moment::After, Way::Usual(vec![(name.to_owned(), value.to_owned())]))
    }

    pub(crate) fn late(time: Duration) -> Self {
        Self::of(Moment::After, Way::Late(time))
    }

    pub(crate) fn dripping(pause: Duration) -> Self {
        Self::of(Moment::After, Way::Dripping(pause))
    }

    /// A read whose answer is changed on its way; nothing is done that changes Railway.
    pub(crate) fn changed(change: fn(Vec<u8>) -> Vec<u8>) -> Self {
        Self::of(Moment::After, Way::Changed(change))
    }

    pub(crate) fn page(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::of(Moment::Before, Way::Page { status, headers, body: body.into() })
    }

    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::page(200, &[("content-type", "application/json")], body)
    }

    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Moment::Before, Way::Raw(bytes.into()))
    }

    pub(crate) fn nothing() -> Self {
        Self::of(Moment::Before, Way::Nothing)
    }

    pub(crate) fn closing(place: Where) -> Self {
        Self::of(if place == Where::Inside { Moment::After } else { Moment::Before }, Way::Closing(place))
    }

    pub(crate) fn reset(place: Where) -> Self {
        Self::of(if place == Where::Inside { Moment::After } else { Moment::Before }, Way::Reset(place))
    }

    /// A text in JSON that is as long as said.
    pub(crate) fn large() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n";
        Self::endless(head, vec![b' '; 1 << 16], LARGE >> 16)
    }

    /// A body without an end.
    pub(crate) fn without_end() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        Self::endless(head, vec![b'['; 1 << 16], usize::MAX)
    }

    /// Headers without an end.
    pub(crate) fn headers_without_end() -> Self {
        Self::endless(
            "HTTP/1.1 200 OK\r\n",
            b"x-more: 0123456789012345678901234567890123456789\r\n".repeat(500),
            usize::MAX,
        )
    }

    /// A few hundred kilobytes that unpack to more than any answer.
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
        Self::of(Moment::Before, Way::Endless { head, chunk, times })
    }

    pub(crate) fn resets(&self) -> bool {
        matches!(self.way, Way::Reset(_))
    }

    /// Writes it; `None` ends the connection.
    pub(crate) fn write(&self, usual: &[u8], stream: &mut (impl Read + Write + ?Sized)) -> Option<()> {
        match &self.way {
            Way::Usual(headers) => whole(stream, 200, headers, usual),
            Way::Late(time) => {
                thread::sleep(*time);
                whole(stream, 200, &[], usual)
            }
            Way::Dripping(pause) => {
                stream.write_all(&rendered_head(200, &[], usual.len())).ok()?;
                for byte in usual {
                    thread::sleep(*pause);
                    stream.write_all(&[*byte]).ok()?;
                    stream.flush().ok()?;
                }
                Some(())
            }
            Way::Changed(change) => whole(stream, 200, &[], &change(usual.to_vec())),
            Way::Page { status, headers, body } => whole(stream, *status, headers, body),
            Way::Raw(bytes) => {
                stream.write_all(bytes).ok()?;
                None
            }
            Way::Endless { head, chunk, times } => {
                stream.write_all(head.as_bytes()).ok()?;
                (0..*times).try_for_each(|_| stream.write_all(chunk).ok())
            }
            Way::Nothing => {
                // Until the client has had enough.
                let _ = stream.read(&mut [0]);
                None
            }
            Way::Closing(Where::Before) | Way::Reset(Where::Before) => None,
            Way::Closing(Where::Inside) | Way::Reset(Where::Inside) => {
                stream.write_all(&rendered_head(200, &[], usual.len())).ok()?;
                stream.write_all(&usual[..usual.len() / 2]).ok()?;
                stream.flush().ok()?;
                None
            }
        }
    }
}

fn whole(stream: &mut (impl Write + ?Sized), status: u16, headers: &[(String, String)], body: &[u8]) -> Option<()> {
    stream.write_all(&rendered_head(status, headers, body.len())).ok()?;
    stream.write_all(if status == 204 { &[] } else { body }).ok()?;
    stream.flush().ok()
}

/// The head of an answer; JSON unless it is said what it is.
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
