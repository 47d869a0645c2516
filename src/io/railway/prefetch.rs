//! Asking ahead: what the last run asked for is most likely what this one will, so it is asked for before Railway has named
//! it; and batches that follow one that passed need not wait for each other. An answer counts only for the very question that
//! the ordinary way comes to; every other is dropped, and every failure too, so that this changes how long a run takes and
//! nothing else.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use crate::io::railway::batch::{self, BatchService, SERVICES_PER_REQUEST, StagedQuery};
use crate::io::railway::client::{Client, QueryError, attempt_timeout, body};
use crate::io::railway::environment;
use crate::io::railway::response::{self, ErrorKind, ResponseData, ResponseError};
use crate::io::railway::transport::{HttpRequest, HttpResponse, InFlightRequest, TransportFailure};

/// What part of the time that is left an early question has to itself; then it is asked once more beside it.
const SHARE: u32 = 2;

/// How many requests may be under way at once: Railway's Hobby plan has ten in a second.
pub(crate) const AT_ONCE: usize = 8;

/// How many services may be asked about ahead: the question before them takes one request.
pub const MOST_SERVICES: usize = (AT_ONCE - 1) * SERVICES_PER_REQUEST;

/// Requests in an hour below which no more than one is risked: Railway's Free plan has a hundred.
const SMALL_ALLOWANCE: u64 = 1000;

/// The ids that the first questions of a run were about, as its answers confirmed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The project's id.
    pub project: String,
    /// The environment's.
    pub environment: String,
    /// The services of the batches of values, in their order, each with the deployment whose snapshot rode along.
    pub services: Vec<(String, Option<String>)>,
    /// How many requests Railway allowed in how many seconds, if it said so.
    pub allowance: Option<(u64, u64)>,
}

impl Guess {
    /// The questions that are expected after one of that operation, in their order.
    fn after(&self, operation: &'static str) -> Vec<PendingQuery> {
        let by_name = match operation {
            "Projects" | "Environments" => true,
            "Shape" | "ScopedShape" => false,
            _ => return Vec::new(),
        };
        let asked: Vec<BatchService<'_>> = self
            .services
            .iter()
            .map(|(service, deployment)| BatchService { service, deployment: deployment.as_deref() })
            .collect();
        let values = asked.chunks(SERVICES_PER_REQUEST).enumerate().map(|(index, asked)| {
            let staged = if index == 0 { StagedQuery::Asked } else { StagedQuery::NotAsked };
            PendingQuery::values(&batch::build(&self.project, &self.environment, asked, staged))
        });
        let shape = by_name.then(|| PendingQuery {
            operation: "Shape",
            body: environment::question(&self.project, &self.environment),
        });
        let mut questions: Vec<_> = shape.into_iter().chain(values).take(AT_ONCE - 1).collect();
        let is_small =
            |(requests, seconds): (u64, u64)| requests.saturating_mul(3600) < SMALL_ALLOWANCE.saturating_mul(seconds);
        if self.allowance.is_some_and(is_small) {
            questions.truncate(1);
        }
        questions
    }
}

/// A question whose turn has not come.
#[derive(Debug)]
pub(crate) struct PendingQuery {
    operation: &'static str,
    body: String,
}

impl PendingQuery {
    /// The one for a batch of values.
    pub(crate) fn values(batch: &batch::Batch) -> Self {
        Self { operation: "Values", body: body("Values", &batch.query, &batch.variables) }
    }
}

/// What goes along with the next question.
#[derive(Default)]
enum PrefetchDue {
    #[default]
    Nothing,
    /// What is guessed to come after it.
    Guess(Guess),
    /// What will come after it.
    Known(Vec<PendingQuery>),
}

/// What is asked ahead of its turn, and what may be in the next run.
#[derive(Default)]
pub(crate) struct Guessing {
    due: RefCell<PrefetchDue>,
    sent: RefCell<Vec<Early>>,
    confirmed: RefCell<Option<Guess>>,
}

/// A question that was asked ahead.
struct Early {
    question: PendingQuery,
    ahead: InFlightRequest,
}

