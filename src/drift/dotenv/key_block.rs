//! Unquoted PEM blocks: loaders read the first line as the value, and some of the following lines as keys.
//!
//! A line of base64 that ends in padding looks like `KEY=`. Its "key" is a fragment of a private key and would be
//! printed, because every key is. So the lines of such a block are reported once, as a problem, and are not
//! assignments.

use std::ops::Range;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::literal::Literal;
use crate::drift::dotenv::problem::Problem;

/// Describes the first line of a block that loaders do not read as part of the value.
const DESCRIPTION: &str = "rest of an unquoted PEM block, of which loaders read only the first line";

/// Removes the assignments that are read from such blocks, and adds one problem for each block.
pub fn remove_assignments(original: &str, read: &mut Literal, flaws: &mut Vec<Problem>) {
    let blocks = blocks(original, &read.bindings);
    if blocks.is_empty() {
        return;
    }
    let inside = |at: usize| {
        let after = blocks.partition_point(|block| block.start <= at);
        after > 0 && at < blocks[after - 1].end
    };
    drop_bindings(read, |binding| inside(binding.key_span.start));
    // Problems have lines and not offsets, so the lines of all blocks are counted in one pass.
    let mut lines = Vec::new();
    let mut counted = (0, 1);
    for block in &blocks {
        let first = counted.1 + newlines(&original[counted.0..block.start]);
        let last = first + newlines(&original[block.clone()]);
        // A block without a final line end includes its last line.
        let is_ended = original[..block.end].ends_with(['\n', '\r']);
        lines.push(first..if is_ended { last } else { last + 1 });
        counted = (block.end, last);
    }
    let is_lost = |line: usize| {
        let after = lines.partition_point(|lines| lines.start <= line);
        after > 0 && lines[after - 1].contains(&line)
    };
    flaws.retain(|flaw| !is_lost(flaw.line));
    let problems = lines.iter().map(|lines| Problem {
        line: lines.start,
        column: 1,
        description: DESCRIPTION,
        key: None,
        rejected_by: Vec::new(),
    });
    flaws.extend(problems);
    flaws.sort_by_key(|flaw| flaw.line);
}

/// Removes bindings, and updates the index of the effective binding of every remaining key. If that one is removed, the
/// last remaining one of the key is effective.
pub fn drop_bindings(read: &mut Literal, drop: impl Fn(&Binding) -> bool) {
    let mut kept = 0..;
    let new_index: Vec<Option<usize>> =
        read.bindings.iter().map(|binding| if drop(binding) { None } else { kept.next() }).collect();
    let mut remaining = std::mem::take(&mut read.bindings);
    remaining.retain(|binding| !drop(binding));
    let effective = std::mem::take(&mut read.last);
    *read = Literal::of(remaining);
    read.last.extend(effective.into_iter().filter_map(|(key, index)| Some((key, new_index[index]?))));
}

/// Returns the blocks, in the order of the text and without overlap: from the line after `KEY=-----BEGIN …` to the line
/// `-----END …`, if only base64 and headers lie between.
fn blocks(original: &str, bindings: &[Binding]) -> Vec<Range<usize>> {
    let opens = |binding: &&Binding| {
        let right = &original[binding.span.clone()];
        right.starts_with("-----BEGIN ") && !right.contains("-----END ")
    };
    let mut blocks = Vec::new();
    // Each line is read only once, so that the time stays linear: a block that starts within an earlier one is skipped.
    let mut read = 0;
    for start in bindings.iter().filter(opens).map(|binding| binding.statement.end) {
        if start < read {
            continue;
        }
        let (end, is_block) = block(original, start);
        read = end;
        if is_block {
            blocks.push(start..end);
        }
    }
    blocks
}

