//! Prepared answers to prompts, for tests.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::terminal::prompt::{PromptAnswer, Prompter, YesNo};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PreparedAnswer {
    /// The item of this index.
    Choice(usize),
    /// The items of these indices.
    Choices(Vec<usize>),
    Reply(YesNo),
    /// A typed line.
    Line(&'static str),
    /// Enter alone, at a prompt with a default.
    Enter,
    /// Esc.
    Back,
    Interrupt,
}

/// Answers prompts in order, and records them. A prompt without a fitting answer fails the test.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: RefCell<VecDeque<PreparedAnswer>>,
    asked: RefCell<Vec<String>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = PreparedAnswer>) -> Self {
        Self { answers: RefCell::new(answers.into_iter().collect()), asked: RefCell::default() }
    }

    /// Returns the recorded prompts, each followed by its items.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Returns the number of unused answers.
    pub(crate) fn left(&self) -> usize {
        self.answers.borrow().len()
    }

    fn next<T>(
        &self,
        prompt: &str,
        items: &[String],
        fits: impl FnOnce(&PreparedAnswer) -> Option<T>,
    ) -> Result<PromptAnswer<T>, Error> {
        let question = [&[prompt.to_owned()], items].concat().join("\n  ");
        self.asked.borrow_mut().push(question.clone());
        match self.answers.borrow_mut().pop_front() {
            Some(PreparedAnswer::Back) => Ok(PromptAnswer::Back),
            Some(PreparedAnswer::Interrupt) => Err(Error::Interrupted),
            Some(answer) => match fits(&answer) {
                Some(given) => Ok(PromptAnswer::Given(given)),
                None => panic!("{answer:?} does not answer {question}"),
            },
            None => panic!("no answer was prepared for {question}"),
        }
    }
}

impl Prompter for Script {
    fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<PromptAnswer<usize>, Error> {
        assert!(default < items.len(), "{prompt}: the default is not one of the items");
        self.next(prompt, items, |answer| match answer {
            PreparedAnswer::Enter => Some(default),
            PreparedAnswer::Choice(index) if *index < items.len() => Some(*index),
            _ => None,
        })
    }

    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error> {
        let mark = |index| if picked.contains(&index) { "[x]" } else { "[ ]" };
        let marked: Vec<String> = items.iter().enumerate().map(|(at, item)| format!("{} {item}", mark(at))).collect();
        self.next(prompt, &marked, |answer| match answer {
            PreparedAnswer::Enter => Some(picked.to_vec()),
            PreparedAnswer::Choices(indices) if indices.iter().all(|index| *index < items.len()) => {
                Some(indices.clone())
            }
            _ => None,
        })
    }

    fn confirm(&self, prompt: &str, default: YesNo) -> Result<PromptAnswer<YesNo>, Error> {
        self.next(prompt, &[], |answer| match answer {
            PreparedAnswer::Enter => Some(default),
            PreparedAnswer::Reply(reply) => Some(*reply),
            _ => None,
        })
    }

    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error> {
        self.line_from(prompt, "")
    }

    fn line_from(&self, prompt: &str, start: &str) -> Result<PromptAnswer<String>, Error> {
        let prompt = if start.is_empty() { prompt.to_owned() } else { format!("{prompt} [{start}]") };
        self.next(&prompt, &[], |answer| match answer {
            PreparedAnswer::Enter if !start.is_empty() => Some(start.to_owned()),
            PreparedAnswer::Line(text) => Some((*text).to_owned()),
            _ => None,
        })
    }

    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error> {
        self.next(prompt, &[], |answer| match answer {
            PreparedAnswer::Line(text) => Some(Secret::new(*text)),
            _ => None,
        })
    }

    fn piped(&self) -> Result<Secret, Error> {
        Ok(match self.secret("standard input")? {
            PromptAnswer::Given(text) => text,
            PromptAnswer::Back => Secret::new(""),
        })
    }
}

#[test]
fn script_answers_in_order_and_records_questions() {
    let script = Script::new([
        PreparedAnswer::Choice(1),
        PreparedAnswer::Choices(vec![0, 1]),
        PreparedAnswer::Reply(YesNo::Yes),
        PreparedAnswer::Line("production"),
        PreparedAnswer::Enter,
        PreparedAnswer::Enter,
        PreparedAnswer::Back,
        PreparedAnswer::Interrupt,
    ]);
    let items = ["push".to_owned(), "pull".to_owned()];
    assert_eq!(script.choose("Which?", &items, 0), Ok(PromptAnswer::Given(1)));
    assert_eq!(script.choose_many("Which of them?", &items, &[1]), Ok(PromptAnswer::Given(vec![0, 1])));
    assert_eq!(script.confirm("Continue?", YesNo::No), Ok(PromptAnswer::Given(YesNo::Yes)));
    assert_eq!(script.line("Name:"), Ok(PromptAnswer::Given("production".to_owned())));
    assert_eq!(script.choose_many("Which of them?", &items, &[1]), Ok(PromptAnswer::Given(vec![1])));
    assert_eq!(script.line_from("Name:", "staging"), Ok(PromptAnswer::Given("staging".to_owned())));
    assert_eq!(script.line("Name:"), Ok(PromptAnswer::Back));
    assert_eq!(script.left(), 1);
    assert_eq!(script.line("Name:"), Err(Error::Interrupted));
    assert_eq!(script.asked()[0], "Which?\n  push\n  pull");
}
