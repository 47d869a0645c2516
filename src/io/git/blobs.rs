//! Reads blobs in batches, because the files of a commit may exceed the memory or the time limit.
//!
//! To ask git for the size of a blob takes nearly as long as to read it. Where the size is expected to be small, the blob
//! is therefore read at once, and only those that could not be read in this way are measured first.

use std::collections::VecDeque;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::io::git::GitClient;
use crate::io::git::index_repository::IndexRepository;
use crate::io::git::running_query::RunningQuery;

/// The maximum size of a file that is read, in bytes.
pub const LONGEST: u64 = 16 << 20;

/// The maximum expected size of a blob that is read without asking for its size, in bytes.
const SMALL: u64 = 1 << 20;

/// The maximum size of all blobs in one run of git, in bytes, unless there is only one.
const BATCH_SIZE: u64 = 4 << 20;

/// The maximum number of blobs in one run of git.
const BATCH_LENGTH: usize = 1000;

/// The number of runs of git at the same time. While their output is searched, the next ones are running.
const PROCESSES: usize = 3;

/// The minimum remaining time to read another file.
const LEAST: Duration = Duration::from_millis(20);

/// A blob to read.
#[derive(Clone, Copy, Debug)]
pub struct WantedBlob<'b> {
    /// The name of the object.
    pub name: &'b str,
    /// The size of the file in the working tree, which is usually that of the blob.
    pub expected_size: Option<u64>,
}

/// Why a file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// It is longer than [`LONGEST`].
    Size,
    /// The time limit was reached.
    Time,
    /// The repository does not have it, because it is a partial clone or corrupt.
    Missing,
}

/// Blobs that are being read. Each is identified by its index.
struct BlobReader<'r> {
    git: &'r GitClient,
    repository: &'r IndexRepository,
    blobs: &'r [WantedBlob<'r>],
    /// Called with the index and the content of each blob.
    each: &'r mut dyn FnMut(usize, &[u8]),
}

/// The blobs that were not read, and why git failed, if it did.
#[derive(Default)]
struct Missed {
    indexes: Vec<usize>,
    error: Option<String>,
}

/// The next object in the output of git.
enum BatchEntry<'o> {
    Blob(&'o [u8]),
    /// A tree, a commit or a tag.
    Other,
    Missing,
}

