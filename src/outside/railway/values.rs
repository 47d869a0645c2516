//! The values of many services, in as few requests as Railway lets through.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;
use serde::Deserialize;

use crate::drift::system::is_provided;
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::outside::railway::answer::{Answer, Kind, Refusal};
use crate::outside::railway::batch::{self, SERVICES_PER_REQUEST};
use crate::outside::railway::client::{Client, Unanswered};
use crate::outside::railway::operation::{SharedValues, shared_values};
use crate::outside::railway::scalar::EnvironmentVariables;
use crate::outside::railway::shape::{Seal, ServiceShape, Shape};

/// What one service stores, or why it could not be read.
pub type Stored = Result<BTreeMap<String, Variable>, Error>;

/// So many services refused by themselves, and none that was not, mean that the others need not be asked.
const MOST_ALONE: usize = 2;

/// `stored_0`, `rendered_0`, …; null where Railway could not answer that one alone.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Maps(BTreeMap<String, Option<EnvironmentVariables>>);

/// The variables of these services, in their order. An error that is every service's is the whole answer's.
pub(crate) fn read(client: &Client<'_>, shape: &Shape, services: &[&ServiceShape]) -> Result<Vec<Stored>, Error> {
    let mut results: Vec<Option<Stored>> = services.iter().map(|_| None).collect();
    let mut most = SERVICES_PER_REQUEST;
    let mut alone = 0;
    let mut waiting: Vec<usize> = (0..services.len()).rev().collect();
    while !waiting.is_empty() {
        let size = most.min(waiting.len());
        let chunk: Vec<usize> = waiting.split_off(waiting.len() - size).into_iter().rev().collect();
        let ids: Vec<&str> = chunk.iter().map(|&index| services[index].service.id.as_str()).collect();
        let (mut maps, refusals) = ask(client, shape, &ids)?;
        let culprits = culprits(&refusals, chunk.len());
        if maps.is_none() && culprits.is_empty() {
            if !refusals.iter().all(|refusal| may_pass_when_smaller(refusal.kind)) {
                return Err(client.explain("Values", "the variables of its services", &refusals));
            }
            if chunk.len() > 1 {
                // Nobody is named: a smaller question may pass, or at least show who it is.
                most = chunk.len().div_ceil(2);
                waiting.extend(chunk.into_iter().rev());
                continue;
            }
            alone += 1;
            if alone == MOST_ALONE && !results.iter().flatten().any(Result::is_ok) {
                return Err(client.explain("Values", "the variables of its services", &refusals));
            }
        }
        for (position, &index) in chunk.iter().enumerate() {
            results[index] = match (culprits.get(&position), &mut maps) {
                (None, Some(maps)) => Some(stored(maps, position, services[index], client)),
                (None, None) if chunk.len() > 1 => None,
                (own, _) => {
                    let what = format!("the variables of service {}", services[index].service.name);
                    Some(Err(client.explain("Values", &what, own.unwrap_or(&refusals))))
                }
            };
        }
        waiting.extend(chunk.into_iter().rev().filter(|&index| results[index].is_none()));
    }
    let results: Vec<Stored> =
        results.into_iter().map(|result| result.expect("each service was asked for until it had a result")).collect();
    match shared_error(&results) {
        Some(error) => Err(error),
        None => Ok(results),
    }
}

/// The environment's shared variables, as stored: one request. What a reference among them renders to is not told.
pub(crate) fn shared(client: &Client<'_>, shape: &Shape) -> Stored {
    let variables =
        shared_values::Variables { project_id: shape.project.id.clone(), environment_id: shape.environment.id.clone() };
    let data: shared_values::ResponseData = client
        .ask("SharedValues", &SharedValues::build_query(variables))
        .map_err(|unanswered| client.error(unanswered, "SharedValues", "the shared variables"))?;
    let variable = |(key, value): (String, Option<Secret>)| {
        if let Some(value) = &value {
            client.scrubber.learn(&key, value);
        }
        (key, as_stored(value, None))
    };
    Ok(data.stored.into_iter().map(variable).collect())
}

fn as_stored(stored: Option<Secret>, rendered: Option<Secret>) -> Variable {
    match stored {
        None => Variable::Sealed,
        Some(template) if template.reveal().contains("${{") => Variable::Reference { template, rendered },
        Some(value) => Variable::Plain(value),
    }
}

/// Whether a refusal that names nobody may be about the size of the question, or about one service in it.
fn may_pass_when_smaller(kind: Kind) -> bool {
    matches!(kind, Kind::Document | Kind::Problem | Kind::NotFound | Kind::Other)
}

/// The maps, if there are any, and what Railway refused in their place or beside them.
fn ask(client: &Client<'_>, shape: &Shape, ids: &[&str]) -> Result<(Option<Maps>, Vec<Refusal>), Error> {
    let batch = batch::build(&shape.project.id, &shape.environment.id, ids);
    match client.ask_for_answer("Values", &batch.query, &batch.variables) {
        Ok(Answer { data, beside }) => {
            let of_nobody = |refusal: &Refusal| position(refusal, ids.len()).is_none();
            let (rest, named): (Vec<Refusal>, Vec<Refusal>) = beside.into_iter().partition(of_nobody);
            client.note_what_is_missing("Values", &rest);
            Ok((Some(data), named))
        }
        Err(Unanswered::Refused(refusals)) => Ok((None, refusals)),
        Err(Unanswered::Failed(error)) => Err(error),
    }
}

/// The error of all, if all have one and the same kind of it.
fn shared_error(results: &[Stored]) -> Option<Error> {
    let mut errors = results.iter().map(|result| result.as_ref().err());
    let first = errors.next()??;
    errors
        .all(|error| error.is_some_and(|error| std::mem::discriminant(error) == std::mem::discriminant(first)))
        .then(|| first.clone())
}

/// Which services of a batch the errors name, by position. A refused document names nobody.
fn culprits(refusals: &[Refusal], size: usize) -> BTreeMap<usize, Vec<Refusal>> {
    let mut named: BTreeMap<usize, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals.iter().filter(|refusal| refusal.kind != Kind::Document) {
        if let Some(position) = position(refusal, size) {
            named.entry(position).or_default().push(refusal.clone());
        }
    }
    named
}

/// `stored_3` is the fourth service's.
fn position(refusal: &Refusal, size: usize) -> Option<usize> {
    let (_, number) = refusal.path.first()?.rsplit_once('_')?;
    number.parse().ok().filter(|&position| position < size)
}

/// One service's variables out of its two maps.
fn stored(maps: &mut Maps, position: usize, service: &ServiceShape, client: &Client<'_>) -> Stored {
    let mut take = |alias: &str| maps.0.remove(&format!("{alias}_{position}")).flatten();
    let (Some(stored), Some(mut rendered)) = (take("stored"), take("rendered")) else {
        return Err(Error::Garbled {
            host: client.host(),
            what: format!("it left out the variables of service {}", service.service.name),
        });
    };
    let mut variables: BTreeMap<String, Variable> = stored
        .into_iter()
        .filter(|(key, _)| !is_provided(key) || service.variables.contains_key(key))
        .map(|(key, value)| {
            let rendered = rendered.remove(&key).flatten();
            for value in value.iter().chain(&rendered) {
                client.scrubber.learn(&key, value);
            }
            (key, as_stored(value, rendered))
        })
        .collect();
    // Railway has been seen to leave sealed variables out of the maps altogether.
    for (key, seal) in &service.variables {
        if *seal == Seal::Sealed {
            variables.entry(key.clone()).or_insert(Variable::Sealed);
        }
    }
    Ok(variables)
}
