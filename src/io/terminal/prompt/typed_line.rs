//! A line of text that is typed and edited in a terminal. dialoguer's prompt for text ignores Esc, and its prompt for a
//! confirmation does not show what was typed.

use std::io;

use dialoguer::console::{Key, Term};
use zeroize::Zeroizing;

use crate::io::terminal::text_width::{cut_end, last_columns, width};

/// A prompt, and the text that was typed after it.
pub(super) struct TypedLine {
    prompt: String,
    /// Zeroed on drop, because it may be a token.
    text: Zeroizing<Vec<char>>,
    /// The number of characters before the cursor.
    cursor: usize,
    echo: Echo,
    /// Shown if Enter is pressed without any text.
    default: &'static str,
    sequence: EscapeSequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    Open,
    Entered,
    /// Esc was pressed.
    Cancelled,
}

/// Whether the text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    Shown,
    Hidden,
}

/// Whether the keys are the rest of an escape sequence that `console` does not know, such as Ctrl and an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EscapeSequence {
    None,
    Open,
}

/// The most that is kept of hidden text without a copy of it in freed memory, in characters.
const HIDDEN: usize = 4096;

impl TypedLine {
    pub(super) fn new(prompt: &str, start: &str) -> Self {
        let text: Vec<char> = start.chars().filter(|character| !character.is_control()).collect();
        Self {
            prompt: format!("{prompt} "),
            cursor: text.len(),
            text: Zeroizing::new(text),
            echo: Echo::Shown,
            default: "",
            sequence: EscapeSequence::None,
        }
    }

    /// Returns a line whose text is not shown.
    pub(super) fn hidden(prompt: &str) -> Self {
        Self { echo: Echo::Hidden, text: Zeroizing::new(Vec::with_capacity(HIDDEN)), ..Self::new(prompt, "") }
    }

    /// Sets what Enter alone stands for.
    pub(super) fn with_default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Reads keys until Enter, and returns the text; `None` for Esc.
    pub(super) fn read(mut self, screen: &Term) -> io::Result<Option<String>> {
        if self.echo == Echo::Hidden {
            screen.write_str(&self.prompt)?;
        }
        let mut state = LineState::Open;
        while state == LineState::Open {
            if self.echo == Echo::Shown {
                self.draw(screen)?;
            }
            state = self.press(&screen.read_key()?);
        }
        let is_default = state == LineState::Entered && self.text.is_empty();
        screen.write_line(if is_default { self.default } else { "" })?;
        Ok((state == LineState::Entered).then(|| self.text.iter().collect()))
    }

    fn press(&mut self, key: &Key) -> LineState {
        if self.is_in_sequence(key) {
            return LineState::Open;
        }
        match key {
            Key::Enter => return LineState::Entered,
            Key::Escape => return LineState::Cancelled,
            // Esc twice.
            Key::UnknownEscSeq(keys) if keys == &['\u{1b}'] => return LineState::Cancelled,
            // Ctrl-D ends a line that is empty, as in a shell.
            Key::Char('\u{4}') if self.text.is_empty() => return LineState::Cancelled,
            Key::Char('\u{15}') => self.remove_before(0),
            Key::Char('\u{17}') => self.remove_before(self.start_of_word()),
            Key::Char('\u{b}') => self.text.truncate(self.cursor),
            Key::Char(character) if !character.is_control() => {
                self.text.insert(self.cursor, *character);
                self.cursor += 1;
            }
            Key::Backspace => self.remove_before(self.cursor.saturating_sub(1)),
            Key::Del | Key::Char('\u{4}') if self.cursor < self.text.len() => drop(self.text.remove(self.cursor)),
            Key::ArrowLeft => self.cursor = self.cursor.saturating_sub(1),
            Key::ArrowRight => self.cursor = self.text.len().min(self.cursor + 1),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            _ => {}
        }
        LineState::Open
    }

    /// Returns whether the key begins or continues an unknown escape sequence. `console` returns its first characters,
    /// and then the rest as if it were typed.
    fn is_in_sequence(&mut self, key: &Key) -> bool {
        let is_last = |character: char| character.is_ascii_alphabetic() || character == '~';
        match (self.sequence, key) {
            (_, Key::UnknownEscSeq(keys)) => {
                let is_open = matches!(keys.as_slice(), ['O']) || (keys.first() == Some(&'[') && !ends(keys, is_last));
                self.sequence = if is_open { EscapeSequence::Open } else { EscapeSequence::None };
                is_open
            }
            (EscapeSequence::Open, Key::Char(character)) => {
                self.sequence = if is_last(*character) { EscapeSequence::None } else { EscapeSequence::Open };
                true
            }
            _ => {
                self.sequence = EscapeSequence::None;
                false
            }
        }
    }

    /// Removes the characters from there to the cursor.
    fn remove_before(&mut self, from: usize) {
        self.text.drain(from..self.cursor);
        self.cursor = from;
    }

