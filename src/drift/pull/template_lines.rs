//! Decides which lines of a template are copied into a new `.env`. A template comes from the checkout, and people source
//! the file that is made from it, so no line of it may run a program or change how programs run.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::edit::sh_reader::{Quote, Role, ShCharacter, Walk, Word};
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::process_control_names::is_dangerous_name;
use crate::drift::pull::LeftReason;
use crate::drift::system_variables::is_provided;

/// The lines of a template, some of them turned into comments.
#[derive(Debug)]
pub(super) struct TemplateLines {
    pub(super) text: Secret,
    /// The keys whose own values must be quoted, because `sh` would run part of them.
    pub(super) unquoted: BTreeSet<String>,
    /// The keys whose lines are comments now, each with the reason.
    pub(super) withheld: BTreeMap<String, LeftReason>,
    /// The 1-based numbers of comments that were neither an assignment nor a comment.
    pub(super) commented: Vec<usize>,
}

/// What happens to an assignment that does not get a value from Railway.
enum AssignmentFate {
    Copied,
    /// It is copied, with its own value in quotes.
    Quoted,
    Commented(LeftReason),
}

/// A template, and what is known about its keys.
#[derive(Clone, Copy)]
pub(super) struct TemplateSource<'t> {
    /// The template with its values as written.
    pub(super) plain: &'t LocalFile,
    /// The same text as the declared loader reads it.
    pub(super) read: &'t LocalFile,
    /// The offsets of the keys that get their value from Railway.
    pub(super) written: &'t HashSet<usize>,
    /// The keys whose own values can't be quoted, each with the reason.
    pub(super) refused: &'t BTreeMap<String, String>,
}

impl TemplateSource<'_> {
    pub(super) fn lines(self) -> TemplateLines {
        let mut lines = TemplateLines {
            text: Secret::new(""),
            unquoted: BTreeSet::new(),
            withheld: BTreeMap::new(),
            commented: Vec::new(),
        };
        let (mut copied, mut commented): (Vec<&Entry>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
        for entry in &self.plain.entries {
            match self.fate(entry) {
                AssignmentFate::Copied => copied.push(entry),
                AssignmentFate::Quoted => {
                    copied.push(entry);
                    lines.unquoted.insert(entry.key.clone());
                }
                AssignmentFate::Commented(reason) => {
                    commented.push(entry.statement.clone());
                    lines.withheld.insert(entry.key.clone(), reason);
                }
            }
        }
        // Another line of the key remains.
        for entry in &copied {
            lines.withheld.remove(&entry.key);
        }
        self.write(&copied, &commented, &mut lines);
        lines
    }

    fn fate(self, entry: &Entry) -> AssignmentFate {
        if is_dangerous_name(&entry.key) && !is_provided(&entry.key) {
            return AssignmentFate::Commented(LeftReason::ProcessControl);
        }
        if self.written.contains(&entry.key_span.start) {
            return AssignmentFate::Copied;
        }
        let left = |why: &str| AssignmentFate::Commented(LeftReason::Unwritable(why.to_owned()));
        if let Some(why) = self.refused.get(&entry.key) {
            return left(why);
        }
        let text = self.plain.text().expose();
        let last = entry.line + text[entry.key_span.start..entry.span.end].matches(['\n', '\r']).count();
        if let Some(flaw) = self.plain.problems.iter().find(|flaw| (entry.line..=last).contains(&flaw.line)) {
            return left(flaw.description);
        }
        let statement = normalized(text, entry);
        let walk = Walk::through(&statement);
        let is_live = |step: &ShCharacter, start: &[&str]| {
            step.role == Role::Live && start.iter().any(|start| statement[step.at..].starts_with(start))
        };
        let runs = |step: &ShCharacter| {
            is_live(step, &["`", "$(", "$["]) || (step.role == Role::Live && is_evaluated(&statement[step.at..]))
        };
        if walk.steps.iter().any(runs) {
            return left("its value in the template contains an expansion that a shell would evaluate");
        }
        let key_start = entry.key_span.start - entry.statement.start;
        let is_word = |step: &ShCharacter| step.word.is_some_and(|word| word != Word::Export) && step.at != key_start;
        let ends_word = |step: &ShCharacter| is_live(step, &[";", "&", "|", "<", ">", "(", ")"]);
        // After a backslash, `sh` reads the next line as a part of this one, even if it is a comment.
        let continues = walk.end == Quote::None && statement.trim_end_matches(['\r', '\n']).ends_with('\\');
        let is_split = continues || walk.steps.iter().any(|step| is_word(step) || ends_word(step));
        let is_effective = || {
            let effective = self.read.entry(&entry.key);
            effective.is_some_and(|effective| effective.key_span.start == entry.key_span.start)
        };
        match is_split || walk.end != Quote::None {
            false => AssignmentFate::Copied,
            true if is_effective() => AssignmentFate::Quoted,
            true => left("a line of it in the template would be run by sh"),
        }
    }

    /// Writes the template. A line that belongs to no copied assignment is a comment.
    fn write(self, copied: &[&Entry], withheld: &[Range<usize>], lines: &mut TemplateLines) {
        let text = self.plain.text().expose();
        let mut new = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
        let copied_ranges = union(copied.iter().map(|entry| entry.statement.clone()).collect());
        let withheld = union(withheld.to_vec());
        // `sh` runs the key of `KEY = value`.
        let mut gaps: Vec<Range<usize>> = copied.iter().filter_map(|entry| gap(text, entry)).collect();
        gaps.sort_by_key(|gap| gap.start);
        let mut gaps = gaps.into_iter().peekable();
        let mut kept = 0;
        for line in PhysicalLines::of(text) {
            let content = text[line.range.clone()].trim();
            let is_withheld = overlaps(&withheld, &line.range);
            if content.is_empty() || (content.starts_with('#') && !is_withheld) {
                continue;
            }
            if is_withheld || !overlaps(&copied_ranges, &line.range) {
                while let Some(gap) = gaps.next_if(|gap| gap.start < line.range.start) {
                    new.extend([&text[kept..gap.start], "="]);
                    kept = gap.end;
                }
                new.extend([&text[kept..line.range.start], "# "]);
                kept = line.range.start;
                if !is_withheld {
                    lines.commented.push(line.number);
                }
            }
        }
        for gap in gaps {
            new.extend([&text[kept..gap.start], "="]);
            kept = gap.end;
        }
        new.push_str(&text[kept..]);
        lines.text = Secret::new(new.as_str());
    }
}

