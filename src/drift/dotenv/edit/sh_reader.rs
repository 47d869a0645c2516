//! How `sh` reads a `.env` file that it sources (`. ./.env`): quotes, words, and text that it would run.
//!
//! People source `.env` files although no loader is involved, so an edit must not write a value that `sh` would run.
//! The parser is incomplete but conservative: anything beyond assignments of quoted and unquoted words counts as
//! [`Role::Live`].

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::dotenv::source_text::{line_end, skip, stands};

/// How `sh` treats a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A literal part of a word.
    Literal,
    /// A quote or backslash that only affects other characters.
    Syntax,
    /// Whitespace, line ends and comments.
    Between,
    /// The start of something that is expanded or run.
    Live,
}

/// The kind of the word that starts at a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `NAME=…` where `sh` expects assignments.
    Assignment,
    /// `export`.
    Export,
    /// A command, which `sh` runs.
    Command,
    /// An argument of a command or of `export`.
    Argument,
}

/// The kind of quote that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    None,
    /// Single: only the closing quote is special.
    Single,
    Double,
}

/// A character of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShCharacter {
    /// The offset.
    pub at: usize,
    /// How `sh` treats it.
    pub role: Role,
    /// The kind of word that starts here, if one does.
    pub word: Option<Word>,
    /// The quote that is open before it.
    pub quote: Quote,
}

/// A text as `sh` reads it.
#[derive(Debug)]
pub struct Walk {
    /// Every character.
    pub steps: Vec<ShCharacter>,
    /// The quote that is open at its end.
    pub end: Quote,
}

impl Walk {
    /// Reads a text from its start.
    pub fn through(text: &str) -> Self {
        let mut walker =
            Walker { text, at: 0, quote: Quote::None, line: LineState::Start, inside: false, steps: Vec::new() };
        while let Some(character) = text[walker.at..].chars().next() {
            match walker.quote {
                Quote::None => walker.plain(character),
                Quote::Single if character == '\'' => walker.switch(Quote::None),
                Quote::Single => walker.step(Role::Literal),
                Quote::Double => walker.double(character),
            }
        }
        Self { steps: walker.steps, end: walker.quote }
    }

    /// Returns the characters in a range of offsets.
    pub fn within(&self, range: &Range<usize>) -> &[ShCharacter] {
        let index = |offset| self.steps.partition_point(|step| step.at < offset);
        &self.steps[index(range.start)..index(range.end)]
    }

    /// Returns the quote that is open before an offset.
    pub fn quote(&self, offset: usize) -> Quote {
        self.steps.get(self.steps.partition_point(|step| step.at < offset)).map_or(self.end, |step| step.quote)
    }
}

/// Returns whether `sh` neither runs nor expands any of these characters.
pub fn is_inactive(steps: &[ShCharacter]) -> bool {
    steps.iter().all(|step| step.role != Role::Live && step.word != Some(Word::Command))
}

/// Returns the value that `sh` reads from a right-hand side; `None` if it is not a single word with balanced quotes of
/// which nothing is run or expanded.
pub fn reading(right_hand_side: &str) -> Option<Zeroizing<String>> {
    const NAME: &str = "K=";
    let text = Zeroizing::new(format!("{NAME}{right_hand_side}"));
    let walk = Walk::through(&text);
    let steps = walk.within(&(NAME.len()..text.len()));
    let one_word = steps.iter().all(|step| matches!(step.role, Role::Literal | Role::Syntax));
    if !one_word || walk.end != Quote::None {
        return None;
    }
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    value.extend(
        steps.iter().filter(|step| step.role == Role::Literal).filter_map(|step| text[step.at..].chars().next()),
    );
    Some(value)
}

/// What `sh` expects next on a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineState {
    /// Assignments or a command.
    Start,
    /// Arguments of `export`.
    Export,
    /// Arguments of a command.
    Arguments,
}

struct Walker<'t> {
    text: &'t str,
    at: usize,
    quote: Quote,
    line: LineState,
    /// Whether a word has begun.
    inside: bool,
    steps: Vec<ShCharacter>,
}

