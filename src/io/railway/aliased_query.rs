//! Reads the same field for many items in one request, each under a numbered alias.
//!
//! If Railway rejects the request because of some items, its errors usually name them: these fail, and the others are
//! requested again. If the errors name no item, the request may be too large, or one of the items may be the reason: it
//! is halved until each half is accepted, or a single item fails.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::io::railway::batch::Batch;
use crate::io::railway::batch_response::number;
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::is_too_large;
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError};

/// A query for many items.
pub(crate) struct AliasedQuery<'q> {
    pub(crate) operation: &'static str,
    /// Builds the request for the items at these positions. The number of an alias is an index into them.
    pub(crate) build: &'q dyn Fn(&[usize]) -> Batch,
    /// Describes the item at a position, for an error.
    pub(crate) describe: &'q dyn Fn(usize) -> String,
}

/// What was read before the first error that concerns all further requests.
#[derive(Debug)]
pub struct PartialResults<T> {
    /// The result for each item, in order; `None` if it was not requested.
    pub results: Vec<Option<Result<T, Error>>>,
    /// Why the others were not requested.
    pub error: Option<Error>,
}

/// Returns whether an error concerns only what was requested, so that a request for something else may succeed.
pub fn concerns_one_item(error: &Error) -> bool {
    matches!(
        error,
        Error::Deleted { .. }
            | Error::NoPermission { .. }
            | Error::NotFound { .. }
            | Error::Railway { .. }
            | Error::SchemaMismatch { .. }
            | Error::Truncated { .. }
            | Error::TwoFactor { .. }
    )
}

/// The positions of items that are requested together.
type Chunk = Vec<usize>;

impl AliasedQuery<'_> {
    /// Reads this number of items.
    pub(crate) fn read<T: DeserializeOwned>(&self, client: &Client<'_>, count: usize) -> PartialResults<T> {
        let mut results: Vec<Option<Result<T, Error>>> = (0..count).map(|_| None).collect();
        let mut waiting: Vec<Chunk> = vec![(0..count).collect()];
        while let Some(chunk) = waiting.pop().filter(|chunk| !chunk.is_empty()) {
            match self.step(client, &chunk, &mut results) {
                Ok(further) => waiting.extend(further.into_iter().rev().filter(|chunk| !chunk.is_empty())),
                Err(error) => return PartialResults { results, error: Some(error) },
            }
        }
        PartialResults { results, error: None }
    }

    /// Requests a chunk. Returns the chunks that have to be requested again.
    fn step<T: DeserializeOwned>(
        &self,
        client: &Client<'_>,
        chunk: &[usize],
        results: &mut [Option<Result<T, Error>>],
    ) -> Result<Vec<Chunk>, Error> {
        let Batch { query, variables } = (self.build)(chunk);
        let response = client.query_response::<_, BTreeMap<String, Option<T>>>(self.operation, &query, &variables);
        let refusals = match response {
            Ok(response) => {
                client.note_what_is_missing(self.operation, &response.beside);
                let values = response.data.into_iter().filter_map(|(alias, value)| Some((number(&alias)?, value?)));
                let mut values: BTreeMap<usize, T> = values.collect();
                for (position, &item) in chunk.iter().enumerate() {
                    let value = values.remove(&position);
                    results[item] = Some(value.ok_or_else(|| self.incomplete(client, item)));
                }
                return Ok(Vec::new());
            }
            Err(QueryError::Refused(refusals)) => refusals,
            Err(QueryError::Failed(error)) if is_too_large(&error) && chunk.len() > 1 => return Ok(halves(chunk)),
            Err(QueryError::Failed(error)) => return Err(error),
        };
        self.without_rejected(client, chunk, &refusals, results)
    }

    /// Records why items were rejected. Returns the chunks that have to be requested again.
    fn without_rejected<T>(
        &self,
        client: &Client<'_>,
        chunk: &[usize],
        refusals: &[GraphqlError],
        results: &mut [Option<Result<T, Error>>],
    ) -> Result<Vec<Chunk>, Error> {
        let mut rejected: BTreeMap<usize, Vec<GraphqlError>> = BTreeMap::new();
        for refusal in refusals.iter().filter(|refusal| !refusal.kind.is_of_size()) {
            let position = refusal.path.first().and_then(|alias| number(alias));
            if let Some(&item) = position.and_then(|position| chunk.get(position)) {
                rejected.entry(item).or_default().push(refusal.clone());
            }
        }
        if rejected.is_empty() {
            return self.without_names(client, chunk, refusals, results);
        }
        for (&item, errors) in &rejected {
            let error = client.explain(self.operation, &(self.describe)(item), errors);
            if !concerns_one_item(&error) {
                return Err(error);
            }
            results[item] = Some(Err(error));
        }
        Ok(vec![chunk.iter().copied().filter(|item| !rejected.contains_key(item)).collect()])
    }

    /// Handles errors that name no item.
    fn without_names<T>(
        &self,
        client: &Client<'_>,
        chunk: &[usize],
        refusals: &[GraphqlError],
        results: &mut [Option<Result<T, Error>>],
    ) -> Result<Vec<Chunk>, Error> {
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        let explain = || client.explain(self.operation, &self.described(chunk), refusals);
        // Railway has the same text for an invalid token.
        if has(ErrorKind::NotAuthorized) || has(ErrorKind::ProjectTokenNotFound) || has(ErrorKind::TwoFactor) {
            return Err(explain());
        }
        if chunk.len() > 1 && !has(ErrorKind::Schema) {
            return Ok(halves(chunk));
        }
        let error = explain();
        if !concerns_one_item(&error) {
            return Err(error);
        }
        for &item in chunk {
            results[item] = Some(Err(error.clone()));
        }
        Ok(Vec::new())
    }

    fn described(&self, chunk: &[usize]) -> String {
        match chunk {
            [only] => (self.describe)(*only),
            [first, others @ ..] => format!("{} and {} others", (self.describe)(*first), others.len()),
            [] => String::new(),
        }
    }

    fn incomplete(&self, client: &Client<'_>, item: usize) -> Error {
        let cause = format!("the response lacks {}", (self.describe)(item));
        Error::InvalidResponse { host: client.host(), cause }
    }
}

fn halves(chunk: &[usize]) -> Vec<Chunk> {
    let (first, second) = chunk.split_at(chunk.len().div_ceil(2));
    vec![first.to_vec(), second.to_vec()]
}