/// Returns whether the text starts with an expansion that a shell evaluates or that assigns: any but `${NAME}`, and
/// those with a default or an alternative.
fn is_evaluated(text: &str) -> bool {
    text.strip_prefix("${").is_some_and(|body| {
        let rest = body.trim_start_matches(|next: char| next.is_ascii_alphanumeric() || next == '_');
        !["}", "-", ":-", "+", ":+"].iter().any(|end| rest.starts_with(end))
    })
}

/// Returns the bytes between the key and the value if they are an `=` with whitespace.
fn gap(text: &str, entry: &Entry) -> Option<Range<usize>> {
    let range = entry.key_span.end..entry.span.start;
    text.get(range.clone())
        .is_some_and(|between| between != "=" && between.trim_matches([' ', '\t']) == "=")
        .then_some(range)
}

/// Returns the statement, without whitespace around the `=`.
fn normalized(text: &str, entry: &Entry) -> Zeroizing<String> {
    let statement = &text[entry.statement.clone()];
    let mut new = Zeroizing::new(String::with_capacity(statement.len()));
    match gap(text, entry) {
        Some(gap) => {
            new.extend([
                &text[entry.statement.start..gap.start],
                "=",
                &text[gap.end..entry.statement.end.max(gap.end)],
            ]);
        }
        None => new.push_str(statement),
    }
    new
}

/// Returns the ranges sorted, and those that overlap as one.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut union: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match union.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => union.push(range),
        }
    }
    union
}

/// Returns whether one of the sorted, separate ranges overlaps the line.
fn overlaps(ranges: &[Range<usize>], line: &Range<usize>) -> bool {
    let before = ranges.partition_point(|range| range.start < line.end);
    before > 0 && ranges[before - 1].end > line.start
}

/// A line. As for the loaders, a lone carriage return ends it, too.
struct PhysicalLine {
    number: usize,
    /// Without the line end.
    range: Range<usize>,
}

struct PhysicalLines<'t> {
    text: &'t str,
    at: usize,
    number: usize,
}

impl<'t> PhysicalLines<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, at: 0, number: 1 }
    }
}

impl Iterator for PhysicalLines<'_> {
    type Item = PhysicalLine;

    fn next(&mut self) -> Option<PhysicalLine> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let end = if rest[length..].starts_with("\r\n") { 2 } else { 1 };
        let line = PhysicalLine { number: self.number, range: self.at..self.at + length };
        (self.at, self.number) = (self.at + length + end, self.number + 1);
        Some(line)
    }
}
