//! Questions to the person at the terminal.

mod numbered;
#[cfg(test)]
pub(crate) mod script;
mod theme;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use dialoguer::console::Term;
use dialoguer::{Confirm, Input, MultiSelect, Select};
use textwrap::WordSplitter;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files;
use crate::io::interrupt::Interrupt;
use crate::io::io_error_text::io_error_text;
use crate::io::terminal::prompt::numbered::Numbered;
use crate::io::terminal::prompt::theme::PlainTheme;
use crate::io::terminal::status::StatusOutput;
use crate::io::terminal::stream::{Sort, Terminal};
use crate::io::terminal::text_width::harmless;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptAnswer<T> {
    Given(T),
    /// Esc: not now, one step back.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YesNo {
    Yes,
    No,
}

/// Somebody who can be asked. Ctrl-C at a question is [`Error::Interrupted`]; a terminal that can't be read from or drawn
/// on is [`Error::System`]. What is shown was escaped by whoever asks.
pub trait Ask {
    /// One of several, by its index.
    fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<PromptAnswer<usize>, Error>;
    /// Any of several, by their indices in rising order; none of them is an answer. `picked` are those that Enter alone
    /// means. What stands behind two blanks in an item helps to choose, and is not repeated afterwards.
    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error>;
    /// Yes or no; the default is what Enter alone means.
    fn confirm(&self, prompt: &str, default: YesNo) -> Result<PromptAnswer<YesNo>, Error>;
    /// Returns a line of text, without outer blanks. An empty one means back.
    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error>;
    /// Returns the same, with a text that is there already and can be changed.
    fn line_from(&self, prompt: &str, start: &str) -> Result<PromptAnswer<String>, Error>;
    /// Returns a line that is not shown while it is typed. An empty one means back.
    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error>;
    /// Returns what is piped into standard input, to its end.
    fn piped(&self) -> Result<Secret, Error>;
    /// Returns what git writes to the standard input of a hook; none where nothing comes to its end within `patience`.
    fn hook_input(&self, _patience: Duration) -> Option<Secret> {
        None
    }
}

/// Returns whether there is a person to ask: at a terminal for input and for standard error, and not in CI.
pub fn can_ask(terminal: &Terminal, variables: &BTreeMap<String, String>) -> bool {
    let in_ci = variables.get("CI").is_some_and(|ci| !ci.is_empty());
    !in_ci && terminal.input != Sort::Pipe && terminal.err != Sort::Pipe
}

/// The person at this process's terminal. Questions are drawn on standard error, without colour; on a terminal that can't
/// move its cursor they are numbered lines.
pub struct Prompts<'w> {
    talk: &'w dyn StatusOutput,
    interrupt: &'w Interrupt,
    terminal: Terminal,
}

impl<'w> Prompts<'w> {
    /// Questions that stop the spinner of that talk before they are drawn.
    pub fn new(talk: &'w dyn StatusOutput, interrupt: &'w Interrupt, terminal: Terminal) -> Self {
        Self { talk, interrupt, terminal }
    }

    /// Asks, with a clean terminal before and after.
    fn ask<T>(&self, question: impl FnOnce() -> io::Result<Option<T>>) -> Result<PromptAnswer<T>, Error> {
        self.talk.done();
        if self.interrupt.is_requested() {
            return Err(Error::Interrupted);
        }
        self.interrupt.begin_question();
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
                    what: "can't ask".to_owned(),
                    cause: io_error_text(&error),
                    help: "run it at a terminal, or say with flags what to do".to_owned(),
                })
            }
        }
    }

    /// dialoguer hides the cursor and does not show it again when it is cut short.
    fn tidy(&self) {
        if self.terminal.err == Sort::Terminal {
            let screen = Term::stderr();
            drop(screen.clear_line().and_then(|()| screen.show_cursor()));
        }
    }

    fn is_plain(&self) -> bool {
        self.terminal.err == Sort::Dumb || self.terminal.input == Sort::Dumb
    }
}