impl GitClient {
    /// Reads blobs, and calls `each` with the index and the content of each one. Objects of other types are skipped.
    /// Returns the indexes of blobs that were not read, with the reason.
    pub fn read_blobs(
        &self,
        repository: &IndexRepository,
        blobs: &[WantedBlob<'_>],
        each: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<Vec<(usize, Unread)>, String> {
        let mut reader = BlobReader { git: self, repository, blobs, each };
        let small = |(index, blob): (usize, &WantedBlob<'_>)| {
            blob.expected_size.filter(|&size| size <= SMALL).map(|size| (index, size))
        };
        let small: Vec<(usize, u64)> = blobs.iter().enumerate().filter_map(small).collect();
        let mut others = reader.read(&small).indexes;
        others.extend((0..blobs.len()).filter(|index| small.binary_search_by_key(index, |(small, _)| *small).is_err()));
        others.sort_unstable();
        reader.read_measured(&others)
    }

    fn is_late(&self) -> bool {
        self.limit() < LEAST
    }

    /// Searches the files of these commits for texts, one per line, and returns those that were found, one per line.
    /// Returns nothing on failure or after the time limit.
    pub fn texts_in(&self, repository: &IndexRepository, texts: &str, commits: &[&str]) -> Zeroizing<Vec<u8>> {
        let mut arguments = vec![
            "grep",
            "-h",
            "-o",
            "-a",
            "-F",
            "--no-color",
            "--no-line-number",
            "--no-column",
            "--no-textconv",
            "--no-recurse-submodules",
            "-f",
            "-",
        ];
        arguments.extend(commits);
        if texts.is_empty() || commits.is_empty() {
            return Zeroizing::default();
        }
        self.in_repository(repository, &arguments, texts).unwrap_or_default()
    }
}

impl BlobReader<'_> {
    /// Asks for the sizes of blobs, and reads those that are not too long. Returns those that were not read.
    fn read_measured(&mut self, indexes: &[usize]) -> Result<Vec<(usize, Unread)>, String> {
        let late = || Ok(indexes.iter().map(|&index| (index, Unread::Time)).collect());
        if indexes.is_empty() || self.git.is_late() {
            return late();
        }
        let check = ["cat-file", "--buffer", "--batch-check=%(objecttype) %(objectsize)"];
        let sizes = match self.git.in_repository(self.repository, &check, &self.lines(indexes)) {
            Err(_) if self.git.is_late() => return late(),
            sizes => sizes?,
        };
        let sizes = String::from_utf8_lossy(&sizes);
        let (mut unread, mut measured) = (Vec::new(), Vec::new());
        for (&index, line) in indexes.iter().zip(sizes.lines().chain(std::iter::repeat(""))) {
            let size = match line.split_once(' ') {
                Some(("blob", size)) => size.parse::<u64>().ok(),
                Some(("tree" | "commit" | "tag", _)) => continue,
                _ => None,
            };
            match size {
                Some(size) if size <= LONGEST => measured.push((index, size)),
                Some(_) => unread.push((index, Unread::Size)),
                None => unread.push((index, Unread::Missing)),
            }
        }
        let Missed { indexes, error } = self.read(&measured);
        let reason = if self.git.is_late() { Unread::Time } else { Unread::Missing };
        if let Some(error) = error.filter(|_| reason == Unread::Missing) {
            return Err(error);
        }
        unread.extend(indexes.into_iter().map(|index| (index, reason)));
        Ok(unread)
    }

    /// Reads blobs of these sizes, with several runs of git at the same time.
    fn read(&mut self, sizes: &[(usize, u64)]) -> Missed {
        let (mut missed, batches) = (Missed::default(), batches(sizes));
        let mut waiting = batches.iter();
        let mut running: VecDeque<_> =
            waiting.by_ref().take(PROCESSES).map(|batch| (batch, self.start(batch))).collect();
        while let Some((batch, query)) = running.pop_front() {
            let failed = |error| {
                missed.error.get_or_insert(error);
                Zeroizing::default()
            };
            let output = query.and_then(RunningQuery::finish).map_or_else(failed, Zeroizing::new);
            running.extend(waiting.next().map(|batch| (batch, self.start(batch))));
            missed.indexes.extend(self.process(batch, &output));
        }
        missed
    }

    fn start(&self, batch: &[usize]) -> Result<RunningQuery, String> {
        if self.git.is_late() {
            return Err("there is no time left".to_owned());
        }
        let read = ["cat-file", "--buffer", "--batch=%(objecttype) %(objectsize)"];
        self.git.start_in_repository(self.repository, &read, &self.lines(batch))
    }

    /// Passes on the blobs in git's output, and returns the indexes of those that it does not contain.
    fn process(&mut self, batch: &[usize], mut output: &[u8]) -> Vec<usize> {
        let mut missed = Vec::new();
        for &index in batch {
            match next(&mut output).filter(|_| !self.git.is_late()) {
                Some(BatchEntry::Blob(content)) => (self.each)(index, content),
                Some(BatchEntry::Other) => {}
                Some(BatchEntry::Missing) | None => missed.push(index),
            }
        }
        missed
    }

    /// Returns the names of blobs, one per line.
    fn lines(&self, indexes: &[usize]) -> String {
        indexes.iter().flat_map(|&index| [self.blobs[index].name, "\n"]).collect()
    }
}

/// Divides blobs of these sizes into batches.
fn batches(sizes: &[(usize, u64)]) -> Vec<Vec<usize>> {
    let (mut batches, mut filled) = (Vec::<Vec<usize>>::new(), 0);
    for &(index, size) in sizes {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_LENGTH && filled + size <= BATCH_SIZE => {
                batch.push(index);
                filled += size;
            }
            _ => {
                batches.push(vec![index]);
                filled = size;
            }
        }
    }
    batches
}

