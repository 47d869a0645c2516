//! A line of text that is typed and edited in a terminal. dialoguer's prompt for text ignores Esc, and its prompt for a
//! confirmation does not show what was typed.

use std::io;

use dialoguer::console::{Key, Term};

use crate::io::terminal::text_width::{cut_end, width};

/// A prompt, and the text that was typed after it.
pub(super) struct TypedLine {
    prompt: String,
    text: Vec<char>,
    /// The number of characters before the cursor.
    cursor: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    Open,
    Entered,
    /// Esc was pressed.
    Cancelled,
}

impl TypedLine {
    pub(super) fn new(prompt: &str, start: &str) -> Self {
        let text: Vec<char> = start.chars().filter(|character| !character.is_control()).collect();
        Self { prompt: format!("{prompt} "), cursor: text.len(), text }
    }

    /// Reads keys until Enter, and returns the text; `None` for Esc.
    pub(super) fn read(mut self, screen: &Term) -> io::Result<Option<String>> {
        let mut state = LineState::Open;
        while state == LineState::Open {
            self.draw(screen)?;
            state = self.press(&screen.read_key()?);
        }
        screen.write_line("")?;
        Ok((state == LineState::Entered).then(|| self.text.iter().collect()))
    }

    fn press(&mut self, key: &Key) -> LineState {
        match key {
            Key::Enter => return LineState::Entered,
            Key::Escape => return LineState::Cancelled,
            Key::Char(character) if !character.is_control() => {
                self.text.insert(self.cursor, *character);
                self.cursor += 1;
            }
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            Key::Del if self.cursor < self.text.len() => drop(self.text.remove(self.cursor)),
            Key::ArrowLeft => self.cursor = self.cursor.saturating_sub(1),
            Key::ArrowRight => self.cursor = self.text.len().min(self.cursor + 1),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            _ => {}
        }
        LineState::Open
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
        let mut before: String = before.iter().collect();
        // The character at the cursor stays visible.
        let most = columns.saturating_sub(usize::from(!after.is_empty()));
        while width(&before) > most {
            before.remove(0);
        }
        let after = cut_end(&after.iter().collect::<String>(), columns.saturating_sub(width(&before)));
        (before, after)
    }
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
        ] {
            let (line, state) = pressed(start, keys);
            assert_eq!((line.text.iter().collect::<String>().as_str(), state), (expected, LineState::Open), "{keys:?}");
        }
        assert_eq!(pressed("ab", &[Key::Enter]).1, LineState::Entered);
        assert_eq!(pressed("ab", &[Key::Escape]).1, LineState::Cancelled);
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
    }
}
