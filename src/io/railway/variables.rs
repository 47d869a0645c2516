//! Reads the variables of many services, in as few requests as Railway accepts.
//!
//! A request has the variables of [`SERVICES_PER_REQUEST`] services of an environment, or of
//! [`SERVICES_OF_SEVERAL_PER_REQUEST`] services of several environments, or more if there are many (see
//! `prefetch::remembered_ids`). It has those of [`SERVICES_WITH_RUNNING_PER_REQUEST`] services of several projects.
//!
//! If Railway rejects a request, the errors usually name the services that they are about: these fail, and the others
//! are requested again. If the errors name no service, the batch may be too large, or it may contain a service that
//! Railway can't read: it is made smaller until it is accepted, or a single service fails.

use std::collections::BTreeMap;

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::drift::system_variables::PUBLIC_ADDRESSES;
use crate::drift::{ResourceRef, Secret, Variable};
use crate::error::Error;
use crate::io::railway::aliased_query::concerns_one_item;
use crate::io::railway::batch::{
    self, ReadOptions, SERVICES_OF_SEVERAL_PER_REQUEST, SERVICES_PER_REQUEST, SERVICES_WITH_RUNNING_PER_REQUEST,
};
use crate::io::railway::batch_extras::{BatchExtras, is_extra_field};
use crate::io::railway::batch_response::{Maps, number};
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::is_too_large;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError, ResponseData};
use crate::io::railway::stored_variables::merged;

/// The variables of a service, or the reason why they could not be read.
pub type StoredResult = Result<BTreeMap<String, Variable>, Error>;

/// After this many services were rejected in single requests while none has succeeded, the others are not requested.
const MOST_ALONE: usize = 2;

/// The maximum number of variables of a service. Linux does not start a program with more than 2 MiB of them.
const MOST_VARIABLES: usize = 20_000;

/// The maximum length of a shown error of staged changes, in characters.
pub(crate) const LONGEST_ERROR: usize = 300;

/// The result of reading the variables of services.
#[derive(Debug)]
pub struct Read {
    /// The variables of each service, in the requested order.
    pub stored: Vec<StoredResult>,
    /// The variables of each running deployment; not requested if none is running.
    pub got: Vec<Observed<DeployedVariables>>,
    /// The staged changes of the environment.
    pub staged: Observed<Option<StagedChanges>>,
    /// The shared variables of the environment.
    pub shared: Observed<BTreeMap<String, Variable>>,
}

/// The result of reading the variables of services of several projects, as far as it was possible.
#[derive(Debug)]
pub struct PartialRead {
    /// The variables of each service, in the requested order; `None` if they were not requested.
    pub stored: Vec<Option<StoredResult>>,
    /// The variables of each running deployment; not requested if none is running.
    pub got: Vec<Observed<DeployedVariables>>,
    /// Why the others were not requested.
    pub error: Option<Error>,
}

/// A service in one of several environments.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentService<'s> {
    /// The project of its environment.
    pub project: &'s ResourceRef,
    /// Its environment.
    pub environment: &'s ResourceRef,
    /// The service in that environment.
    pub service: &'s ServiceShape,
}

/// Where the services of a reading are. The caller names what they have in common in its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadingScope {
    Environment,
    Project,
    SeveralProjects,
}

impl ReadingScope {
    /// Returns the maximum number of services per request if the values of this many are read.
    fn services_per_request(self, client: &Client<'_>, services: usize) -> usize {
        match self {
            Self::Environment => client.transport.services_per_request(services, SERVICES_PER_REQUEST),
            Self::Project => client.transport.services_per_request(services, SERVICES_OF_SEVERAL_PER_REQUEST),
            Self::SeveralProjects => SERVICES_WITH_RUNNING_PER_REQUEST,
        }
    }

    /// Returns the rendered system variables that are kept: the public addresses of the services of a project, because
    /// another environment may lead to them.
    fn kept_addresses(self) -> &'static [&'static str] {
        if self == Self::Project { &PUBLIC_ADDRESSES } else { &[] }
    }
}

/// Reads the variables of these services, in order. If all services fail with the same error, returns that error.
pub(crate) fn read(
    client: &Client<'_>,
    shape: &Shape,
    services: &[&ServiceShape],
    along: ReadOptions,
) -> Result<Read, Error> {
    let (project, environment) = (&shape.project, &shape.environment);
    let entries = services.iter().map(|&service| EnvironmentService { project, environment, service });
    let entries: Vec<EnvironmentService<'_>> = entries.collect();
    let extras = BatchExtras::new(services.iter().copied(), along);
    BatchReading::new(client, &entries, extras, ReadingScope::Environment).finish()
}

