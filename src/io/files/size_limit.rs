//! How much the files of variables of one run may hold together.

use crate::drift::Secret;

/// The longest `.env` that is read, in bytes. Linux gives a program at most 2 MiB for all its variables, and Railway's own
/// limit for those of a service is far below it.
pub const ENV_FILE_LIMIT: u64 = 4 << 20;

/// The most lines of files of variables. What is made of a line takes far more memory than the line.
const LINES: usize = 200_000;

/// What files may still hold.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    lines: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: ENV_FILE_LIMIT, lines: LINES }
    }
}

impl Budget {
    /// Takes a text out of it. Where it does not fit: why, without full stop; the budget stays as it is.
    pub fn take(&mut self, text: &Secret) -> Result<(), String> {
        let (bytes, lines) = (text.expose().len() as u64, lines(text.expose()));
        let is_first = self.bytes == ENV_FILE_LIMIT && self.lines == LINES;
        let which = if is_first { "it is larger" } else { "it is, together with the other files of this run, larger" };
        let Some(bytes) = self.bytes.checked_sub(bytes) else {
            return Err(format!("{which} than {} MiB", ENV_FILE_LIMIT >> 20));
        };
        let Some(lines) = self.lines.checked_sub(lines) else {
            return Err(format!("{which} than {LINES} lines"));
        };
        *self = Self { bytes, lines };
        Ok(())
    }
}

/// LF, CRLF and CR end a line.
fn lines(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_end = |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    (0..bytes.len()).filter(|&at| is_end(at)).count()
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::io::files::size_limit::{Budget, LINES};

    #[test]
    fn files_share_line_and_byte_limits() {
        let mut budget = Budget::default();
        let half = |end: &str| Secret::new(format!("A=1{end}").repeat(LINES / 2));
        assert_eq!(budget.take(&half("\n")), Ok(()));
        assert_eq!(budget.take(&half("\r\n")), Ok(()));
        let why = budget.take(&Secret::new("A=1\r")).unwrap_err();
        assert_eq!(why, "it is, together with the other files of this run, larger than 200000 lines");
        assert_eq!(budget.take(&Secret::new("A=1")), Ok(()), "it has no line more");
        let long = Secret::new("x".repeat(3 << 20));
        assert_eq!(
            Budget::default().take(&Secret::new("A\r".repeat(LINES + 1))).unwrap_err(),
            "it is larger than 200000 lines"
        );
        let mut budget = Budget::default();
        assert_eq!(budget.take(&long), Ok(()));
        assert!(budget.take(&long).unwrap_err().ends_with("larger than 4 MiB"));
    }
}