/// Parses the next object from `TYPE SIZE\nCONTENT\n`, or `NAME missing\n`.
fn next<'o>(rest: &mut &'o [u8]) -> Option<BatchEntry<'o>> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (kind, size) = std::str::from_utf8(&rest[..end]).ok()?.split_once(' ')?;
    let Ok(size) = size.parse::<usize>() else {
        *rest = &rest[end + 1..];
        return Some(BatchEntry::Missing);
    };
    let content = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..).unwrap_or_default();
    Some(if kind == "blob" { BatchEntry::Blob(content) } else { BatchEntry::Other })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use crate::io::git::GitClient;
    use crate::io::git::blobs::{BATCH_LENGTH, LONGEST, SMALL, Unread, WantedBlob};
    use crate::io::git::index_repository::IndexRepository;
    use crate::io::git::tests::{git, git_client, output, repository};

    /// The index and length of each blob that was read.
    type Lengths = Vec<(usize, usize)>;
    type NotRead = Vec<(usize, Unread)>;

    fn read(git_client: &GitClient, folder: &Path, blobs: &[WantedBlob<'_>]) -> (Lengths, NotRead) {
        let found = IndexRepository::of(folder, &BTreeMap::new(), git_client).unwrap().unwrap();
        let mut lengths = Vec::new();
        let unread = git_client.read_blobs(&found, blobs, &mut |index, bytes| lengths.push((index, bytes.len())));
        (lengths, unread.unwrap())
    }

    fn wanted<'b>(names: &[&'b str], expected_size: Option<u64>) -> Vec<WantedBlob<'b>> {
        names.iter().map(|name| WantedBlob { name, expected_size }).collect()
    }

    #[test]
    fn returns_whole_blobs_in_order_and_reports_unread_ones() {
        let (_guard, folder) = repository();
        let long = vec![b'x'; usize::try_from(LONGEST).unwrap()];
        let texts: [&[u8]; 6] = [b"", b"\n", b"no end", b"\0\x01\n\xff", &long, &[&long[..], b"x"].concat()];
        let mut blobs: Vec<String> = Vec::new();
        for text in texts {
            fs::write(folder.join("file"), text).unwrap();
            blobs.push(output(&folder, &["hash-object", "-w", "file"]));
        }
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        blobs.push("0123456789012345678901234567890123456789".to_owned());
        blobs.push(output(&folder, &["rev-parse", "HEAD"]));
        blobs.push(blobs[4].clone());
        let blobs: Vec<&str> = blobs.iter().map(String::as_str).collect();
        let home = folder.parent().unwrap();
        for expected_size in [None, Some(0), Some(SMALL + 1)] {
            let (mut lengths, unread) = read(&git_client(home), &folder, &wanted(&blobs, expected_size));
            lengths.sort_unstable();
            assert_eq!(lengths, [(0, 0), (1, 1), (2, 6), (3, 4), (4, long.len()), (8, long.len())]);
            assert_eq!(unread, [(5, Unread::Size), (6, Unread::Missing)], "{expected_size:?}");
        }
        assert_eq!(read(&git_client(home), &folder, &[]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn order_is_kept_across_batches() {
        let (_guard, folder) = repository();
        fs::write(folder.join("a"), "one").unwrap();
        fs::write(folder.join("b"), "three").unwrap();
        let blobs = ["a", "b"].map(|name| output(&folder, &["hash-object", "-w", name]));
        let count = 4 * BATCH_LENGTH;
        let names: Vec<&str> = (0..count).map(|index| blobs[index % 2].as_str()).collect();
        let expected: Vec<(usize, usize)> = (0..count).map(|index| (index, [3, 5][index % 2])).collect();
        let git_client = git_client(folder.parent().unwrap());
        for expected_size in [None, Some(5)] {
            assert!(read(&git_client, &folder, &wanted(&names, expected_size)) == (expected.clone(), Vec::new()));
        }
    }

    #[test]
    fn blobs_beyond_time_limit_are_reported() {
        let (_guard, folder) = repository();
        fs::write(folder.join("file"), "text").unwrap();
        let blob = output(&folder, &["hash-object", "-w", "file"]);
        for expected_size in [None, Some(4)] {
            let late = git_client(folder.parent().unwrap()).within(Duration::from_secs(2));
            let found = IndexRepository::of(&folder, &BTreeMap::new(), &late).unwrap().unwrap();
            let mut read = 0;
            let slow = &mut |_: usize, _: &[u8]| {
                read += 1;
                std::thread::sleep(Duration::from_secs(2));
            };
            let unread = late.read_blobs(&found, &wanted(&[&blob, &blob, &blob], expected_size), slow);
            assert_eq!((read, unread), (1, Ok(vec![(1, Unread::Time), (2, Unread::Time)])));
        }
    }

    #[test]
    fn texts_are_searched_only_in_commits() {
        let (_guard, folder) = repository();
        fs::write(folder.join("doc"), "one two\r\nthree -v four\n").unwrap();
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        fs::write(folder.join("doc"), "five").unwrap();
        git(&folder, &["add", "."]);
        let git_client = git_client(folder.parent().unwrap());
        let found = IndexRepository::of(&folder, &BTreeMap::new(), &git_client).unwrap().unwrap();
        let texts = |texts: &str, commits: &[&str]| {
            String::from_utf8(git_client.texts_in(&found, texts, commits).to_vec()).unwrap()
        };
        assert_eq!(texts("two\n-v four\nfive\nt.o\n", &["HEAD"]), "two\n-v four\n");
        assert_eq!(texts("five\n", &["HEAD"]), "");
        assert_eq!(texts("", &["HEAD"]), "");
        assert_eq!(texts("two\n", &[]), "", "the working tree is not searched");
        assert_eq!(texts("two\n", &["0123456789012345678901234567890123456789"]), "");
    }
}