/// Reads the variables of services of several environments of a project, in order, with the public addresses of the
/// services, because another environment may lead to them.
pub(crate) fn read_several(
    client: &Client<'_>,
    services: &[EnvironmentService<'_>],
) -> Result<Vec<StoredResult>, Error> {
    let extras = BatchExtras::new(services.iter().map(|entry| entry.service), ReadOptions::Nothing);
    Ok(BatchReading::new(client, services, extras, ReadingScope::Project).finish()?.stored)
}

/// Reads the variables of services of several projects and those of their running deployments, in order, until an error
/// concerns all further requests. The requests are sent one at a time, so that many of them do not exceed a rate limit
/// per second.
pub(crate) fn read_of_projects(client: &Client<'_>, services: &[EnvironmentService<'_>]) -> PartialRead {
    let extras = BatchExtras::new(services.iter().map(|entry| entry.service), ReadOptions::Snapshots);
    let mut reading = BatchReading::new(client, services, extras, ReadingScope::SeveralProjects);
    reading.progress = BatchProgress::Sequential;
    let error = reading.run().err();
    PartialRead { stored: reading.results, got: reading.extras.got, error }
}

/// Sends batches until each service has a result.
struct BatchReading<'r, 'c> {
    client: &'r Client<'c>,
    services: &'r [EnvironmentService<'r>],
    scope: ReadingScope,
    results: Vec<Option<StoredResult>>,
    /// The services without a result; the last one is next.
    waiting: Vec<usize>,
    /// The maximum number of services per batch.
    most: usize,
    /// The number of services that were rejected in single requests.
    alone: usize,
    progress: BatchProgress,
    extras: BatchExtras<'r>,
}

/// How the next batch is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BatchProgress {
    /// Alone: few requests are allowed, or a larger batch was rejected. The others follow if it is accepted.
    Alone,
    /// Together with the others.
    Together,
    /// After it was sent together with others.
    Sent,
    /// Alone, and so are the others: one was rejected for another reason than its size, or only one may be in flight.
    Sequential,
}

impl BatchProgress {
    /// Returns how the first batch is sent. If Railway rejects it, it will most likely reject the others.
    fn first(client: &Client<'_>) -> Self {
        if client.transport.has_small_allowance() { Self::Alone } else { Self::Together }
    }
}