    /// Returns the position of the word before the cursor.
    fn start_of_word(&self) -> usize {
        let before = &self.text[..self.cursor];
        let end = before.iter().rposition(|character| !character.is_whitespace()).map_or(0, |last| last + 1);
        before[..end].iter().rposition(|character| character.is_whitespace()).map_or(0, |space| space + 1)
    }

    fn draw(&self, screen: &Term) -> io::Result<()> {
        let (before, after) = self.visible(usize::from(screen.size().1));
        screen.clear_line()?;
        screen.write_str(&format!("{}{before}{after}", self.prompt))?;
        screen.move_cursor_left(width(&after))
    }

    /// Returns the parts of the text before and after the cursor that fit behind the prompt. The last column stays
    /// free, because some terminals start a new line after it.
    fn visible(&self, columns: usize) -> (String, String) {
        let columns = columns.saturating_sub(width(&self.prompt) + 1);
        let (before, after) = self.text.split_at(self.cursor);
        // The character at the cursor stays visible.
        let before = last_columns(before, columns.saturating_sub(usize::from(!after.is_empty())));
        let after = cut_end(&after.iter().collect::<String>(), columns.saturating_sub(width(&before)));
        (before, after)
    }
}

fn ends(keys: &[char], is_last: impl Fn(char) -> bool) -> bool {
    keys.len() > 1 && keys.last().is_some_and(|&last| is_last(last))
}

#[cfg(test)]
mod tests {
    use dialoguer::console::Key;

    use crate::io::terminal::prompt::typed_line::{LineState, TypedLine};

    fn pressed(start: &str, keys: &[Key]) -> (TypedLine, LineState) {
        let mut line = TypedLine::new("Name:", start);
        let state = keys.iter().map(|key| line.press(key)).last().unwrap();
        (line, state)
    }

    #[test]
    fn keys_edit_the_text() {
        for (start, keys, expected) in [
            ("", &[Key::Char('a'), Key::Char('\u{1}'), Key::Char('é')][..], "aé"),
            ("ab", &[Key::Backspace, Key::Backspace, Key::Backspace, Key::Char('c')], "c"),
            ("ab", &[Key::ArrowLeft, Key::Char('x')], "axb"),
            ("ab", &[Key::Home, Key::Del, Key::ArrowLeft, Key::Char('x')], "xb"),
            ("ab", &[Key::Home, Key::End, Key::ArrowRight, Key::Del, Key::Char('x')], "abx"),
            ("a\u{1b}b", &[Key::Tab], "ab"),
            ("one two", &[Key::Char('\u{17}'), Key::Char('x')], "one x"),
            ("one two  ", &[Key::Char('\u{17}'), Key::Char('\u{17}'), Key::Char('\u{17}')], ""),
            ("ab", &[Key::ArrowLeft, Key::Char('\u{15}')], "b"),
            ("ab", &[Key::ArrowLeft, Key::Char('\u{b}')], "a"),
            ("ab", &[Key::Home, Key::Char('\u{4}')], "b"),
            // Ctrl and an arrow, F1, a bracketed paste.
            ("ab", &[Key::UnknownEscSeq(vec!['[', '1', ';']), Key::Char('5'), Key::Char('C'), Key::Char('x')], "abx"),
            ("ab", &[Key::UnknownEscSeq(vec!['O']), Key::Char('P'), Key::Char('x')], "abx"),
            ("", &[Key::UnknownEscSeq(vec!['[', '2', '0']), Key::Char('0'), Key::Char('~'), Key::Char('x')], "x"),
            ("ab", &[Key::UnknownEscSeq(vec!['f']), Key::Char('x')], "abx"),
        ] {
            let (line, state) = pressed(start, keys);
            assert_eq!((line.text.iter().collect::<String>().as_str(), state), (expected, LineState::Open), "{keys:?}");
        }
        assert_eq!(pressed("ab", &[Key::Enter]).1, LineState::Entered);
        assert_eq!(pressed("ab", &[Key::Escape]).1, LineState::Cancelled);
        assert_eq!(pressed("ab", &[Key::UnknownEscSeq(vec!['\u{1b}'])]).1, LineState::Cancelled);
        assert_eq!(pressed("", &[Key::Char('\u{4}')]).1, LineState::Cancelled);
    }

    #[test]
    fn text_is_scrolled_to_the_cursor() {
        let visible = |keys: &[Key], columns| pressed("0123456789", keys).0.visible(columns);
        let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
        assert_eq!(visible(&[Key::End], 80), pair("0123456789", ""));
        assert_eq!(visible(&[Key::End], 12), pair("56789", ""));
        assert_eq!(visible(&[Key::Home], 12), pair("", "0123…"));
        assert_eq!(visible(&[Key::ArrowLeft], 14), pair("345678", "9"));
        assert_eq!(visible(&[Key::End], 3), pair("", ""));
        let (wide, _) = pressed("日本語のキー", &[Key::End]);
        assert_eq!(wide.visible(14), pair("のキー", ""));
    }
}
