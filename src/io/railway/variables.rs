//! The values of many services, in as few requests as Railway lets through.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::drift::system_variables::{TRACING_CREDENTIAL, is_provided};
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::railway::batch::{self, Batch, SERVICES_PER_REQUEST};
use crate::io::railway::batch_extras::ReadOptions;
use crate::io::railway::batch_extras::{Riders, is_extra_field};
use crate::io::railway::batch_response::{Maps, number};
use crate::io::railway::client::Client;
use crate::io::railway::environment::{Seal, ServiceShape, Shape};
use crate::io::railway::operations::{SharedValues, shared_values};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError, ResponseData};

/// What one service stores, or why it could not be read.
pub type StoredResult = Result<BTreeMap<String, Variable>, Error>;

/// So many services refused by themselves, and none that was not, mean that the others need not be asked.
const MOST_ALONE: usize = 2;

/// The most variables of a service. Linux starts no program with more than 2 MiB of them.
const MOST_VARIABLES: usize = 20_000;

/// The longest error of staged changes that is shown, in characters.
pub(crate) const LONGEST_ERROR: usize = 300;

/// What a batch of values came to.
#[derive(Debug)]
pub struct Read {
    /// The variables of each service, in the order of the question.
    pub stored: Vec<StoredResult>,
    /// What the running deployment of each was created with; not looked for where none runs.
    pub got: Vec<Observed<DeployedVariables>>,
    /// What is staged in the environment.
    pub staged: Observed<Option<StagedChanges>>,
}

/// The variables of these services, in their order. An error that is every service's is the whole answer's.
pub(crate) fn read(
    client: &Client<'_>,
    shape: &Shape,
    services: &[&ServiceShape],
    along: ReadOptions,
) -> Result<Read, Error> {
    let mut reading = BatchReading {
        client,
        shape,
        services,
        results: services.iter().map(|_| None).collect(),
        waiting: (0..services.len()).rev().collect(),
        most: SERVICES_PER_REQUEST,
        alone: 0,
        course: BatchProgress::First,
        riders: Riders::new(services, along),
    };
    let ended = reading.run();
    client.wire.forget_early();
    ended?;
    let results = reading.results.into_iter();
    let stored: Vec<StoredResult> =
        results.map(|result| result.expect("each service was asked for until it had a result")).collect();
    if let Some(error) = shared_error(&stored) {
        return Err(error);
    }
    let mut staged = reading.riders.staged;
    // Only now is every value known that its error may quote.
    if let Observed::Known(Some(StagedChanges { error: Some(error), .. })) = &mut staged {
        *error = client.scrubber.excerpt(error, LONGEST_ERROR);
    }
    Ok(Read { stored, got: reading.riders.got, staged })
}

/// A batch after the other, until each service has a result.
struct BatchReading<'r, 'c> {
    client: &'r Client<'c>,
    shape: &'r Shape,
    services: &'r [&'r ServiceShape],
    results: Vec<Option<StoredResult>>,
    /// The services that have no result yet, the next one last.
    waiting: Vec<usize>,
    most: usize,
    alone: usize,
    course: BatchProgress,
    riders: Riders<'r>,
}

/// How far a reading is while every batch is answered as it was asked, and that one was not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BatchProgress {
    First,
    Second,
    Later,
    Rough,
}