impl<'r, 'c> BatchReading<'r, 'c> {
    fn new(
        client: &'r Client<'c>,
        services: &'r [EnvironmentService<'r>],
        extras: BatchExtras<'r>,
        scope: ReadingScope,
    ) -> Self {
        Self {
            client,
            services,
            scope,
            results: services.iter().map(|_| None).collect(),
            waiting: (0..services.len()).rev().collect(),
            most: scope.services_per_request(client, services.len()),
            alone: 0,
            progress: BatchProgress::first(client),
            extras,
        }
    }

    /// Sends all batches, and returns the results.
    fn finish(mut self) -> Result<Read, Error> {
        let outcome = self.run();
        let client = self.client;
        client.transport.forget_early();
        outcome?;
        let results = self.results.into_iter();
        let stored: Vec<StoredResult> =
            results.map(|result| result.expect("each service is requested until it has a result")).collect();
        if let Some(error) = shared_error(&stored) {
            return Err(error);
        }
        let mut staged = self.extras.staged;
        // Redacted last, because its error may quote any of the values above.
        if let Observed::Known(Some(StagedChanges { error: Some(error), .. })) = &mut staged {
            *error = client.redactor.excerpt(error, LONGEST_ERROR);
        }
        Ok(Read { stored, got: self.extras.got, staged, shared: self.extras.shared })
    }

    fn run(&mut self) -> Result<(), Error> {
        while !self.waiting.is_empty() {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Error> {
        let size = self.most.min(self.waiting.len());
        let chunk: Vec<usize> = self.waiting.split_off(self.waiting.len() - size).into_iter().rev().collect();
        let (mut maps, refusals) = self.request(&chunk)?;
        if maps.is_none() && self.extras.drop_rejected(self.client, &chunk, &refusals) {
            self.waiting.extend(chunk.into_iter().rev());
            return Ok(());
        }
        let culprits = self.culprits(&refusals, &chunk);
        if maps.is_none() && culprits.is_empty() {
            let explain = || self.client.explain("Values", "the variables of the services", &refusals);
            if !refusals.iter().all(|refusal| may_pass_when_smaller(refusal.kind)) {
                return Err(explain());
            }
            if chunk.len() > 1 {
                // The errors name no service: a smaller batch may succeed, or narrow down the cause.
                self.most = smaller(chunk.len());
                if is_of_size(&refusals) {
                    self.client.transport.limit_batches(self.most);
                }
                self.waiting.extend(chunk.into_iter().rev());
                return Ok(());
            }
            self.alone += 1;
            if self.alone == MOST_ALONE && !self.results.iter().flatten().any(Result::is_ok) {
                return Err(explain());
            }
        }
        for (position, &index) in chunk.iter().enumerate() {
            self.results[index] = match (culprits.get(&position), &mut maps) {
                (None, Some(maps)) => Some(self.stored(maps, position, index)),
                (None, None) if chunk.len() > 1 => None,
                (errors, _) => Some(Err(self.rejection(index, errors.unwrap_or(&refusals))?)),
            };
        }
        let results = &self.results;
        self.waiting.extend(chunk.into_iter().rev().filter(|&index| results[index].is_none()));
        Ok(())
    }

    /// Returns the error of a rejected service; `Err` if the further requests for other projects would fail, too.
    fn rejection(&self, index: usize, refusals: &[GraphqlError]) -> Result<Error, Error> {
        let what = format!("the variables of service {}", self.name(index));
        let error = self.client.explain("Values", &what, refusals);
        let is_final = self.scope == ReadingScope::SeveralProjects && !concerns_one_item(&error);
        if is_final { Err(error) } else { Ok(error) }
    }

    /// Groups the errors by the position of the service that they are about. If services of several projects are read,
    /// missing access to one of them is missing access to its whole environment, of which Railway names only one
    /// service.
    fn culprits(&self, refusals: &[GraphqlError], chunk: &[usize]) -> BTreeMap<usize, Vec<GraphqlError>> {
        let mut named = culprits(refusals, chunk.len());
        if self.scope != ReadingScope::SeveralProjects {
            return named;
        }
        let environment = |position: usize| &self.services[chunk[position]].environment.id;
        let is_denied = |errors: &[GraphqlError]| errors.iter().any(|refusal| refusal.kind == ErrorKind::NotAuthorized);
        for position in 0..chunk.len() {
            let mut others = named.iter().filter(|(_, errors)| is_denied(errors));
            let denial = others.find(|(other, _)| environment(**other) == environment(position));
            if let Some(errors) = denial.map(|(_, errors)| errors.clone()) {
                named.entry(position).or_insert(errors);
            }
        }
        named
    }

    /// Sends a batch. Returns its data, if there is any, and the errors about services.
    fn request(&mut self, chunk: &[usize]) -> Result<(Option<Maps>, Vec<GraphqlError>), Error> {
        if self.progress == BatchProgress::Together {
            let waiting: Vec<usize> = self.waiting.iter().rev().copied().collect();
            // Only the first batch has the fields of the environment.
            let others = waiting.chunks(self.most).map(|chunk| batch::build(&self.services(chunk), &[]));
            self.client.transport.expect_next(others);
        }
        self.progress = match self.progress {
            BatchProgress::Alone => BatchProgress::Together,
            BatchProgress::Together | BatchProgress::Sent => BatchProgress::Sent,
            BatchProgress::Sequential => BatchProgress::Sequential,
        };
        let services = self.services(chunk);
        let batch = batch::build(&services, &self.extras.environment_fields());
        let refusals = match self.client.query_response("Values", &batch.query, &batch.variables) {
            Ok(response) => {
                self.client.transport.confirm(&services);
                return self.record(chunk, response);
            }
            Err(QueryError::Refused(refusals)) => refusals,
            Err(QueryError::Failed(error)) if chunk.len() > 1 && is_too_large(&error) => {
                vec![GraphqlError::too_large()]
            }
            Err(QueryError::Failed(error)) => return Err(error),
        };
        if !is_of_size(&refusals) {
            self.client.transport.stop_confirming();
            self.progress = BatchProgress::Sequential;
        } else if self.progress != BatchProgress::Sequential {
            self.progress = BatchProgress::Alone;
        }
        Ok((None, refusals))
    }

    /// Records the extra fields of a response. Returns the data, and the errors about services.
    fn record(
        &mut self,
        chunk: &[usize],
        response: ResponseData<Maps>,
    ) -> Result<(Option<Maps>, Vec<GraphqlError>), Error> {
        let ResponseData { mut data, beside } = response;
        // The extra fields are requested for the environment of the first service.
        let environment = &self.services[chunk[0]].environment.id;
        let staged_in = data.staged_in.as_ref().unwrap_or(environment);
        self.client.require_same("environment", environment, staged_in)?;
        let is_about_extras = |refusal: &GraphqlError| refusal.path.first().is_some_and(|alias| is_extra_field(alias));
        let (about_extras, others): (Vec<GraphqlError>, Vec<GraphqlError>) =
            beside.into_iter().partition(is_about_extras);
        self.extras.record(self.client, chunk, &mut data, &about_extras);
        let is_unspecific = |refusal: &GraphqlError| position(refusal, chunk.len()).is_none();
        let (rest, named): (Vec<GraphqlError>, Vec<GraphqlError>) = others.into_iter().partition(is_unspecific);
        self.client.note_what_is_missing("Values", &rest);
        Ok((Some(data), named))
    }

    fn services(&self, chunk: &[usize]) -> Vec<batch::BatchService<'r>> {
        let entry = |&index: &usize| batch::BatchService {
            project: &self.services[index].project.id,
            environment: &self.services[index].environment.id,
            service: &self.services[index].service.service.id,
            deployment: self.extras.deployment(index),
        };
        chunk.iter().map(entry).collect()
    }

    /// Returns the name of a service for an error.
    fn name(&self, index: usize) -> String {
        let EnvironmentService { project, environment, service } = self.services[index];
        let (project, environment, service) = (&project.name, &environment.name, &service.service.name);
        match self.scope {
            ReadingScope::Environment => service.clone(),
            ReadingScope::Project => format!("{service} in {environment}"),
            ReadingScope::SeveralProjects => format!("{service} in {environment} of project {project}"),
        }
    }

    /// Takes the variables of a service out of a response.
    fn stored(&self, maps: &mut Maps, position: usize, index: usize) -> StoredResult {
        let invalid = |cause| Error::InvalidResponse { host: self.client.host(), cause };
        let (stored, rendered) = (maps.stored.remove(&position), maps.rendered.remove(&position));
        let (Some(stored), Some(rendered)) = (stored, rendered) else {
            return Err(invalid(format!("the response lacks the variables of service {}", self.name(index))));
        };
        if stored.len().max(rendered.len()) > MOST_VARIABLES {
            return Err(invalid(format!("service {} has more than {MOST_VARIABLES} variables", self.name(index))));
        }
        let addresses = self.scope.kept_addresses().iter();
        let addresses = addresses.filter_map(|key| Some((*key, rendered.get(*key)?.clone()?)));
        let addresses: Vec<(&str, Secret)> = addresses.collect();
        let mut variables = merged(self.client, self.services[index].service, stored, rendered);
        for (key, address) in addresses {
            variables.entry(key.to_owned()).or_insert(Variable::Plain(address));
        }
        Ok(variables)
    }
}

