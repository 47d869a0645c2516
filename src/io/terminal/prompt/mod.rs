//! Prompts at the terminal.

mod numbered;
#[cfg(test)]
pub(crate) mod script;
mod theme;
mod typed_line;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use dialoguer::console::Term;
use dialoguer::{MultiSelect, Select};
use textwrap::WordSplitter;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files;
use crate::io::interrupt::Interrupt;
use crate::io::io_error_text::io_error_text;
use crate::io::os;
use crate::io::terminal::prompt::numbered::Numbered;
use crate::io::terminal::prompt::theme::PlainTheme;
use crate::io::terminal::prompt::typed_line::TypedLine;
use crate::io::terminal::status::StatusOutput;
use crate::io::terminal::stream::{StreamKind, Terminal};
use crate::io::terminal::text_width::{harmless, width};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptAnswer<T> {
    Given(T),
    /// Esc: go back one step.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YesNo {
    Yes,
    No,
}

/// Prompts the user. The caller escapes the texts.
///
/// # Errors
///
/// [`Error::Interrupted`] for Ctrl-C at a prompt, and [`Error::System`] for a terminal that can't be read or written.
pub trait Prompter {
    /// Selects one item, by index.
    fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<PromptAnswer<usize>, Error>;
    /// Selects any number of items, by ascending indices; an empty selection is a valid answer. `picked` items are
    /// preselected. The part of an item after two spaces is a hint, which is not repeated after the selection.
    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error>;
    /// Asks for yes or no, followed by Enter; Enter alone selects the default.
    fn confirm(&self, prompt: &str, default: YesNo) -> Result<PromptAnswer<YesNo>, Error>;
    /// Reads a line of text, which may be empty, and trims it.
    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error>;
    /// Reads a line like [`Prompter::line`], with an initial text that the user can edit. An empty line means "go back".
    fn line_from(&self, prompt: &str, start: &str) -> Result<PromptAnswer<String>, Error>;
    /// Reads a line without echo. An empty one means "go back".
    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error>;
    /// Reads standard input to its end.
    fn piped(&self) -> Result<Secret, Error>;
    /// Reads what git writes to the standard input of a hook; empty unless it ends within `time_limit`. On failure,
    /// returns the cause.
    fn hook_input(&self, _time_limit: Duration) -> Result<Secret, String> {
        Ok(Secret::new(""))
    }
}

/// Returns whether the user can be prompted: standard input and standard error are terminals, and this is not CI.
pub fn can_ask(terminal: &Terminal, variables: &BTreeMap<String, String>) -> bool {
    let in_ci = variables.get("CI").is_some_and(|ci| !ci.is_empty());
    !in_ci && terminal.input != StreamKind::Pipe && terminal.err != StreamKind::Pipe
}

/// Prompts on the terminal of this process. They are drawn on standard error, without colour; in a terminal that can't
/// move its cursor, they are numbered lines.
pub struct Prompts<'w> {
    status: &'w dyn StatusOutput,
    interrupt: &'w Interrupt,
    terminal: Terminal,
}

impl<'w> Prompts<'w> {
    /// Returns prompts that stop the spinner of that status output before they are drawn.
    pub fn new(status: &'w dyn StatusOutput, interrupt: &'w Interrupt, terminal: Terminal) -> Self {
        Self { status, interrupt, terminal }
    }

    /// Prompts, and leaves the terminal clean. Input that was typed before the prompt does not answer it
    /// (on Unix).
    fn ask<T>(&self, question: impl FnOnce() -> io::Result<Option<T>>) -> Result<PromptAnswer<T>, Error> {
        self.status.done();
        if self.interrupt.is_requested() {
            return Err(Error::Interrupted);
        }
        self.interrupt.begin_question();
        os::discard_input();
        let answer = question();
        let interrupted = answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
        if interrupted || self.interrupt.is_requested() {
            self.tidy();
            return Err(Error::Interrupted);
        }
        self.interrupt.end_question();
        match answer {
            Ok(Some(answer)) => Ok(PromptAnswer::Given(answer)),
            Ok(None) => Ok(PromptAnswer::Back),
            Err(error) => {
                self.tidy();
                Err(Error::System {
                    what: "failed to show a prompt".to_owned(),
                    cause: io_error_text(&error),
                    help: "run it in a terminal, or pass flags instead of answering prompts".into(),
                })
            }
        }
    }

