//! Key blocks without quotes around them: loaders read the first line as the value, and some of the others as keys.
//!
//! A line of base64 that ends in padding looks like `KEY=`. Its "key" is a piece of a private key, and would be printed as
//! every key is; so the lines of such a block are told once, as a flaw, and are no assignments.

use std::ops::Range;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::literal::Literal;
use crate::drift::dotenv::problem::Problem;

/// What the flaw of the block's first lost line says.
const WHAT: &str = "a key block goes on here that has no quotes around it, so that loaders read its first line only";

/// Drops what is read from the lines of such blocks, and leaves one flaw for each block.
pub fn leave_out(original: &str, read: &mut Literal, flaws: &mut Vec<Problem>) {
    let blocks = blocks(original, &read.bindings);
    if blocks.is_empty() {
        return;
    }
    let inside = |at: usize| {
        let after = blocks.partition_point(|block| block.start <= at);
        after > 0 && at < blocks[after - 1].end
    };
    drop_bindings(read, |binding| inside(binding.key_span.start));
    // Flaws know lines and not offsets; the lines of the blocks are counted in one pass.
    let mut lines = Vec::new();
    let mut counted = (0, 1);
    for block in &blocks {
        let first = counted.1 + newlines(&original[counted.0..block.start]);
        let last = first + newlines(&original[block.clone()]);
        lines.push(first..last.max(first + 1));
        counted = (block.end, last);
    }
    let is_lost = |line: usize| {
        let after = lines.partition_point(|lines| lines.start <= line);
        after > 0 && lines[after - 1].contains(&line)
    };
    flaws.retain(|flaw| !is_lost(flaw.line));
    let told = lines.iter().map(|lines| Problem {
        line: lines.start,
        column: 1,
        what: WHAT,
        key: None,
        refused_by: Vec::new(),
    });
    flaws.extend(told);
    flaws.sort_by_key(|flaw| flaw.line);
}

/// Drops bindings, and keeps every other key's index pointing at the binding that counts for it.
pub fn drop_bindings(read: &mut Literal, drop: impl Fn(&Binding) -> bool) {
    let mut kept = 0..;
    let new_index: Vec<Option<usize>> =
        read.bindings.iter().map(|binding| if drop(binding) { None } else { kept.next() }).collect();
    read.bindings.retain(|binding| !drop(binding));
    read.last.retain(|_, index| match new_index[*index] {
        Some(new) => {
            *index = new;
            true
        }
        None => false,
    });
}

/// From the line after `KEY=-----BEGIN …` to the line `-----END …`, if only lines of such a block lie between. In the order
/// of the text, and none inside another one.
fn blocks(original: &str, bindings: &[Binding]) -> Vec<Range<usize>> {
    let opens = |binding: &&Binding| {
        let right = &original[binding.span.clone()];
        right.starts_with("-----BEGIN ") && !right.contains("-----END ")
    };
    let mut blocks = Vec::new();
    // Each line is read once: a block that starts among lines that were read already ends where they end.
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

/// Where the lines of a block end that may start here, and whether it is one.
fn block(original: &str, start: usize) -> (usize, bool) {
    let mut end = start;
    for line in original[start..].split_inclusive(['\n', '\r']) {
        let before = end;
        end += line.len();
        let line = line.trim();
        if line.starts_with("-----END ") {
            // The two halves of a CRLF belong to one line.
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

    const BLOCK: &str = "-----BEGIN PRIVATE KEY-----\nMIIBmarker+/AB\nmarkerEND==\n-----END PRIVATE KEY-----\n";

    fn read(text: &str) -> (Vec<String>, Vec<(usize, bool)>) {
        let file = LocalFile::parse(".env", Secret::new(text));
        let keys = file.entries.iter().map(|entry| entry.key.clone()).collect();
        (keys, file.flaws.iter().map(|flaw| (flaw.line, flaw.what == crate::drift::dotenv::key_block::WHAT)).collect())
    }

    #[test]
    fn lines_of_unquoted_block_are_not_keys() {
        let text = format!("A=1\nPEM={BLOCK}B=2\nTWO={BLOCK}C D\nE=3\n");
        let (keys, flaws) = read(&text);
        assert_eq!(keys, ["A", "PEM", "B", "TWO", "E"]);
        assert_eq!(flaws, [(3, true), (8, true), (11, false)]);
        let (keys, flaws) = read(&text.replace('\n', "\r\n"));
        assert_eq!((keys.len(), flaws), (5, vec![(3, true), (8, true), (11, false)]));
    }

    #[test]
    fn block_header_inside_another_block_belongs_to_it() {
        // node's dotenv reads `KEY: value`, which a header of a block looks like as well.
        let text = "A: -----BEGIN X\nB: -----BEGIN X\nMIIB\n-----END X\nC=1\n";
        let (keys, flaws) = read(text);
        assert_eq!(keys, ["A", "C"]);
        assert_eq!(flaws, [(1, false), (2, true)], "python-dotenv does not read the first line");
        assert!(read(&"A: -----BEGIN X\n".repeat(3)).1.iter().all(|(_, is_block)| !is_block), "there is no end to it");
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
        assert_eq!(keys, ["PEM", "B", "C"], "there is no end to it");
    }
}