/// Returns whether an error that names no service may be about the size of the batch, or about one service in it.
fn may_pass_when_smaller(kind: ErrorKind) -> bool {
    kind.is_of_size() || matches!(kind, ErrorKind::Problem | ErrorKind::NotFound | ErrorKind::Other)
}

/// Returns whether the batch may only have been too large.
fn is_of_size(refusals: &[GraphqlError]) -> bool {
    refusals.iter().all(|refusal| refusal.kind.is_of_size())
}

/// Returns the number of services in the batches after one of `size` was rejected: twenty, which is the usual number, or
/// half of it.
fn smaller(size: usize) -> usize {
    if size > SERVICES_PER_REQUEST { SERVICES_PER_REQUEST } else { size.div_ceil(2) }
}

/// Returns the first error, if all services have an error of the same kind.
fn shared_error(results: &[StoredResult]) -> Option<Error> {
    let mut errors = results.iter().map(|result| result.as_ref().err());
    let first = errors.next()??;
    errors
        .all(|error| error.is_some_and(|error| std::mem::discriminant(error) == std::mem::discriminant(first)))
        .then(|| first.clone())
}

/// Groups the errors by the position of the service that they name. An error about the document's size names none.
fn culprits(refusals: &[GraphqlError], size: usize) -> BTreeMap<usize, Vec<GraphqlError>> {
    let mut named: BTreeMap<usize, Vec<GraphqlError>> = BTreeMap::new();
    for refusal in refusals.iter().filter(|refusal| !refusal.kind.is_of_size()) {
        if let Some(position) = position(refusal, size) {
            named.entry(position).or_default().push(refusal.clone());
        }
    }
    named
}

/// Returns the position of the service that an error names: 3 for `stored_3`.
fn position(refusal: &GraphqlError, size: usize) -> Option<usize> {
    let alias = refusal.path.first().filter(|alias| !is_extra_field(alias))?;
    number(alias).filter(|&position| position < size)
}