impl BatchReading<'_, '_> {
    fn run(&mut self) -> Result<(), Error> {
        while !self.waiting.is_empty() {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Error> {
        let size = self.most.min(self.waiting.len());
        let chunk: Vec<usize> = self.waiting.split_off(self.waiting.len() - size).into_iter().rev().collect();
        let (mut maps, refusals) = self.ask(&chunk)?;
        if maps.is_none() && self.riders.get_off(self.client, &chunk, &refusals) {
            self.waiting.extend(chunk.into_iter().rev());
            return Ok(());
        }
        let culprits = culprits(&refusals, chunk.len());
        if maps.is_none() && culprits.is_empty() {
            let explain = || self.client.explain("Values", "the variables of its services", &refusals);
            if !refusals.iter().all(|refusal| may_pass_when_smaller(refusal.kind)) {
                return Err(explain());
            }
            if chunk.len() > 1 {
                // Nobody is named: a smaller question may pass, or at least show who it is.
                self.most = chunk.len().div_ceil(2);
                self.waiting.extend(chunk.into_iter().rev());
                return Ok(());
            }
            self.alone += 1;
            if self.alone == MOST_ALONE && !self.results.iter().flatten().any(Result::is_ok) {
                return Err(explain());
            }
        }
        for (position, &index) in chunk.iter().enumerate() {
            let service = self.services[index];
            self.results[index] = match (culprits.get(&position), &mut maps) {
                (None, Some(maps)) => Some(stored(maps, position, service, self.client)),
                (None, None) if chunk.len() > 1 => None,
                (own, _) => {
                    let what = format!("the variables of service {}", service.service.name);
                    Some(Err(self.client.explain("Values", &what, own.unwrap_or(&refusals))))
                }
            };
        }
        let results = &self.results;
        self.waiting.extend(chunk.into_iter().rev().filter(|&index| results[index].is_none()));
        Ok(())
    }

    /// The maps, if there are any, and what Railway refused in their place or beside them.
    fn ask(&mut self, chunk: &[usize]) -> Result<(Option<Maps>, Vec<GraphqlError>), Error> {
        if self.course == BatchProgress::Second {
            // What passed for the first passes for the others, so that they need not wait for each other.
            let waiting: Vec<usize> = self.waiting.iter().rev().copied().collect();
            self.client.wire.expect_next(waiting.chunks(self.most).map(|chunk| self.batch(chunk)));
        }
        self.course = match self.course {
            BatchProgress::First => BatchProgress::Second,
            BatchProgress::Second | BatchProgress::Later => BatchProgress::Later,
            BatchProgress::Rough => BatchProgress::Rough,
        };
        let batch = self.batch(chunk);
        match self.client.query_response::<_, Maps>("Values", &batch.query, &batch.variables) {
            Ok(ResponseData { mut data, beside }) => {
                let environment = &self.shape.environment.id;
                let staged_in = data.staged_in.as_ref().unwrap_or(environment);
                self.client.require_same("environment", environment, staged_in)?;
                let of_riders =
                    |refusal: &GraphqlError| refusal.path.first().is_some_and(|alias| is_extra_field(alias));
                let (of_riders, others): (Vec<GraphqlError>, Vec<GraphqlError>) =
                    beside.into_iter().partition(of_riders);
                self.riders.arrive(self.client, chunk, &mut data, &of_riders);
                let of_nobody = |refusal: &GraphqlError| position(refusal, chunk.len()).is_none();
                let (rest, named): (Vec<GraphqlError>, Vec<GraphqlError>) = others.into_iter().partition(of_nobody);
                self.client.note_what_is_missing("Values", &rest);
                Ok((Some(data), named))
            }
            Err(QueryError::Refused(refusals)) => {
                self.course = BatchProgress::Rough;
                Ok((None, refusals))
            }
            Err(QueryError::Failed(error)) => Err(error),
        }
    }

    fn batch(&self, chunk: &[usize]) -> Batch {
        let Shape { project, environment, .. } = self.shape;
        let ride = |&index: &usize| batch::BatchService {
            service: &self.services[index].service.id,
            deployment: self.riders.deployment(index),
        };
        let services: Vec<batch::BatchService<'_>> = chunk.iter().map(ride).collect();
        batch::build(&project.id, &environment.id, &services, self.riders.requests_staged_changes())
    }
}

/// The environment's shared variables, as stored: one request. What a reference among them renders to is not told.
pub(crate) fn shared(client: &Client<'_>, shape: &Shape) -> StoredResult {
    let variables =
        shared_values::Variables { project_id: shape.project.id.clone(), environment_id: shape.environment.id.clone() };
    let data: shared_values::ResponseData = client
        .query("SharedValues", &SharedValues::build_query(variables))
        .map_err(|unanswered| client.error(unanswered, "SharedValues", "the shared variables"))?;
    let variable = |(key, value): (String, Option<Secret>)| {
        if let Some(value) = &value {
            client.scrubber.add(&key, value);
        }
        (key, as_stored(value, None, None))
    };
    Ok(data.stored.into_iter().map(variable).collect())
}

/// A value that is null is a sealed one, unless the listing has the variable as not sealed.
fn as_stored(stored: Option<Secret>, rendered: Option<Secret>, seal: Option<Seal>) -> Variable {
    match stored {
        None if seal == Some(Seal::Open) => Variable::Unavailable,
        None => Variable::Sealed,
        Some(template) if template.expose().contains("${{") => Variable::Reference { template, rendered },
        Some(value) => Variable::Plain(value),
    }
}

/// Whether a refusal that names nobody may be about the size of the question, or about one service in it.
fn may_pass_when_smaller(kind: ErrorKind) -> bool {
    kind.is_of_size() || matches!(kind, ErrorKind::Problem | ErrorKind::NotFound | ErrorKind::Other)
}

/// The error of all, if all have one and the same kind of it.
fn shared_error(results: &[StoredResult]) -> Option<Error> {
    let mut errors = results.iter().map(|result| result.as_ref().err());
    let first = errors.next()??;
    errors
        .all(|error| error.is_some_and(|error| std::mem::discriminant(error) == std::mem::discriminant(first)))
        .then(|| first.clone())
}

/// Which services of a batch the errors name, by position. A refused document names nobody.
fn culprits(refusals: &[GraphqlError], size: usize) -> BTreeMap<usize, Vec<GraphqlError>> {
    let mut named: BTreeMap<usize, Vec<GraphqlError>> = BTreeMap::new();
    for refusal in refusals.iter().filter(|refusal| !refusal.kind.is_of_size()) {
        if let Some(position) = position(refusal, size) {
            named.entry(position).or_default().push(refusal.clone());
        }
    }
    named
}

/// `stored_3` is the fourth service's.
fn position(refusal: &GraphqlError, size: usize) -> Option<usize> {
    let alias = refusal.path.first().filter(|alias| !is_extra_field(alias))?;
    number(alias).filter(|&position| position < size)
}

/// One service's variables out of its two maps.
fn stored(maps: &mut Maps, position: usize, service: &ServiceShape, client: &Client<'_>) -> StoredResult {
    let (stored, rendered) = (maps.stored.remove(&position), maps.rendered.remove(&position));
    let (Some(stored), Some(mut rendered)) = (stored, rendered) else {
        return Err(Error::InvalidResponse {
            host: client.host(),
            cause: format!("it left out the variables of service {}", service.service.name),
        });
    };
    if stored.len().max(rendered.len()) > MOST_VARIABLES {
        return Err(Error::InvalidResponse {
            host: client.host(),
            cause: format!("service {} has more than {MOST_VARIABLES} variables", service.service.name),
        });
    }
    let mut variables: BTreeMap<String, Variable> = stored
        .into_iter()
        .filter(|(key, _)| !is_provided(key) || service.variables.contains_key(key))
        .map(|(key, value)| {
            let rendered = rendered.remove(&key).flatten();
            for value in value.iter().chain(&rendered) {
                client.scrubber.add(&key, value);
            }
            let seal = service.variables.get(&key).copied();
            (key, as_stored(value, rendered, seal))
        })
        .collect();
    // What Railway sets itself is not compared, but tracing sets a credential, which a log may print.
    if let Some(Some(credential)) = rendered.get(TRACING_CREDENTIAL) {
        client.scrubber.add(TRACING_CREDENTIAL, credential);
    }
    // Railway has been seen to leave sealed variables out of the maps altogether.
    for (key, seal) in &service.variables {
        if *seal == Seal::Sealed {
            variables.entry(key.clone()).or_insert(Variable::Sealed);
        }
    }
    Ok(variables)
}
