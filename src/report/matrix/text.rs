//! The matrix as text, alone or in a report. Services that do not fit beside each other are continued in blocks below.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;

use crate::drift::ResourceRef;
use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::drift::model::marker::{Mark, Marker};
use crate::report::matrix::environment_pair::{counts, meaning};
use crate::report::matrix::{folded, marker, used};
use crate::report::paint::Tone;
use crate::report::text::last_lines::Notes;
use crate::report::text::page::{StyledText, TextPage};
use crate::report::text::text_width::{columns, cut, pad};
use crate::report::text::wording::{FEW, listed};
use crate::report::text::{header, last_lines};
use crate::report::{Detail, Report, TextOptions, escape, shell_command};

/// Columns between two columns of the table.
const GAP: usize = 2;
/// A service's name is truncated to this width before a new block is started.
const SERVICE: usize = 12;
/// A longer key has at least this many columns.
const KEY: usize = 12;

/// Writes the matrix as text.
pub(super) fn write(
    report: &Report,
    matrix: &Matrix,
    options: &TextOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = TextPage::new(options);
    if options.detail == Detail::Quiet {
        quiet(&mut page, report, matrix);
    } else {
        header::write(&mut page, report);
        section(&mut page, report, matrix);
        errors(&mut page, report);
        last_lines::write(&mut page, report, Notes::Listed);
        offer_check(&mut page, report);
    }
    out.write_all(page.into_text().as_bytes())
}

/// Writes the table, its legend and the number of folded keys. With `-v`, the table has the folded keys, too.
pub(crate) fn section(page: &mut TextPage<'_>, report: &Report, matrix: &Matrix) {
    let rows: Vec<&MatrixRow> = if page.is_verbose() { matrix.all().collect() } else { matrix.rows.iter().collect() };
    let markers = used(rows.iter().copied());
    if let Some(sides) = report.sides_as(str::to_owned).filter(|_| !markers.is_empty()) {
        page.gap();
        page.paragraph(&[], 2, (Tone::Plain, &sides));
    }
    table(page, report, &rows);
    legend(page, report, &markers);
    folds(page, report, matrix);
}

/// Writes what made the run fail, and the totals; nothing for a run that succeeded.
fn quiet(page: &mut TextPage<'_>, report: &Report, matrix: &Matrix) {
    if report.exit_code == 0 {
        return;
    }
    let fails = |row: &&MatrixRow| row.worst.is_some_and(|worst| report.fails(worst));
    table(page, report, &matrix.rows.iter().filter(fails).collect::<Vec<_>>());
    errors(page, report);
    last_lines::write(page, report, Notes::Listed);
}

/// The widths of the columns, and whether cells have words.
struct Layout {
    key: usize,
    services: Vec<usize>,
    words: bool,
}

fn table(page: &mut TextPage<'_>, report: &Report, rows: &[&MatrixRow]) {
    if rows.is_empty() || report.services.is_empty() {
        return;
    }
    let names: Vec<String> = report.services.iter().map(|line| escape::line(&line.service.name).into_owned()).collect();
    let (names, layout) = headings(page.width(), names, rows);
    let blocks = blocks(page.width(), &layout);
    let several = blocks.len() > 1;
    for block in blocks {
        let is_relevant = |row: &&&MatrixRow| {
            let differs_here = row.cells[block.clone()].iter().any(|cell| !cell.mark.is_quiet());
            differs_here || block.start == 0 && row.cells.iter().all(|cell| cell.mark.is_quiet())
        };
        // Of several blocks, each shows only rows with a difference in it, except with `-v`.
        let shown: Vec<&MatrixRow> =
            rows.iter().filter(|row| !several || page.is_verbose() || is_relevant(row)).copied().collect();
        page.gap();
        if several {
            let title = match block.len() {
                1 => format!("service {} of {}", block.end, names.len()),
                _ => format!("services {} to {} of {}", block.start + 1, block.end, names.len()),
            };
            page.line(&[(Tone::Faint, &title)]);
        }
        if shown.is_empty() {
            let sentence = format!("{}: nothing differs", listed(&names[block.clone()], FEW));
            page.paragraph(&[], 2, (Tone::Plain, &sentence));
            continue;
        }
        head(page, &layout, &names, &block);
        for row in shown {
            line(page, &layout, row, &block);
        }
    }
}