impl Client<'_> {
    /// Asks what is guessed together with the first question.
    pub fn prefetch(&self, guess: Option<Guess>) {
        self.guessing.due.replace(guess.map_or(PrefetchDue::Nothing, PrefetchDue::Guess));
    }

    /// Asks these together with the next question, those among them that are not under way already.
    pub(crate) fn follow_up(&self, mut questions: Vec<PendingQuery>) {
        // A connection for each of them would take longer than their turns.
        if self.wire.shares() {
            let sent = self.guessing.sent.borrow();
            questions.retain(|question| !sent.iter().any(|early| early.question.body == question.body));
            self.guessing.due.replace(PrefetchDue::Known(questions));
        }
    }

    /// Forgets what was asked ahead and not needed. What a next run may guess, if the first batch of values was answered.
    pub fn stop_guessing(&self) -> Option<Guess> {
        self.guessing.due.take();
        self.call_back();
        // On a connection that can't be shared, what goes ahead would be slower for it.
        self.guessing.confirmed.take().filter(|_| self.wire.shares())
    }

    /// Notes what a batch of values was about, once it was answered as it was asked: the first one, or one more.
    pub(crate) fn confirm(&self, project: &str, environment: &str, asked: &[BatchService<'_>]) {
        let mut confirmed = self.guessing.confirmed.borrow_mut();
        let guess = confirmed.get_or_insert_with(|| Guess {
            project: project.to_owned(),
            environment: environment.to_owned(),
            services: Vec::new(),
            allowance: None,
        });
        guess.allowance = self.allowance.get();
        let room = MOST_SERVICES - guess.services.len();
        let services = asked.iter().map(|one| (one.service.to_owned(), one.deployment.map(str::to_owned)));
        guess.services.extend(services.take(room));
    }

    /// Sends a question, and with it what is due.
    pub(crate) fn post_with_guesses(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let mut questions = match self.guessing.due.take() {
            PrefetchDue::Nothing => Vec::new(),
            PrefetchDue::Guess(guess) => guess.after(outgoing.operation),
            PrefetchDue::Known(questions) => questions,
        };
        questions.retain(|question| question.body != outgoing.body);
        questions.truncate(AT_ONCE - 1);
        if questions.is_empty() {
            return self.post(outgoing);
        }
        let others: Vec<HttpRequest<'_>> = questions
            .iter()
            .map(|question| HttpRequest {
                operation: question.operation,
                body: &question.body,
                attempt: 1,
                ..*outgoing
            })
            .collect();
        let (result, ahead) = self.wire.post_ahead(outgoing, &others);
        let early = questions.into_iter().zip(ahead).map(|(question, ahead)| Early { question, ahead });
        self.guessing.sent.borrow_mut().extend(early);
        self.record(&result);
        result
    }

    /// The answer to a question that was asked ahead in the very same words, if it came and is one.
    pub(crate) fn guessed<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &str,
    ) -> Option<Result<ResponseData<T>, QueryError>> {
        let reply = self.early_reply(operation, body)?;
        match response::read(&reply) {
            Ok(answer) => Some(Ok(answer)),
            // The words are at fault, and would be once more.
            Err(ResponseError::Refused(refusals)) if refusals.iter().all(|refusal| is_wording_error(refusal.kind)) => {
                Some(Err(QueryError::Refused(refusals)))
            }
            Err(ResponseError::Limited { retry_after, by }) => {
                // It holds for the others as well: they are asked in their turn.
                self.call_back();
                let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, 0);
                if wait < self.remaining() {
                    self.report_wait(&error, wait);
                    self.clock.sleep(wait);
                }
                None
            }
            Err(_) => None,
        }
    }

    /// What came of the early question in these words, or of the same one that was sent after it when it was late.
    fn early_reply(&self, operation: &'static str, body: &str) -> Option<HttpResponse> {
        let early = {
            let mut sent = self.guessing.sent.borrow_mut();
            let position = sent.iter().position(|early| early.question.body == body)?;
            sent.remove(position)
        };
        let alone = self.remaining() / SHARE;
        let again = self.outgoing(operation, body, attempt_timeout(self.remaining().saturating_sub(alone)), 1);
        let (early, second) = self.wire.wait(early.ahead, alone, &again);
        self.record(&early);
        if let Some(second) = &second {
            self.record(second);
        }
        early.ok().or_else(|| second?.ok())
    }

    /// Nothing that is under way is waited for any more.
    fn call_back(&self) {
        for early in self.guessing.sent.take() {
            self.requests.set(self.requests.get() + usize::from(early.ahead.was_sent()));
        }
    }
}

fn is_wording_error(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Schema | ErrorKind::Document)
}

#[cfg(test)]
mod tests {
    use crate::io::railway::prefetch::{Guess, PendingQuery};

    fn guess(services: usize, allowance: Option<(u64, u64)>) -> Guess {
        let services = (0..services).map(|number| (format!("s{number}"), None)).collect();
        Guess { project: "p".to_owned(), environment: "e".to_owned(), services, allowance }
    }

    fn asked(operation: &'static str, allowance: Option<(u64, u64)>) -> Vec<&'static str> {
        let questions = guess(1, allowance).after(operation);
        questions.into_iter().map(|question| question.operation).collect()
    }

    #[test]
    fn many_services_are_guessed_in_batches_and_no_more_than_may_be_under_way() {
        for (services, batches) in [(20, 1), (21, 2), (50, 3), (140, 7), (200, 7)] {
            let questions = guess(services, None).after("Shape");
            assert_eq!(questions.len(), batches, "{services}");
            let staged = |question: &PendingQuery| question.body.contains("environmentStagedChanges");
            assert!(questions.iter().enumerate().all(|(index, one)| staged(one) == (index == 0)), "{services}");
        }
        let by_name: Vec<_> = guess(200, None).after("Projects").iter().map(|one| one.operation).collect();
        assert_eq!(by_name, ["Shape", "Values", "Values", "Values", "Values", "Values", "Values"]);
        assert_eq!(guess(50, Some((100, 3600))).after("Shape").len(), 1);
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
