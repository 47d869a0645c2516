//! Asking ahead: what the last run asked for is most likely what this one will, so it is asked for before Railway has named
//! it. An answer counts only for the very question that the ordinary way comes to; every other is dropped, and every failure
//! too, so that a guess changes how long a run takes and nothing else.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use crate::outside::railway::answer::{self, Answer, Kind, Trouble};
use crate::outside::railway::batch::{self, Asked, Staged};
use crate::outside::railway::client::{Client, Unanswered, body};
use crate::outside::railway::shape;
use crate::outside::railway::wire::{Ahead, Failure, Outgoing, Reply};

/// What part of the time that is left may be waited for a guess, as for any first try: the rest is for the ordinary question
/// after it.
const SHARE: u32 = 2;

/// Requests in an hour below which no more than one is risked: Railway's Free plan has a hundred.
const SMALL_ALLOWANCE: u64 = 1000;

/// The ids that the first questions of a run were about, as its answers confirmed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The project's id.
    pub project: String,
    /// The environment's.
    pub environment: String,
    /// The services of the first batch of values, in its order, each with the deployment whose snapshot rode along.
    pub services: Vec<(String, Option<String>)>,
    /// How many requests Railway allowed in how many seconds, if it said so.
    pub allowance: Option<(u64, u64)>,
}

impl Guess {
    /// The questions that are expected after one of that operation, in their order.
    fn after(&self, operation: &'static str) -> Vec<(&'static str, String)> {
        let by_name = match operation {
            "Projects" | "Environments" => true,
            "Shape" | "ScopedShape" => false,
            _ => return Vec::new(),
        };
        let asked: Vec<Asked<'_>> = self
            .services
            .iter()
            .map(|(service, deployment)| Asked { service, deployment: deployment.as_deref() })
            .collect();
        let values = batch::build(&self.project, &self.environment, &asked, Staged::Asked);
        let shape = by_name.then(|| ("Shape", shape::question(&self.project, &self.environment)));
        let mut questions: Vec<_> =
            shape.into_iter().chain([("Values", body("Values", &values.query, &values.variables))]).collect();
        let is_small =
            |(requests, seconds): (u64, u64)| requests.saturating_mul(3600) < SMALL_ALLOWANCE.saturating_mul(seconds);
        if self.allowance.is_some_and(is_small) {
            questions.truncate(1);
        }
        questions
    }
}

/// What is asked ahead of its turn, and what may be in the next run.
#[derive(Default)]
pub(crate) struct Guessing {
    /// What goes along with the first question.
    due: RefCell<Option<Guess>>,
    sent: RefCell<Vec<Early>>,
    confirmed: RefCell<Option<Guess>>,
}

/// A question that was asked ahead.
struct Early {
    operation: &'static str,
    body: String,
    ahead: Ahead,
}

impl Client<'_> {
    /// Asks what is guessed together with the first question.
    pub fn guess(&self, guess: Option<Guess>) {
        self.guessing.due.replace(guess);
    }

    /// Forgets what was asked ahead and not needed. What a next run may guess, if the first batch of values was answered.
    pub fn stop_guessing(&self) -> Option<Guess> {
        self.guessing.due.take();
        for early in self.guessing.sent.take() {
            self.count_early(&early.ahead);
        }
        // On a connection that can't be shared, what goes ahead would be slower for it.
        self.guessing.confirmed.take().filter(|_| self.wire.shares())
    }

    /// Notes what the first batch of values was about, once it was answered as it was asked.
    pub(crate) fn confirm(&self, project: &str, environment: &str, asked: &[Asked<'_>]) {
        let services = asked.iter().map(|one| (one.service.to_owned(), one.deployment.map(str::to_owned)));
        self.guessing.confirmed.replace(Some(Guess {
            project: project.to_owned(),
            environment: environment.to_owned(),
            services: services.collect(),
            allowance: self.allowance.get(),
        }));
    }

    /// Sends a question, and with the first one of the run what is guessed to come after it.
    pub(crate) fn post_with_guesses(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let due = self.guessing.due.take();
        let questions = due.map(|guess| guess.after(outgoing.operation)).unwrap_or_default();
        if questions.is_empty() {
            return self.post(outgoing);
        }
        let early = |(operation, body)| Outgoing { operation, body, ..*outgoing };
        let others: Vec<Outgoing<'_>> =
            questions.iter().map(|(operation, body)| early((*operation, body.as_str()))).collect();
        let (result, ahead) = self.wire.post_ahead(outgoing, &others);
        let early = questions.into_iter().zip(ahead).map(|((operation, body), ahead)| Early { operation, body, ahead });
        self.guessing.sent.replace(early.collect());
        self.hear(&result);
        result
    }

    /// The answer to a question that was asked ahead in the very same words, if it came and is one.
    pub(crate) fn guessed<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &str,
    ) -> Option<Result<Answer<T>, Unanswered>> {
        let early = {
            let mut sent = self.guessing.sent.borrow_mut();
            let position = sent.iter().position(|early| early.operation == operation)?;
            sent.remove(position)
        };
        if early.body != body {
            self.count_early(&early.ahead);
            return None;
        }
        let result = self.wire.wait(early.ahead, self.remaining() / SHARE);
        self.hear(&result);
        let reply = result.ok()?;
        match answer::read(&reply) {
            Ok(answer) => Some(Ok(answer)),
            // The words are at fault, and would be once more.
            Err(Trouble::Refused(refusals)) if refusals.iter().all(|refusal| is_of_words(refusal.kind)) => {
                Some(Err(Unanswered::Refused(refusals)))
            }
            Err(Trouble::Limited { retry_after, by }) => {
                let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, 0);
                if wait < self.remaining() {
                    self.tell_of_waiting(&error, wait);
                    self.clock.sleep(wait);
                }
                None
            }
            Err(_) => None,
        }
    }

    fn count_early(&self, ahead: &Ahead) {
        self.requests.set(self.requests.get() + usize::from(ahead.was_sent()));
    }
}

fn is_of_words(kind: Kind) -> bool {
    matches!(kind, Kind::Schema | Kind::Document)
}

#[cfg(test)]
mod tests {
    use super::Guess;

    fn asked(operation: &'static str, allowance: Option<(u64, u64)>) -> Vec<&'static str> {
        let services = vec![("s".to_owned(), None)];
        let guess = Guess { project: "p".to_owned(), environment: "e".to_owned(), services, allowance };
        guess.after(operation).into_iter().map(|(operation, _)| operation).collect()
    }

    #[test]
    fn what_comes_after_the_first_question_is_guessed_and_with_few_requests_only_one_is_risked() {
        let (free, hobby) = (Some((100, 3600)), Some((1000, 3600)));
        for (operation, allowance, expected) in [
            ("Shape", None, &["Values"][..]),
            ("Shape", free, &["Values"]),
            ("ScopedShape", hobby, &["Values"]),
            ("Projects", None, &["Shape", "Values"]),
            ("Environments", hobby, &["Shape", "Values"]),
            ("Projects", free, &["Shape"]),
            ("Environments", Some((2, 60)), &["Shape"]),
            ("Projects", Some((u64::MAX, u64::MAX)), &["Shape", "Values"]),
            ("Values", None, &[]),
            ("ApiTokenProbe", None, &[]),
        ] {
            assert_eq!(asked(operation, allowance), expected, "{operation}, {allowance:?}");
        }
    }
}