impl Walker<'_> {
    fn step(&mut self, role: Role) {
        let Some(character) = self.text[self.at..].chars().next() else { return };
        self.steps.push(ShCharacter { at: self.at, role, word: None, quote: self.quote });
        self.at += character.len_utf8();
    }

    fn switch(&mut self, quote: Quote) {
        self.step(Role::Syntax);
        self.quote = quote;
    }

    fn double(&mut self, character: char) {
        match character {
            '"' => self.switch(Quote::None),
            '\\' => {
                let next = self.text[self.at + 1..].chars().next();
                let escapes = next.is_some_and(|next| matches!(next, '$' | '`' | '"' | '\\' | '\n'));
                if escapes { self.escape() } else { self.step(Role::Literal) }
            }
            '`' => self.step(Role::Live),
            '$' if self.expands() => self.step(Role::Live),
            _ => self.step(Role::Literal),
        }
    }

    /// Reads a backslash and the character that it escapes. An escaped line end is removed.
    fn escape(&mut self) {
        self.step(Role::Syntax);
        let continues = stands(self.text, self.at, '\n');
        self.step(if continues { Role::Syntax } else { Role::Literal });
    }

    fn plain(&mut self, character: char) {
        match character {
            ' ' | '\t' | '\n' => {
                self.inside = false;
                if character == '\n' {
                    self.line = LineState::Start;
                }
                return self.step(Role::Between);
            }
            '#' if !self.inside => {
                let end = line_end(self.text, self.at);
                while self.at < end {
                    self.step(Role::Between);
                }
                return;
            }
            ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                (self.inside, self.line) = (false, LineState::Start);
                return self.step(Role::Live);
            }
            _ => {}
        }
        let first = self.steps.len();
        let word = (!self.inside).then(|| self.begin());
        self.part(character);
        if let Some(step) = self.steps.get_mut(first) {
            step.word = word;
        }
    }

    /// Reads a character of an unquoted word.
    fn part(&mut self, character: char) {
        match character {
            '\'' => self.switch(Quote::Single),
            '"' => self.switch(Quote::Double),
            '\\' if self.at + 1 == self.text.len() => self.step(Role::Live),
            '\\' => self.escape(),
            '`' => self.step(Role::Live),
            '$' if self.expands() || self.text[self.at + 1..].starts_with(['\'', '"']) => self.step(Role::Live),
            // The home directory.
            '~' if self.text[..self.at].ends_with(['=', ':']) => self.step(Role::Live),
            _ => self.step(Role::Literal),
        }
    }

    fn begin(&mut self) -> Word {
        self.inside = true;
        if self.line == LineState::Arguments {
            return Word::Argument;
        }
        let rest = &self.text[self.at..];
        let name = skip(rest, 0, |character| character.is_ascii_alphanumeric() || character == '_');
        let is_name = name > 0 && !rest.starts_with(|first: char| first.is_ascii_digit());
        if is_name && stands(rest, name, '=') {
            return Word::Assignment;
        }
        if self.line == LineState::Export {
            return Word::Argument;
        }
        let export = &rest[..name] == "export" && rest[name..].starts_with([' ', '\t']);
        self.line = if export { LineState::Export } else { LineState::Arguments };
        if export { Word::Export } else { Word::Command }
    }

    /// Returns whether the `$` at the current offset starts an expansion.
    fn expands(&self) -> bool {
        self.text[self.at + 1..].starts_with(|next: char| next.is_ascii_alphanumeric() || "_{([@*#?-$!".contains(next))
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::dotenv::edit::sh_reader::{Quote, Walk, is_inactive, reading};

    #[test]
    fn parses_values_like_sh() {
        for (written, expected) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("'it is'", Some("it is")),
            (r#""a 'b' \"c\" \\ \n $ 100%""#, Some(r#"a 'b' "c" \ \n $ 100%"#)),
            (r"'$(touch x) `y` \'", Some(r"$(touch x) `y` \")),
            ("a#b", Some("a#b")),
            ("'a'\"b\"c", Some("abc")),
            ("\"it's \"x\"\"", Some("it's x")),
            ("\"a\\\nb\"", Some("ab")),
            ("a\\b", Some("ab")),
            ("a\\;b", Some("a;b")),
            ("a$", Some("a$")),
            ("a~b", Some("a~b")),
            ("a b", None),
            ("'open", None),
            ("a`id`", None),
            ("\"$HOME\"", None),
            ("\"$(id)\"", None),
            ("\"`id`\"", None),
            ("a;b", None),
            ("a&b", None),
            ("$'a'", None),
            ("~/x", None),
            ("a:~/x", None),
            ("a\\", None),
            ("'a'\nb", None),
        ] {
            assert_eq!(reading(written).as_ref().map(|value| value.as_str()), expected, "{written}");
        }
    }

    #[test]
    fn assignments_are_safe_to_source_and_commands_are_not() {
        for (text, inactive, end) in [
            ("A=1\nexport B='x y' # it's fine\n\n# $(touch x)\nC=\"a\"", true, Quote::None),
            ("A=it's\nB='$(touch x)'\n", false, Quote::Single),
            ("A=it's\n", true, Quote::Single),
            ("A=\"\n", true, Quote::Double),
            ("A = 1\n", false, Quote::None),
            ("A= reboot\n", false, Quote::None),
            ("A=1 B=2\n", true, Quote::None),
            ("a.b=1\n", false, Quote::None),
            ("1A=1\n", false, Quote::None),
            ("=x\n", false, Quote::None),
            ("export A= reboot\n", true, Quote::None),
            ("A=$(touch x)\n", false, Quote::None),
        ] {
            let walk = Walk::through(text);
            assert_eq!((is_inactive(&walk.steps), walk.end), (inactive, end), "{text}");
        }
    }

    #[test]
    fn quote_is_known_at_every_offset() {
        use Quote::{Double, None, Single};
        let walk = Walk::through("A='b'\"");
        let quotes: Vec<Quote> = (0..=6).map(|offset| walk.quote(offset)).collect();
        assert_eq!(quotes, [None, None, None, Single, Single, None, Double]);
    }
}
