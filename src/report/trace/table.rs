//! The table of places in a text report. Places that do not fit into its columns have two lines.

use textwrap::{Options, WordSplitter};

use crate::report::link::service_variables;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, cut, pad};
use crate::report::trace::rows::{RowUsage, TraceRow, environment_name};
use crate::report::{TraceReport, escape};

const INDENT: &str = "  ";
const GAP: usize = 2;
/// Longer names do not widen a column.
const NAME: usize = 36;
/// Longer forms are wrapped between words if the page is narrow.
const FORM: usize = 16;
/// The indentation of the line below a place that does not fit.
const FORM_INDENT: usize = 6;
/// The index of the place among the pieces of a line.
const PLACE_SPAN: usize = 1;

/// The texts of one row, escaped.
struct Cells {
    place: String,
    key: String,
    form: String,
    running: &'static str,
    form_tone: Tone,
    running_tone: Tone,
    link: Option<String>,
}

/// The widths of the columns.
struct Widths {
    place: usize,
    key: usize,
    form: usize,
}

/// Writes a row for each place. The places of each of several environments are below its name.
pub(super) fn write(page: &mut TextPage<'_>, trace: &TraceReport) {
    let groups = trace.groups();
    let cells: Vec<Vec<Cells>> = groups.iter().map(|group| group.rows.iter().map(cells).collect()).collect();
    let widths = widths(page.width(), &cells);
    for (index, (group, rows)) in groups.iter().zip(&cells).enumerate() {
        if let Some(environment) = group.environment.filter(|_| trace.has_several_environments()) {
            page.gap();
            page.paragraph(&[], 2, (Tone::Strong, &environment_name(environment)));
        }
        if let (0, Some(widths)) = (index, &widths) {
            head(page, widths, &cells);
        }
        for row in rows {
            match &widths {
                Some(widths) if columns(&row.place) <= widths.place && columns(&row.key) <= widths.key => {
                    wide(page, row, widths);
                }
                _ => stacked(page, row),
            }
        }
    }
}

fn cells(row: &TraceRow<'_>) -> Cells {
    let link = row.environment.zip(row.service()).and_then(|(environment, service)| {
        service_variables(&environment.project.id, &environment.environment.id, &service.id)
    });
    Cells {
        place: escape::line(&row.place_text()).into_owned(),
        key: escape::line(row.key).into_owned(),
        form: escape::line(&row.form_text()).into_owned(),
        running: row.running_text(),
        form_tone: match row.usage {
            RowUsage::Sealed | RowUsage::OnlyRunning(_) => Tone::Warning,
            RowUsage::Stored(_) | RowUsage::Reference(_) => Tone::Plain,
        },
        running_tone: if row.running_text() == "yes" { Tone::Plain } else { Tone::Warning },
        link,
    }
}

/// Returns the widths of the columns; `None` if they do not fit.
fn widths(width: usize, cells: &[Vec<Cells>]) -> Option<Widths> {
    let widest = |head: &str, most: usize, text: fn(&Cells) -> &str| {
        let fitting = cells.iter().flatten().map(|row| columns(text(row))).filter(|&width| width <= most);
        fitting.chain([columns(head)]).max().unwrap_or(0)
    };
    let place = widest("PLACE", NAME, |row| &row.place);
    let key = widest("KEY", NAME, |row| &row.key);
    let form = widest("FORM", usize::MAX, |row| &row.form);
    let running = if has_running(cells) { GAP + widest("RUNNING", usize::MAX, |row| row.running) } else { 0 };
    let room = width.checked_sub(INDENT.len() + place + GAP + key + GAP + running)?;
    let words = cells.iter().flatten().flat_map(|row| row.form.split(' ').map(columns));
    let longest = words.filter(|&width| width <= NAME).max().unwrap_or(0);
    (room >= form.min(FORM).max(longest)).then(|| Widths { place, key, form: form.min(room) })
}

fn has_running(cells: &[Vec<Cells>]) -> bool {
    cells.iter().flatten().any(|row| !row.running.is_empty())
}

fn head(page: &mut TextPage<'_>, widths: &Widths, cells: &[Vec<Cells>]) {
    let Widths { place, key, form } = widths;
    let running = if has_running(cells) { "RUNNING" } else { "" };
    let texts = [pad("PLACE", place + GAP), pad("KEY", key + GAP), pad("FORM", form + GAP), running.to_owned()];
    page.line(&[(Tone::Strong, &format!("{INDENT}{}", texts.concat()))]);
}

fn wide(page: &mut TextPage<'_>, row: &Cells, widths: &Widths) {
    let mut lines = wrapped(&row.form, widths.form).into_iter();
    let first = pad(&lines.next().unwrap_or_default(), widths.form + GAP);
    let spans = [
        (Tone::Plain, INDENT),
        (Tone::Plain, &*row.place),
        (Tone::Plain, &*" ".repeat(widths.place - columns(&row.place) + GAP)),
        (Tone::Plain, &*pad(&row.key, widths.key + GAP)),
        (row.form_tone, &*first),
        (row.running_tone, row.running),
    ];
    page.linked(&spans, link(row));
    let indent = " ".repeat(INDENT.len() + widths.place + GAP + widths.key + GAP);
    for line in lines {
        page.line(&[(Tone::Plain, &indent), (row.form_tone, &line)]);
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Into::into).collect()
}

fn stacked(page: &mut TextPage<'_>, row: &Cells) {
    let room = page.width() - INDENT.len();
    let gap = " ".repeat(GAP);
    if columns(&row.place) + GAP + columns(&row.key) <= room {
        let spans = [(Tone::Plain, INDENT), (Tone::Plain, &*row.place), (Tone::Plain, &*gap), (Tone::Plain, &*row.key)];
        page.linked(&spans, link(row));
    } else {
        page.linked(&[(Tone::Plain, INDENT), (Tone::Plain, &cut(&row.place, room))], link(row));
        page.line(&[(Tone::Plain, INDENT), (Tone::Plain, INDENT), (Tone::Plain, &cut(&row.key, room - GAP))]);
    }
    let indent = " ".repeat(FORM_INDENT);
    let lead = [(Tone::Plain, indent.as_str())];
    let running = if row.running.is_empty() { String::new() } else { format!("running: {}", row.running) };
    let line = format!("{} · {running}", row.form);
    match running.as_str() {
        "" => page.paragraph(&lead, FORM_INDENT, (row.form_tone, &row.form)),
        _ if FORM_INDENT + columns(&line) <= page.prose() => page.line(&[lead[0], (row.form_tone, &line)]),
        _ => {
            page.paragraph(&lead, FORM_INDENT, (row.form_tone, &row.form));
            page.line(&[lead[0], (row.running_tone, &running)]);
        }
    }
}

fn link(row: &Cells) -> Option<SpanLink<'_>> {
    row.link.as_deref().map(|address| SpanLink { span: PLACE_SPAN, address })
}