impl Ask for Prompts<'_> {
    fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<PromptAnswer<usize>, Error> {
        let items: Vec<String> = items.iter().map(|item| harmless(item)).collect();
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.choose(&harmless(prompt), &items, default));
            }
            let prompt = lead(prompt)?;
            let indices: Vec<usize> = (0..items.len()).collect();
            let theme = PlainTheme { items };
            let select = Select::with_theme(&theme).with_prompt(prompt).items(indices).default(default);
            Ok(select.interact_opt()?)
        })
    }

    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error> {
        let items: Vec<String> = items.iter().map(|item| harmless(item)).collect();
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.choose_many(&harmless(prompt), &items, picked));
            }
            let prompt = lead(&format!("{prompt} (Space picks, Enter ends)"))?;
            let indices: Vec<usize> = (0..items.len()).collect();
            let theme = PlainTheme { items };
            let marks: Vec<bool> = indices.iter().map(|index| picked.contains(index)).collect();
            let select = MultiSelect::with_theme(&theme).with_prompt(prompt).items(indices).defaults(&marks);
            Ok(select.interact_opt()?)
        })
    }

    fn confirm(&self, prompt: &str, default: YesNo) -> Result<PromptAnswer<YesNo>, Error> {
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.confirm(&harmless(prompt), default));
            }
            let prompt = lead(prompt)?;
            let theme = PlainTheme { items: Vec::new() };
            let confirm = Confirm::with_theme(&theme).with_prompt(prompt).default(default == YesNo::Yes);
            Ok(confirm.interact_opt()?.map(|yes| if yes { YesNo::Yes } else { YesNo::No }))
        })
    }

    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error> {
        self.line_from(prompt, "")
    }

    fn line_from(&self, prompt: &str, start: &str) -> Result<PromptAnswer<String>, Error> {
        self.ask(|| {
            if self.is_plain() {
                return on_lines(|lines| lines.line(&harmless(prompt), &harmless(start)));
            }
            let prompt = lead(prompt)?;
            let theme = PlainTheme { items: Vec::new() };
            let input = Input::with_theme(&theme).with_prompt(prompt).with_initial_text(start);
            let typed: String = input.allow_empty(true).interact_text()?;
            Ok(given(&typed))
        })
    }

    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error> {
        self.ask(|| {
            let screen = Term::stderr();
            screen.write_str(&format!("{} ", lead(prompt)?))?;
            let typed = Secret::new(screen.read_secure_line()?);
            Ok(Some(typed).filter(|typed| !typed.expose().trim().is_empty()))
        })
    }

    fn piped(&self) -> Result<Secret, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PIPED));
        let read = io::stdin().lock().take(PIPED as u64).read_to_end(&mut bytes);
        let fail = |why: String| Error::System {
            what: "can't read standard input".to_owned(),
            cause: why,
            help: "pipe the token alone into it".to_owned(),
        };
        read.map_err(|error| fail(io_error_text(&error)))?;
        std::str::from_utf8(&bytes).map(Secret::new).map_err(|_| fail("it is not UTF-8 text".to_owned()))
    }

    fn hook_input(&self, patience: Duration) -> Option<Secret> {
        files::read_input(patience)
    }
}

/// The most that is read from standard input, in bytes: more than any token has.
const PIPED: usize = 16 * 1024;

/// Returns what was typed, without what is not text; nothing if it is empty.
fn given(typed: &str) -> Option<String> {
    let text: String = typed.chars().filter(|character| !character.is_control()).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Asks in numbered lines on the process's streams.
fn on_lines<T>(question: impl FnOnce(&mut Numbered<'_>) -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    question(&mut Numbered { input: &mut io::stdin().lock(), out: &mut io::stderr() })
}

/// dialoguer redraws one line of its prompt: what comes before the last line is written once, above it.
fn lead(prompt: &str) -> io::Result<String> {
    /// What dialoguer adds to the line: a page's number, or `[y/N]`.
    const ADDED: usize = 16;
    let screen = Term::stderr();
    let columns = usize::from(screen.size().1).saturating_sub(ADDED).max(ADDED);
    let options = textwrap::Options::new(columns).word_splitter(WordSplitter::NoHyphenation);
    let text = harmless(prompt);
    let mut lines = textwrap::wrap(&text, options);
    let last = lines.pop().unwrap_or_default();
    lines.iter().try_for_each(|line| screen.write_line(line))?;
    Ok(last.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::io::terminal::prompt::{can_ask, given};
    use crate::io::terminal::stream::{Sort, Terminal};

    #[test]
    fn prompts_require_terminal_outside_ci() {
        for (input, err, ci, expected) in [
            (Sort::Terminal, Sort::Terminal, None, true),
            (Sort::Dumb, Sort::Dumb, None, true),
            (Sort::Terminal, Sort::Terminal, Some(""), true),
            (Sort::Terminal, Sort::Terminal, Some("true"), false),
            (Sort::Pipe, Sort::Terminal, None, false),
            (Sort::Terminal, Sort::Pipe, None, false),
        ] {
            let variables: BTreeMap<String, String> =
                ci.map(|ci| ("CI".to_owned(), ci.to_owned())).into_iter().collect();
            let terminal = Terminal { out: Sort::Pipe, err, input, links: false, width: 80 };
            assert_eq!(can_ask(&terminal, &variables), expected, "{input:?} {err:?} {ci:?}");
        }
    }

    #[test]
    fn typed_line_is_trimmed_and_blank_is_none() {
        for (typed, expected) in
            [("", None), ("  ", None), (" production ", Some("production")), ("a\u{9b}b", Some("ab")), ("\u{9b}", None)]
        {
            assert_eq!(given(typed).as_deref(), expected, "{typed:?}");
        }
    }
}
