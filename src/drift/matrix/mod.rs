//! Keys down, services across: one mark for what the file, Railway and the running deployment hold.

mod cell;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::drift::engine::run_rules::Examination;
use crate::drift::matrix::cell::CellFindings;
use crate::drift::model::marker::Mark;
use crate::drift::{Severity, Survey, system_variables};

/// One key on one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixCell {
    /// What it comes to.
    pub mark: Mark,
    /// How bad that is, after `doctor.toml` had its say; `None` where it is not bad at all.
    pub severity: Option<Severity>,
}

/// One key.
#[derive(Clone, Debug)]
pub struct MatrixRow {
    /// Its name.
    pub key: String,
    /// One for each service, in the order of [`Survey::targets`].
    pub cells: Vec<MatrixCell>,
    /// The worst of what was found about the key, in its cells or otherwise.
    pub worst: Option<Severity>,
    /// Names of the rules that found something about the key which no cell shows; notes are left out.
    pub also: Vec<&'static str>,
}

/// Keys down, services across.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// The keys that have something to tell, the worst first.
    pub rows: Vec<MatrixRow>,
    /// The keys that are equal wherever they are and could be read, by name.
    pub agreeing: Vec<MatrixRow>,
    /// Those of which `doctor.toml` leaves out all that differs, by name.
    pub left_out: Vec<MatrixRow>,
    /// Those that are on no service that could be read, by name.
    pub unknown: Vec<MatrixRow>,
}

impl Matrix {
    /// Every row, folded ones last.
    pub fn all(&self) -> impl Iterator<Item = &MatrixRow> {
        self.rows.iter().chain(self.folded())
    }

    /// The rows that tell nothing new.
    pub fn folded(&self) -> impl Iterator<Item = &MatrixRow> {
        self.agreeing.iter().chain(&self.left_out).chain(&self.unknown)
    }
}

impl MatrixRow {
    /// The most telling mark.
    fn first(&self) -> Mark {
        self.cells.iter().map(|cell| cell.mark).min().unwrap_or(Mark::Absent)
    }

    fn has(&self, mark: Mark) -> bool {
        self.cells.iter().any(|cell| cell.mark == mark)
    }
}

/// The matrix of what was looked at, and of what came of it.
pub fn of(survey: &Survey, examination: &Examination) -> Matrix {
    let told = CellFindings::new(survey, &examination.findings);
    let mut matrix = Matrix::default();
    for key in keys(survey) {
        let row = row(survey, &told, key);
        let is_folded = row.cells.iter().all(|cell| folds(cell.mark)) && row.also.is_empty();
        let list = match is_folded {
            false => &mut matrix.rows,
            true if row.has(Mark::Ignored) => &mut matrix.left_out,
            true if row.has(Mark::Equal) || row.has(Mark::Reference) => &mut matrix.agreeing,
            true => &mut matrix.unknown,
        };
        list.push(row);
    }
    // Stable: rows that are alike stay in the order of their keys.
    matrix.rows.sort_by_key(|row| (Reverse(row.worst), row.first()));
    matrix
}

fn folds(mark: Mark) -> bool {
    mark.is_quiet() || matches!(mark, Mark::Ignored | Mark::Unreadable)
}

/// Every key that a file assigns for a service, a service has, or `doctor.toml` requires; system variables are nobody's.
fn keys(survey: &Survey) -> BTreeSet<&str> {
    let stacks: BTreeSet<&[usize]> = survey.targets.iter().map(|target| target.layers.as_slice()).collect();
    let layers: BTreeSet<usize> = stacks.into_iter().flatten().copied().collect();
    let local = layers.into_iter().flat_map(|layer| survey.files[layer].keys());
    let stored = survey.readable().flat_map(|target| target.stored.iter().flat_map(|stored| stored.keys()));
    let required = survey.policy.require.iter().flat_map(|require| &require.keys).map(String::as_str);
    let required = required.filter(|key| survey.targets.iter().any(|target| survey.requires(target, key)));
    let all = local.chain(stored.map(String::as_str)).chain(required);
    all.filter(|key| survey.includes_key(key) && !system_variables::is_provided(key)).collect()
}

fn row(survey: &Survey, told: &CellFindings<'_>, key: &str) -> MatrixRow {
    let cells: Vec<MatrixCell> = (0..survey.targets.len()).map(|target| told.cell(survey, target, key)).collect();
    let also = told.also(key);
    let of_cells = cells.iter().filter_map(|cell| cell.severity).max();
    MatrixRow {
        key: key.to_owned(),
        worst: of_cells.max(also.iter().map(|(severity, _)| *severity).max()),
        cells,
        also: also.into_iter().map(|(_, name)| name).collect(),
    }
}