    /// dialoguer hides the cursor, and does not show it again if it is interrupted.
    fn tidy(&self) {
        if self.terminal.err == StreamKind::Terminal {
            let screen = Term::stderr();
            drop(screen.clear_line().and_then(|()| screen.show_cursor()));
        }
    }

    fn read_line(&self, prompt: &str, start: &str) -> io::Result<Option<String>> {
        if self.is_plain() {
            return on_lines(|lines| lines.line(&harmless(prompt), &harmless(start)));
        }
        on_keys(|| {
            let typed = TypedLine::new(&lead(prompt)?, start).read(&Term::stderr())?;
            Ok(typed.map(|typed| trimmed(&typed)))
        })
    }

    fn is_plain(&self) -> bool {
        self.terminal.err == StreamKind::Dumb || self.terminal.input == StreamKind::Dumb
    }
}

impl Prompter for Prompts<'_> {
    fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<PromptAnswer<usize>, Error> {
        let items: Vec<String> = items.iter().map(|item| harmless(item)).collect();
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.choose(&harmless(prompt), &items, default));
            }
            list_in_full(&items)?;
            let prompt = lead(prompt)?;
            let indices: Vec<usize> = (0..items.len()).collect();
            let theme = PlainTheme { items };
            let select = Select::with_theme(&theme).with_prompt(prompt).items(indices).default(default);
            on_keys(|| Ok(select.interact_opt()?))
        })
    }

    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error> {
        let items: Vec<String> = items.iter().map(|item| harmless(item)).collect();
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.choose_many(&harmless(prompt), &items, picked));
            }
            list_in_full(&items)?;
            let prompt = lead(&format!("{prompt} (Space to select, Enter to confirm)"))?;
            let indices: Vec<usize> = (0..items.len()).collect();
            let theme = PlainTheme { items };
            let marks: Vec<bool> = indices.iter().map(|index| picked.contains(index)).collect();
            let select = MultiSelect::with_theme(&theme).with_prompt(prompt).items(indices).defaults(&marks);
            on_keys(|| Ok(select.interact_opt()?))
        })
    }

    fn confirm(&self, prompt: &str, default: YesNo) -> Result<PromptAnswer<YesNo>, Error> {
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.confirm(&harmless(prompt), default));
            }
            let ask = lead(&ask_yes_or_no(prompt, default))?;
            on_keys(|| read_yes_or_no(&ask, default))
        })
    }

    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error> {
        self.ask(|| self.read_line(prompt, ""))
    }

    fn line_from(&self, prompt: &str, start: &str) -> Result<PromptAnswer<String>, Error> {
        self.ask(|| Ok(self.read_line(prompt, start)?.filter(|typed| !typed.is_empty())))
    }

    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error> {
        self.ask(|| {
            // The echo is off before any part of the prompt is shown.
            let typed = on_keys(|| TypedLine::hidden(&lead(prompt)?).read(&Term::stderr()))?.map(Secret::new);
            Ok(typed.filter(|typed| !typed.expose().trim().is_empty()))
        })
    }

    fn piped(&self) -> Result<Secret, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PIPED + 1));
        let read = io::stdin().lock().take(PIPED as u64 + 1).read_to_end(&mut bytes);
        let fail = |why: String| Error::System {
            what: "failed to read standard input".to_owned(),
            cause: why,
            help: "pipe only the token or the value into it".into(),
        };
        read.map_err(|error| fail(io_error_text(&error)))?;
        if bytes.len() > PIPED {
            return Err(fail(format!("it is longer than {} KiB", PIPED >> 10)));
        }
        std::str::from_utf8(&bytes).map(Secret::new).map_err(|_| fail("it is not UTF-8 text".to_owned()))
    }

    fn hook_input(&self, time_limit: Duration) -> Result<Secret, String> {
        files::read_input(time_limit)
    }
}

/// The maximum length of piped input, in bytes: longer than any token, and than a value that Railway stores.
const PIPED: usize = 64 * 1024;

/// Returns the typed text, trimmed and without control characters.
fn trimmed(typed: &str) -> String {
    let text: String = typed.chars().filter(|character| !character.is_control()).collect();
    text.trim().to_owned()
}

/// Shown before a question is repeated.
const NOT_YES_OR_NO: &str = "invalid answer: type y or n";