/// Returns the end of the lines that may belong to a block starting here, and whether the block is complete.
fn block(original: &str, start: usize) -> (usize, bool) {
    let mut end = start;
    for line in original[start..].split_inclusive(['\n', '\r']) {
        let before = end;
        end += line.len();
        let line = line.trim();
        if line.starts_with("-----END ") {
            // `split_inclusive` splits a CRLF; its LF belongs to this line.
            let half = original[..end].ends_with('\r') && original[end..].starts_with('\n');
            return (end + usize::from(half), true);
        }
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        let header = line
            .split_once(": ")
            .is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        if !line.bytes().all(base64) && !header {
            return (before, false);
        }
    }
    (end, false)
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count() + text.replace("\r\n", "\n").matches('\r').count()
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::dotenv::key_block::DESCRIPTION;

    const BLOCK: &str = "-----BEGIN PRIVATE KEY-----\nMIIBmarker+/AB\nmarkerEND==\n-----END PRIVATE KEY-----\n";

    fn read(text: &str) -> (Vec<String>, Vec<(usize, bool)>) {
        let file = LocalFile::parse(".env", Secret::new(text));
        let keys = file.entries.iter().map(|entry| entry.key.clone()).collect();
        (keys, file.problems.iter().map(|flaw| (flaw.line, flaw.description == DESCRIPTION)).collect())
    }

    #[test]
    fn lines_of_unquoted_block_are_not_keys() {
        let text = format!("A=1\nPEM={BLOCK}B=2\nTWO={BLOCK}C D\nE=3\n");
        let (keys, flaws) = read(&text);
        assert_eq!(keys, ["A", "PEM", "B", "TWO", "E"]);
        assert_eq!(flaws, [(3, true), (8, true), (11, false)]);
        let (keys, flaws) = read(&text.replace('\n', "\r\n"));
        assert_eq!((keys.len(), flaws), (5, vec![(3, true), (8, true), (11, false)]));
        let (keys, flaws) = read(&text.replace('\n', "\r"));
        assert_eq!((keys.len(), flaws), (5, vec![(3, true), (8, true), (11, false)]));
    }

    #[test]
    fn headers_belong_to_their_block() {
        let block = BLOCK.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A1B\n\n", 1);
        assert_eq!(read(&format!("PEM={block}B=2\n")), (vec!["PEM".to_owned(), "B".to_owned()], vec![(2, true)]));
    }

    #[test]
    fn last_line_of_block_may_end_the_file() {
        for text in ["PEM=-----BEGIN X\n-----END X", "PEM=-----BEGIN X\nMIIB\n-----END X"] {
            assert_eq!(read(text), (vec!["PEM".to_owned()], vec![(2, true)]), "{text}");
        }
    }

    #[test]
    fn block_header_inside_another_block_belongs_to_it() {
        // node's dotenv reads `KEY: value`, which is also what a header in a block looks like.
        let text = "A: -----BEGIN X\nB: -----BEGIN X\nMIIB\n-----END X\nC=1\n";
        let (keys, flaws) = read(text);
        assert_eq!(keys, ["A", "C"]);
        assert_eq!(flaws, [(1, false), (2, true)], "python-dotenv does not read the first line");
        assert!(
            read(&"A: -----BEGIN X\n".repeat(3)).1.iter().all(|(_, is_block)| !is_block),
            "the block has no END line"
        );
    }

    #[test]
    fn quoted_block_is_a_value() {
        assert_eq!(read(&format!("PEM='{BLOCK}'\nB=2\n")), (vec!["PEM".to_owned(), "B".to_owned()], vec![]));
    }

    #[test]
    fn incomplete_block_hides_no_keys() {
        let (keys, _) = read("PEM=-----BEGIN PRIVATE KEY-----\nB=not base64 at all\n-----END PRIVATE KEY-----\n");
        assert_eq!(keys, ["PEM", "B"]);
        let (keys, _) = read("PEM=-----BEGIN PRIVATE KEY-----\nB==\nC==\n");
        assert_eq!(keys, ["PEM", "B", "C"], "the block has no END line");
    }
}
