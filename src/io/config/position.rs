//! Converts byte offsets to lines and columns, in constant time even on very long lines.

/// The distance between two counts of characters, in bytes.
const STEP: usize = 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// An index of line starts and character counts.
pub(super) struct Positions<'t> {
    text: &'t str,
    /// Where each line starts, in bytes.
    lines: Vec<usize>,
    /// How many characters start before each multiple of [`STEP`] bytes.
    counts: Vec<usize>,
}

impl<'t> Positions<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        let mut counts = vec![0];
        for chunk in text.as_bytes().chunks(STEP) {
            counts.push(counts[counts.len() - 1] + starts(chunk));
        }
        Self { text, lines: [0].into_iter().chain(newlines).collect(), counts }
    }

    /// Returns the 1-based line and column, in characters, of a byte. A byte order mark is not a character of the line.
    pub(super) fn of(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = match line {
            1 if self.text.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len_utf8().min(offset),
            _ => self.lines[line - 1],
        };
        (line, self.characters_before(offset) - self.characters_before(start) + 1)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let step = offset / STEP;
        self.counts[step] + starts(&self.text.as_bytes()[step * STEP..offset])
    }
}

/// Returns how many characters start in these bytes of UTF-8.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use crate::io::config::position::Positions;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "a = 1\r\n\nö = \"ü\" # x";
        let positions = Positions::new(text);
        for (needle, expected) in [("a", (1, 1)), ("1", (1, 5)), ("ö", (3, 1)), ("ü", (3, 6)), ("x", (3, 11))] {
            assert_eq!(positions.of(text.find(needle).unwrap()), expected, "{needle}");
        }
        assert_eq!(positions.of(7), (2, 1));
        assert_eq!(positions.of(text.len()), (3, 12));
        assert_eq!(positions.of(usize::MAX), (3, 12), "an offset beyond the end is the end");
        assert_eq!(Positions::new("").of(0), (1, 1));
        let marked = Positions::new("\u{feff}a = 1\nb = 2");
        assert_eq!([0, 3, 7, 9].map(|offset| marked.of(offset)), [(1, 1), (1, 1), (1, 5), (2, 1)]);
    }

    #[test]
    fn long_lines_take_linear_time() {
        let text = "é,".repeat(500_000);
        let positions = Positions::new(&text);
        for index in (0..500_000).step_by(99) {
            assert_eq!(positions.of(index * 3), (1, index * 2 + 1));
        }
    }
}