/// Returns the question, with the default in upper case.
fn ask_yes_or_no(prompt: &str, default: YesNo) -> String {
    match default {
        YesNo::Yes => format!("{prompt} [Y/n]"),
        YesNo::No => format!("{prompt} [y/N]"),
    }
}

/// Returns the answer of a typed line; an empty line is the default.
fn yes_or_no(typed: &str, default: YesNo) -> Option<YesNo> {
    match typed.trim().to_lowercase().as_str() {
        "" => Some(default),
        "y" | "yes" => Some(YesNo::Yes),
        "n" | "no" => Some(YesNo::No),
        _ => None,
    }
}

/// Asks until the answer is yes or no; `None` for Esc.
fn read_yes_or_no(ask: &str, default: YesNo) -> io::Result<Option<YesNo>> {
    let screen = Term::stderr();
    let word = if default == YesNo::Yes { "yes" } else { "no" };
    while let Some(typed) = TypedLine::new(ask, "").with_default(word).read(&screen)? {
        if let Some(reply) = yes_or_no(&typed, default) {
            return Ok(Some(reply));
        }
        screen.write_line(NOT_YES_OR_NO)?;
        os::discard_input();
    }
    Ok(None)
}

/// Prompts for keys, which the terminal does not echo.
fn on_keys<T>(question: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mode = os::TerminalMode::read();
    mode.silence();
    let answer = question();
    mode.restore();
    answer
}

/// Prompts with numbered lines on the process's streams.
fn on_lines<T>(question: impl FnOnce(&mut Numbered<'_>) -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    question(&mut Numbered { input: &mut io::stdin().lock(), out: &mut io::stderr(), discard_input: os::discard_input })
}

/// Writes all lines of a prompt but the last, which it returns: dialoguer redraws only one line.
fn lead(prompt: &str) -> io::Result<String> {
    /// The columns for what follows on the line: a page number, or what is typed.
    const ADDED: usize = 16;
    let screen = Term::stderr();
    let columns = usize::from(screen.size().1);
    let mut lines = wrapped(&harmless(prompt), columns.saturating_sub(ADDED).max(ADDED));
    let last = lines.pop().unwrap_or_default();
    lines.iter().try_for_each(|line| screen.write_line(line))?;
    Ok(last)
}

/// Lists the items on a narrow terminal, on which the prompt cuts them.
fn list_in_full(items: &[String]) -> io::Result<()> {
    /// The columns of marks before an item, and of the last column, which stays free.
    const MARKS: usize = 7;
    /// On wider terminals, what is cut is the end of a long name.
    const NARROW: usize = 50;
    let screen = Term::stderr();
    let columns = usize::from(screen.size().1);
    if columns >= NARROW || items.iter().all(|item| width(item) + MARKS <= columns) {
        return Ok(());
    }
    for item in items {
        for (at, line) in wrapped(item, columns.saturating_sub(3)).iter().enumerate() {
            screen.write_line(&format!("{} {line}", if at == 0 { "-" } else { " " }))?;
        }
    }
    Ok(())
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let options = textwrap::Options::new(columns).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::io::terminal::prompt::{can_ask, trimmed};
    use crate::io::terminal::stream::{StreamKind, Terminal};

    #[test]
    fn prompts_require_terminal_outside_ci() {
        for (input, err, ci, expected) in [
            (StreamKind::Terminal, StreamKind::Terminal, None, true),
            (StreamKind::Dumb, StreamKind::Dumb, None, true),
            (StreamKind::Terminal, StreamKind::Terminal, Some(""), true),
            (StreamKind::Terminal, StreamKind::Terminal, Some("true"), false),
            (StreamKind::Pipe, StreamKind::Terminal, None, false),
            (StreamKind::Terminal, StreamKind::Pipe, None, false),
        ] {
            let variables: BTreeMap<String, String> =
                ci.map(|ci| ("CI".to_owned(), ci.to_owned())).into_iter().collect();
            let terminal = Terminal { out: StreamKind::Pipe, err, input, links: false, width: 80 };
            assert_eq!(can_ask(&terminal, &variables), expected, "{input:?} {err:?} {ci:?}");
        }
    }

    #[test]
    fn typed_line_is_trimmed() {
        for (typed, expected) in
            [("", ""), ("  ", ""), (" production ", "production"), ("a\u{9b}b", "ab"), ("\u{9b}", "")]
        {
            assert_eq!(trimmed(typed), expected, "{typed:?}");
        }
    }
}