/// Returns the names of the services as shown. If truncation makes two names equal, the common start and end of all
/// names are removed first.
fn headings(width: usize, names: Vec<String>, rows: &[&MatrixRow]) -> (Vec<String>, Layout) {
    let whole = layout(width, &names, rows);
    let cuts: BTreeSet<String> = names.iter().zip(&whole.services).map(|(name, &width)| cut(name, width)).collect();
    if cuts.len() == names.len() {
        return (names, whole);
    }
    let common = names.iter().skip(1).fold(names[0].as_str(), |common, name| {
        let same = common.char_indices().zip(name.chars()).take_while(|((_, one), other)| one == other);
        &common[..same.last().map_or(0, |((at, one), _)| at + one.len_utf8())]
    });
    let prefix = common.rfind('-').map_or(0, |at| at + 1);
    let rest: Vec<&str> = names.iter().map(|name| &name[prefix..]).collect();
    let tail = rest.iter().skip(1).fold(rest[0], |common, name| {
        let same = common.char_indices().rev().zip(name.chars().rev()).take_while(|((_, one), other)| one == other);
        &common[same.last().map_or(common.len(), |((at, _), _)| at)..]
    });
    let suffix = tail.find('-').map_or(0, |at| tail.len() - at);
    let mark = |taken: usize| if taken > 0 { "…" } else { "" };
    let short = |name: &&str| format!("{}{}{}", mark(prefix), &name[..name.len() - suffix], mark(suffix));
    let names: Vec<String> = rest.iter().map(short).collect();
    let layout = layout(width, &names, rows);
    (names, layout)
}

/// Chooses symbols with words if all services then fit in one block, and symbols with shorter names otherwise.
fn layout(width: usize, names: &[String], rows: &[&MatrixRow]) -> Layout {
    let keys = rows.iter().map(|row| columns(&escape::line(&row.key))).max().unwrap_or(0);
    let marks = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.mark);
    let word = marks.map(|mark| columns(marker(mark).word) + 2).max().unwrap_or(0);
    let sum = |services: &[usize]| services.iter().map(|service| service + GAP).sum::<usize>();
    let key = keys.min((width / 3).max(KEY));
    let fits = |services: Vec<usize>, words| {
        (key + sum(&services) <= width).then(|| {
            // The remaining width is for the keys.
            let key = keys.min(width - sum(&services));
            Layout { key, services, words }
        })
    };
    let limited = |most: usize, least: usize| -> Vec<usize> {
        names.iter().map(|name| columns(name).min(most).max(least)).collect()
    };
    let share = (width.saturating_sub(key) / names.len().max(1)).saturating_sub(GAP);
    fits(limited(usize::MAX, word), true)
        .or_else(|| fits(limited(share.max(word), word), true))
        .or_else(|| fits(limited(share.max(SERVICE), 1), false))
        .unwrap_or_else(|| Layout { key, services: limited(SERVICE, 1), words: false })
}

/// Returns the services of each block.
fn blocks(width: usize, layout: &Layout) -> Vec<Range<usize>> {
    let (mut blocks, mut start, mut taken) = (Vec::new(), 0, layout.key);
    for (index, service) in layout.services.iter().enumerate() {
        if taken + GAP + service > width && index > start {
            blocks.push(start..index);
            (start, taken) = (index, layout.key);
        }
        taken += GAP + service;
    }
    blocks.push(start..layout.services.len());
    blocks
}

fn head(page: &mut TextPage<'_>, layout: &Layout, names: &[String], block: &Range<usize>) {
    let mut text = pad("", layout.key);
    for index in block.clone() {
        let width = layout.services[index];
        text.push_str(&" ".repeat(GAP));
        text.push_str(&pad(&cut(&names[index], width), width));
    }
    page.line(&[(Tone::Strong, &text)]);
}

