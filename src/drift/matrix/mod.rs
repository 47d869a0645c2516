//! A table of keys and services: each cell compares the file, Railway and the running deployment.

mod cell;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::drift::compare;
use crate::drift::engine::run_rules::Examination;
use crate::drift::matrix::cell::CellFindings;
use crate::drift::model::marker::Mark;
use crate::drift::model::rule::RuleScope;
use crate::drift::needs::template_needs;
use crate::drift::{Severity, Survey, system_variables};

/// One key on one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixCell {
    /// The result.
    pub mark: Mark,
    /// The severity after `doctor.toml` is applied; `None` if nothing is wrong.
    pub severity: Option<Severity>,
}

/// The cells of one key.
#[derive(Clone, Debug)]
pub struct MatrixRow {
    pub key: String,
    /// One cell for each service, in the order of [`Survey::targets`].
    pub cells: Vec<MatrixCell>,
    /// The worst severity of the key, in its cells or otherwise.
    pub worst: Option<Severity>,
    /// Names of the rules with findings about the key that cells don't show, without notes.
    pub also: Vec<&'static str>,
}

/// A table with a row for each key and a column for each service.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// The keys with differences and those of `--only`, the worst first.
    pub rows: Vec<MatrixRow>,
    /// The keys that are equal on every service that has them and could be read, by name.
    pub agreeing: Vec<MatrixRow>,
    /// The keys that are set on services without a file, by name.
    pub set: Vec<MatrixRow>,
    /// The keys whose differences are all ignored by `doctor.toml`, by name.
    pub left_out: Vec<MatrixRow>,
    /// The keys that are on no readable service, by name.
    pub unknown: Vec<MatrixRow>,
}

impl Matrix {
    /// Returns all rows, folded ones last.
    pub fn all(&self) -> impl Iterator<Item = &MatrixRow> {
        self.rows.iter().chain(self.folded())
    }

    /// Returns the rows without differences to show.
    pub fn folded(&self) -> impl Iterator<Item = &MatrixRow> {
        self.agreeing.iter().chain(&self.set).chain(&self.left_out).chain(&self.unknown)
    }
}

impl MatrixRow {
    /// Returns the worst mark.
    fn first(&self) -> Mark {
        self.cells.iter().map(|cell| cell.mark).min().unwrap_or(Mark::NotSet)
    }

    fn has(&self, mark: Mark) -> bool {
        self.cells.iter().any(|cell| cell.mark == mark)
    }
}

/// Creates the matrix from a survey and its findings.
pub fn of(survey: &Survey, examination: &Examination) -> Matrix {
    let findings = CellFindings::new(survey, examination);
    let mut matrix = Matrix::default();
    let scope = survey.scope();
    for key in keys(survey) {
        let row = row(survey, &findings, key);
        let is_named = !survey.only.is_empty();
        let is_folded = !is_named && row.cells.iter().all(|cell| folds(cell.mark, scope)) && row.also.is_empty();
        let list = match is_folded {
            false => &mut matrix.rows,
            true if row.has(Mark::Ignored) => &mut matrix.left_out,
            true if AGREEING.iter().any(|mark| row.has(*mark)) => &mut matrix.agreeing,
            true if row.has(Mark::Set) => &mut matrix.set,
            true => &mut matrix.unknown,
        };
        list.push(row);
    }
    // The sort is stable: equal rows stay in the order of their keys.
    matrix.rows.sort_by_key(|row| (Reverse(row.worst), row.first()));
    matrix
}

/// The marks of values that agree, or that differ as expected between two environments.
const AGREEING: [Mark; 5] =
    [Mark::Equal, Mark::Reference, Mark::SameValue, Mark::SameReference, Mark::ExpectedDifference];

fn folds(mark: Mark, scope: RuleScope) -> bool {
    let is_normal = scope == RuleScope::EnvironmentPair && mark == Mark::ExpectedDifference;
    is_normal || mark.is_quiet() || matches!(mark, Mark::Ignored | Mark::Unreadable)
}

/// Returns the keys of the rows: in two environments, those of services that both have. Otherwise, every key that a file
/// assigns for a service, a service has, or `doctor.toml` or a template declares as needed,
/// without system variables.
fn keys(survey: &Survey) -> BTreeSet<&str> {
    if survey.scope() == RuleScope::EnvironmentPair {
        return compare::keys(survey).map(|pair| pair.key).collect();
    }
    let stacks: BTreeSet<&[usize]> = survey.targets.iter().map(|target| target.layers.as_slice()).collect();
    let layers: BTreeSet<usize> = stacks.into_iter().flatten().copied().collect();
    let local = layers.into_iter().flat_map(|layer| survey.files[layer].keys());
    let stored = survey.readable().flat_map(|target| target.stored.iter().flat_map(|stored| stored.keys()));
    let required = survey.policy.require.iter().flat_map(|require| &require.keys).map(String::as_str);
    let required = required.filter(|key| survey.targets.iter().any(|target| survey.requires(target, key)));
    let needed = template_needs(survey).into_keys();
    let all = local.chain(stored.map(String::as_str)).chain(required).chain(needed);
    all.filter(|key| survey.includes_key(key) && !system_variables::is_provided(key)).collect()
}

fn row(survey: &Survey, findings: &CellFindings<'_>, key: &str) -> MatrixRow {
    let cells: Vec<MatrixCell> = (0..survey.targets.len()).map(|target| findings.cell(survey, target, key)).collect();
    let also = findings.also(key, &cells);
    let of_cells = cells.iter().filter_map(|cell| cell.severity).max();
    MatrixRow {
        key: key.to_owned(),
        worst: of_cells.max(also.values().copied().max()),
        cells,
        also: also.into_keys().collect(),
    }
}
