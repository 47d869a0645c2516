//! Env files that can be read only once: standard input, `<(…)`, a named pipe.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::Seconds;
use crate::io::files::{ReadOutcome, STANDARD_INPUT, bytes_of, kind, text, too_large};
use crate::io::io_error_text::io_error_text;
use crate::io::os;

/// The maximum time that a program may take to write its variables. Some prompt the user first.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads a stream to its end, at most `limit` bytes and for at most `time_limit`.
///
/// Reads in a separate thread, because opening and reading a pipe block until its writer acts. A thread that still
/// blocks after the time limit ends with the process.
pub(super) fn read_stream(path: &Path, limit: u64, time_limit: Duration) -> ReadOutcome {
    match read_stream_bytes(path, limit, time_limit) {
        Ok(bytes) if bytes.is_empty() => ReadOutcome::Unusable("it is empty".to_owned()),
        Ok(bytes) => text(bytes),
        Err(UnreadStream::TimedOut(why) | UnreadStream::Failed(why)) => ReadOutcome::Unusable(why),
    }
}

/// Why a stream was not read, as a phrase.
#[derive(Debug)]
pub(super) enum UnreadStream {
    TimedOut(String),
    Failed(String),
}

/// Reads a stream like [`read_stream`], but any bytes.
pub(super) fn read_stream_bytes(
    path: &Path,
    limit: u64,
    time_limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, UnreadStream> {
    let time_limit = time_limit.min(LONGEST);
    if time_limit.is_zero() {
        return Err(UnreadStream::TimedOut("timed out before it could be read".to_owned()));
    }
    let (sender, receiver) = mpsc::channel();
    let owned = path.to_owned();
    let reader = thread::Builder::new().spawn(move || {
        // The receiver is gone if it timed out.
        drop(sender.send(read_all(&owned, limit)));
    });
    if reader.is_err() {
        return Err(UnreadStream::Failed("failed to start a thread to read it".to_owned()));
    }
    match receiver.recv_timeout(time_limit) {
        Ok(Ok(bytes)) if bytes.len() as u64 > limit => Err(UnreadStream::Failed(too_large(limit))),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(why)) => Err(UnreadStream::Failed(why)),
        Err(_) => {
            let why = format!("timed out after {}, before the end of the input", Seconds(time_limit));
            Err(UnreadStream::TimedOut(why))
        }
    }
}

fn read_all(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = |stream: &mut dyn Read| bytes_of(stream, limit, 0).map_err(|error| io_error_text(&error));
    if path == Path::new(STANDARD_INPUT) {
        if io::IsTerminal::is_terminal(&io::stdin()) {
            return Err("it is a terminal".to_owned());
        }
        return bytes(&mut io::stdin().lock());
    }
    let mut file = File::open(path).map_err(|error| io_error_text(&error))?;
    let found = file.metadata().map_err(|error| io_error_text(&error))?.file_type();
    if found.is_file() || os::is_stream(found) {
        bytes(&mut file)
    } else {
        Err(format!("it is {}, not a file", kind(found)))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::io::files::ReadOutcome;
    use crate::io::files::one_time_input::read_stream;

    fn pipe() -> (tempfile::TempDir, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let path = guard.path().join(".env");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        (guard, path)
    }

    /// Reads a pipe to which a program writes these pieces, after a delay.
    fn piped(pieces: &[&'static [u8]], time_limit: Duration) -> ReadOutcome {
        let (_guard, path) = pipe();
        let (writer, pieces) = (path.clone(), pieces.to_vec());
        let program = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            let mut pipe = OpenOptions::new().write(true).open(writer).unwrap();
            for piece in pieces {
                // Fails if the reader has stopped at its limit.
                let _ = pipe.write_all(piece);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let reading = read_stream(&path, 16, time_limit);
        program.join().unwrap();
        reading
    }

    fn unusable(reading: ReadOutcome) -> String {
        match reading {
            ReadOutcome::Unusable(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn named_pipe_is_read_to_end() {
        let time_limit = Duration::from_secs(20);
        assert!(
            matches!(piped(&[b"A=1\n", b"B=2\n"], time_limit), ReadOutcome::Text(text) if text.expose() == "A=1\nB=2\n")
        );
        assert_eq!(unusable(piped(&[], time_limit)), "it is empty");
        assert_eq!(unusable(piped(&[b"A=\xff\n"], time_limit)), "invalid UTF-8 at line 1, column 3");
        assert_eq!(unusable(piped(&[&[b'x'; 17]], time_limit)), "it is larger than 0 MiB");
    }

    #[test]
    fn pipe_without_writer_respects_time_limit() {
        let (_guard, path) = pipe();
        let start = Instant::now();
        let why = unusable(read_stream(&path, 16, Duration::from_millis(100)));
        assert_eq!(why, "timed out after 0.1 s, before the end of the input");
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(unusable(read_stream(&path, 16, Duration::ZERO)).starts_with("timed out before"));
        // A program opens it, and stops in the middle of its output.
        let writer = path.clone();
        let program = thread::spawn(move || {
            let mut pipe = OpenOptions::new().write(true).open(writer).unwrap();
            pipe.write_all(b"A=1").unwrap();
            thread::sleep(Duration::from_millis(400));
        });
        assert!(unusable(read_stream(&path, 16, Duration::from_millis(200))).starts_with("timed out after"));
        program.join().unwrap();
    }

    #[test]
    fn descriptor_may_be_file_but_not_device() {
        let guard = tempfile::tempdir().unwrap();
        fs::write(guard.path().join("plain"), "A=1\n").unwrap();
        let read = |path: &Path| read_stream(path, 16, Duration::from_secs(20));
        assert!(matches!(read(&guard.path().join("plain")), ReadOutcome::Text(_)));
        assert_eq!(unusable(read(Path::new("/dev/zero"))), "it is a device, not a file");
        assert_eq!(unusable(read(guard.path())), "it is a directory, not a file");
        assert_eq!(unusable(read(&guard.path().join("gone"))), "no such file or directory");
    }
}
