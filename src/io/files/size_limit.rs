//! Limits the total size of the env files of one run.

use crate::drift::Secret;

/// The maximum size of a `.env`, in bytes. Linux allows at most 2 MiB for all variables of a program, and Railway's
/// limit for a service is far lower.
pub const ENV_FILE_LIMIT: u64 = 4 << 20;

/// The maximum number of lines of all env files. A parsed line takes far more memory than its text.
const LINES: usize = 200_000;

/// The bytes and lines that remain for env files.
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
    /// Subtracts a text from the budget. If the text exceeds it, returns the cause and leaves the budget unchanged.
    pub fn take(&mut self, text: &Secret) -> Result<(), String> {
        let (bytes, lines) = (text.expose().len() as u64, lines(text.expose()));
        let is_first = self.bytes == ENV_FILE_LIMIT && self.lines == LINES;
        let (is, has) = if is_first {
            ("it is", "it has")
        } else {
            ("the env files of this run are together", "the env files of this run together have")
        };
        let Some(bytes) = self.bytes.checked_sub(bytes) else {
            return Err(format!("{is} larger than {} MiB", ENV_FILE_LIMIT >> 20));
        };
        let Some(lines) = self.lines.checked_sub(lines) else {
            return Err(format!("{has} more than {LINES} lines"));
        };
        *self = Self { bytes, lines };
        Ok(())
    }
}

/// Counts the line ends: LF, CRLF or CR.
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
        assert_eq!(why, "the env files of this run together have more than 200000 lines");
        assert_eq!(budget.take(&Secret::new("A=1")), Ok(()), "it ends no line");
        let long = Secret::new("x".repeat(3 << 20));
        assert_eq!(
            Budget::default().take(&Secret::new("A\r".repeat(LINES + 1))).unwrap_err(),
            "it has more than 200000 lines"
        );
        let mut budget = Budget::default();
        assert_eq!(budget.take(&long), Ok(()));
        assert!(budget.take(&long).unwrap_err().ends_with("larger than 4 MiB"));
    }
}
