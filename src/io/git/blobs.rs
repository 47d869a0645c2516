//! Reads blobs in batches, because the files of a commit may exceed the memory or the time limit.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::io::git::GitClient;
use crate::io::git::staged_files::IndexRepository;

/// The maximum size of a file that is read, and of all files in one run of git, in bytes.
pub const LONGEST: u64 = 16 << 20;

/// The minimum remaining time to read another file.
const LEAST: Duration = Duration::from_millis(20);

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

impl GitClient {
    /// Reads blobs, and calls `each` with the index and the content of each one. Objects of other types are skipped.
    /// Returns the indexes of blobs that were not read, with the reason.
    pub fn read_blobs(
        &self,
        repository: &IndexRepository,
        blobs: &[&str],
        each: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<Vec<(usize, Unread)>, String> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let check = "--batch-check=%(objecttype) %(objectsize)";
        let sizes = self.in_repository(repository, &["cat-file", check], &lines(blobs.iter().copied()))?;
        let sizes = String::from_utf8_lossy(&sizes);
        let (mut unread, mut batch, mut filled) = (Vec::new(), Vec::new(), 0);
        for (index, line) in (0..blobs.len()).zip(sizes.lines().chain(std::iter::repeat(""))) {
            let size = match line.split_once(' ') {
                Some(("blob", size)) => size.parse::<u64>().ok(),
                Some(("tree" | "commit" | "tag", _)) => continue,
                _ => None,
            };
            match size {
                Some(size) if size <= LONGEST => {
                    if filled + size > LONGEST {
                        self.read_batch(repository, blobs, &std::mem::take(&mut batch), &mut unread, each)?;
                        filled = 0;
                    }
                    filled += size;
                    batch.push(index);
                }
                Some(_) => unread.push((index, Unread::Size)),
                None => unread.push((index, Unread::Missing)),
            }
        }
        self.read_batch(repository, blobs, &batch, &mut unread, each)?;
        Ok(unread)
    }

    fn read_batch(
        &self,
        repository: &IndexRepository,
        blobs: &[&str],
        batch: &[usize],
        unread: &mut Vec<(usize, Unread)>,
        each: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<(), String> {
        let is_over = || self.limit() < LEAST;
        let output = if batch.is_empty() || is_over() {
            Zeroizing::default()
        } else {
            let wanted = lines(batch.iter().map(|&index| blobs[index]));
            match self.in_repository(repository, &["cat-file", "--batch=%(objectsize)"], &wanted) {
                Err(_) if is_over() => Zeroizing::default(),
                output => output?,
            }
        };
        let mut rest: &[u8] = &output;
        for &index in batch {
            let content = if is_over() { None } else { next(&mut rest) };
            match content {
                Some(content) => each(index, content),
                None if is_over() => unread.push((index, Unread::Time)),
                None => unread.push((index, Unread::Missing)),
            }
        }
        Ok(())
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

fn lines<'b>(blobs: impl Iterator<Item = &'b str>) -> String {
    blobs.flat_map(|blob| [blob, "\n"]).collect()
}

/// Parses the next blob from `SIZE\nCONTENT\n`.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let size: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let content = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..).unwrap_or_default();
    Some(content)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use crate::io::git::GitClient;
    use crate::io::git::blobs::{LONGEST, Unread};
    use crate::io::git::staged_files::IndexRepository;
    use crate::io::git::tests::{git, git_client, output, repository};

    /// The index and length of each blob that was read.
    type Lengths = Vec<(usize, usize)>;
    type NotRead = Vec<(usize, Unread)>;

    fn read(git_client: &GitClient, folder: &Path, blobs: &[&str]) -> (Lengths, NotRead) {
        let found = IndexRepository::of(folder, &BTreeMap::new(), git_client).unwrap().unwrap();
        let mut lengths = Vec::new();
        let unread = git_client.read_blobs(&found, blobs, &mut |index, bytes| lengths.push((index, bytes.len())));
        (lengths, unread.unwrap())
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
        let (lengths, unread) = read(&git_client(home), &folder, &blobs);
        assert_eq!(lengths, [(0, 0), (1, 1), (2, 6), (3, 4), (4, long.len()), (8, long.len())]);
        assert_eq!(unread, [(5, Unread::Size), (6, Unread::Missing)]);
        assert_eq!(read(&git_client(home), &folder, &[]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn blobs_beyond_time_limit_are_reported() {
        let (_guard, folder) = repository();
        fs::write(folder.join("file"), "text").unwrap();
        let blob = output(&folder, &["hash-object", "-w", "file"]);
        let late = git_client(folder.parent().unwrap()).within(Duration::from_secs(2));
        let found = IndexRepository::of(&folder, &BTreeMap::new(), &late).unwrap().unwrap();
        let mut read = 0;
        let slow = &mut |_: usize, _: &[u8]| {
            read += 1;
            std::thread::sleep(Duration::from_secs(2));
        };
        let unread = late.read_blobs(&found, &[&blob, &blob, &blob], slow);
        assert_eq!((read, unread), (1, Ok(vec![(1, Unread::Time), (2, Unread::Time)])));
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
