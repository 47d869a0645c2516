//! What `sh` makes of a `.env` that it is told to read (`. ./.env`): what is quoted, what is a word, what would run.
//!
//! Small and careful, not complete: whatever goes beyond assignments of quoted and unquoted words is [`Role::Live`].

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::dotenv::source_text::{line_end, skip, stands};

/// What a character is to `sh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A part of a word that stands for itself.
    Literal,
    /// A quote or backslash that only says how to read others.
    Syntax,
    /// Blanks, line ends and comments.
    Between,
    /// The start of something that is expanded or run.
    Live,
}

/// What the word that starts at a character is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `NAME=…` where assignments are looked for.
    Assignment,
    /// `export`.
    Export,
    /// What is run.
    Command,
    /// What a command, or `export`, is given.
    Argument,
}

/// Which quotes are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// None.
    None,
    /// Single ones: nothing is special but their end.
    Single,
    /// Double ones.
    Double,
}

/// One character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShCharacter {
    /// Its offset.
    pub at: usize,
    /// What it is.
    pub role: Role,
    /// The word that starts with it.
    pub word: Option<Word>,
    /// The quotes that are open before it.
    pub quote: Quote,
}

/// A text as `sh` goes through it.
#[derive(Debug)]
pub struct Walk {
    /// Every character.
    pub steps: Vec<ShCharacter>,
    /// The quotes that are open at its end.
    pub end: Quote,
}

impl Walk {
    /// Goes through a text from its start.
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

    /// The steps from one offset to another.
    pub fn within(&self, range: &Range<usize>) -> &[ShCharacter] {
        let index = |offset| self.steps.partition_point(|step| step.at < offset);
        &self.steps[index(range.start)..index(range.end)]
    }

    /// The quotes that are open before an offset.
    pub fn quote(&self, offset: usize) -> Quote {
        self.steps.get(self.steps.partition_point(|step| step.at < offset)).map_or(self.end, |step| step.quote)
    }
}

/// Whether nothing in these steps is expanded or run.
pub fn is_calm(steps: &[ShCharacter]) -> bool {
    steps.iter().all(|step| step.role != Role::Live && step.word != Some(Word::Command))
}

/// The value that `sh` gives a variable from this right-hand side; `None` if it is not one closed word of which nothing
/// is expanded or run.
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

/// How far a line has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineState {
    /// Assignments may come, or a command.
    Start,
    /// `export` takes assignments.
    Export,
    /// There was a command.
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

    /// A backslash and what it protects; a protected line end is none.
    fn escape(&mut self) {
        self.step(Role::Syntax);
        let goes_on = stands(self.text, self.at, '\n');
        self.step(if goes_on { Role::Syntax } else { Role::Literal });
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

    /// A character of an unquoted word.
    fn part(&mut self, character: char) {
        match character {
            '\'' => self.switch(Quote::Single),
            '"' => self.switch(Quote::Double),
            '\\' if self.at + 1 == self.text.len() => self.step(Role::Live),
            '\\' => self.escape(),
            '`' => self.step(Role::Live),
            '$' if self.expands() || self.text[self.at + 1..].starts_with(['\'', '"']) => self.step(Role::Live),
            // The home folder.
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

    /// Whether the `$` here begins a name, a brace or a command.
    fn expands(&self) -> bool {
        self.text[self.at + 1..].starts_with(|next: char| next.is_ascii_alphanumeric() || "_{([@*#?-$!".contains(next))
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::dotenv::edit::sh_reader::{Quote, Walk, is_calm, reading};

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
            ("a b", None),
            ("'open", None),
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
        for (text, calm, end) in [
            ("A=1\nexport B='x y' # it's fine\n\n# $(touch x)\nC=\"a\"", true, Quote::None),
            ("A=it's\nB='$(touch x)'\n", false, Quote::Single),
            ("A=it's\n", true, Quote::Single),
            ("A=\"\n", true, Quote::Double),
            ("A = 1\n", false, Quote::None),
            ("A= reboot\n", false, Quote::None),
            ("A=1 B=2\n", true, Quote::None),
            ("a.b=1\n", false, Quote::None),
            ("export A= reboot\n", true, Quote::None),
            ("A=$(touch x)\n", false, Quote::None),
        ] {
            let walk = Walk::through(text);
            assert_eq!((is_calm(&walk.steps), walk.end), (calm, end), "{text}");
        }
    }
}