fn line(page: &mut TextPage<'_>, layout: &Layout, row: &MatrixRow, block: &Range<usize>) {
    let key = pad(&cut(&escape::line(&row.key), layout.key), layout.key);
    let texts: Vec<(Tone, String)> =
        block.clone().map(|index| cell(row.cells[index], layout.words, layout.services[index])).collect();
    let gap = " ".repeat(GAP);
    let mut spans: Vec<StyledText<'_>> = vec![(Tone::Plain, &key)];
    for (tone, text) in &texts {
        spans.extend([(Tone::Plain, gap.as_str()), (*tone, text.as_str())]);
    }
    page.line(&spans);
    if !row.also.is_empty() && block.start == 0 {
        page.flow(
            &[(Tone::Faint, "    also ")],
            9,
            Tone::Plain,
            ", ",
            &row.also.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        );
    }
}

fn cell(cell: MatrixCell, words: bool, width: usize) -> (Tone, String) {
    let Marker { symbol, word, .. } = marker(cell.mark);
    let text = if words { format!("{symbol} {word}") } else { (*symbol).to_owned() };
    (tone(cell), pad(&text, width))
}

fn tone(cell: MatrixCell) -> Tone {
    match (cell.severity, cell.mark) {
        (Some(severity), _) => severity.into(),
        (None, Mark::Equal | Mark::Reference | Mark::SameValue | Mark::SameReference) => Tone::Good,
        (None, Mark::Unreadable) => Tone::Error,
        (None, _) => Tone::Faint,
    }
}

fn legend(page: &mut TextPage<'_>, report: &Report, markers: &[&Marker]) {
    if markers.is_empty() {
        return;
    }
    page.gap();
    let widest = markers.iter().map(|marker| columns(marker.word)).max().unwrap_or(0);
    for marker in markers {
        let lead = format!("  {} {}  ", marker.symbol, pad(marker.word, widest));
        page.paragraph(&[(Tone::Faint, &lead)], columns(&lead), (Tone::Faint, meaning(report, marker)));
    }
}

/// Writes the number of folded keys, and the numbers of cells by state if two environments are compared.
fn folds(page: &mut TextPage<'_>, report: &Report, matrix: &Matrix) {
    let mut phrases = folded(report, matrix);
    if let (false, Some(last)) = (page.is_verbose(), phrases.last_mut()) {
        last.push_str(if matrix.folded().count() == 1 { " (-v lists it)" } else { " (-v lists them)" });
    }
    let counts = if report.environment_pair().is_some() { counts(matrix) } else { Vec::new() };
    if !phrases.is_empty() || !counts.is_empty() {
        page.gap();
    }
    for (separator, items) in [("; ", phrases), (", ", counts)] {
        if !items.is_empty() {
            page.flow(&[], 2, Tone::Plain, separator, &items);
        }
    }
}

/// Writes the errors of services that could not be read.
fn errors(page: &mut TextPage<'_>, report: &Report) {
    for line in &report.services {
        if let Some(error) = &line.error {
            page.gap();
            page.paragraph(&[(Tone::Error, "FAIL")], 2, (Tone::Plain, &format!(" {}: {error}", line.service.name)));
        }
    }
}

/// Offers `doctor check`, which explains every mark; notes are listed only with `-v`.
fn offer_check(page: &mut TextPage<'_>, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    let services: Vec<ResourceRef> = report.services.iter().map(|line| line.service.clone()).collect();
    let has_listed = report.findings.iter().any(|finding| report.lists(finding.severity));
    let arguments: &[&str] = if has_listed { &["check"] } else { &["check", "-v"] };
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    if let Some(command) = shell_command::command(report, &arguments, &services) {
        page.line(&[(Tone::Plain, "For details, run:")]);
        page.line(&[(Tone::Plain, "    "), (Tone::Plain, &command)]);
    }
}
