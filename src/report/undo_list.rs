//! The runs that can be undone, the newest first.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::html::page;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{Format, TextOptions, Values, json, shell_command};

/// Every run of the journal.
#[derive(Debug, Default)]
pub struct History {
    /// How this run was called.
    pub program: Vec<String>,
    /// One line for each run.
    pub lines: Vec<UndoListLine>,
    /// The folder that they are kept in.
    pub folder: String,
    /// Where the keys to them are.
    pub keys: &'static str,
}

/// One run.
#[derive(Debug)]
pub struct UndoListLine {
    /// Its name.
    pub run: String,
    /// What it changed; names only.
    pub what: String,
    /// `project · environment`.
    pub target: String,
    /// Whether it can be undone, and from where.
    pub state: UndoState,
}

/// Whether a run can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoState {
    /// It can, and was made in this folder.
    Here,
    /// It can, and was made in that folder.
    Elsewhere(String),
    /// It was undone already.
    Undone,
    /// It undid another one.
    Undoing,
    /// Its record can't be read.
    Unreadable,
}

impl UndoState {
    fn name(&self) -> &'static str {
        match self {
            Self::Here | Self::Elsewhere(_) => "done",
            Self::Undone => "undone",
            Self::Undoing => "undo",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Runs")]
pub(crate) struct UndoListJson<'h> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "undo"))]
    command: &'static str,
    runs: Vec<RunForm<'h>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Run")]
struct RunForm<'h> {
    run: &'h str,
    target: &'h str,
    what: &'h str,
    #[schemars(extend("enum" = ["done", "undone", "undo", "unreadable"]))]
    state: &'static str,
    folder: Option<&'h str>,
}

/// The formats that a list of runs has.
pub const FORMATS: &[Format] = &[Format::Text, Format::Json, Format::Html];

/// Writes the list in one of its [`FORMATS`]; any other is text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(history: &History, format: Format, look: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Html => out.write_all(page(history, look).as_bytes()),
        Format::Json => {
            let runs = history.lines.iter().map(form).collect();
            let text = serde_json::to_string_pretty(&UndoListJson { schema_version: 1, command: "undo", runs })?;
            out.write_all(json::visible(&text).as_bytes())
        }
        _ => out.write_all(text(history, look).as_bytes()),
    }
}

/// The text, on a page.
fn page(history: &History, look: &TextOptions<'_>) -> String {
    // There is no value in it that either way would be shown.
    let plain = TextOptions {
        colour: false,
        links: false,
        width: look.width,
        detail: look.detail,
        values: Values::Shown,
        logs: look.logs,
        commands: look.commands,
    };
    let text = text(history, &plain);
    let lines: Vec<String> = text.lines().map(page::harmless).collect();
    page::page("runs that can be undone", &format!("<pre>{}</pre>\n", lines.join("\n")))
}

fn form(line: &UndoListLine) -> RunForm<'_> {
    let folder = match &line.state {
        UndoState::Elsewhere(folder) => Some(folder.as_str()),
        _ => None,
    };
    RunForm { run: &line.run, target: &line.target, what: &line.what, state: line.state.name(), folder }
}

fn text(history: &History, look: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(look);
    if history.lines.is_empty() {
        page.line(&[(Tone::Plain, "No fix was recorded in the last 30 days.")]);
        return page.into_text();
    }
    for line in &history.lines {
        let (word, tone) = match &line.state {
            UndoState::Here | UndoState::Elsewhere(_) => ("", Tone::Strong),
            UndoState::Undone => ("undone  ", Tone::Faint),
            UndoState::Undoing => ("", Tone::Plain),
            UndoState::Unreadable => ("unreadable  ", Tone::Warning),
        };
        page.line(&[(tone, &line.run), (Tone::Plain, "  "), (Tone::Faint, word), (Tone::Plain, &line.target)]);
        page.paragraph(&[(Tone::Plain, "  ")], 4, (Tone::Plain, &line.what));
        if let UndoState::Elsewhere(folder) = &line.state {
            page.paragraph(&[(Tone::Faint, "  in ")], 5, (Tone::Faint, folder));
        }
    }
    page.gap();
    let kept = format!("Kept for 30 days in {}, encrypted; {}.", history.folder, history.keys);
    page.paragraph(&[], 2, (Tone::Faint, &kept));
    let example = history.lines.iter().find(|line| matches!(line.state, UndoState::Here | UndoState::Elsewhere(_)));
    if let Some(line) = example {
        let words = [history.program.clone(), vec!["undo".to_owned(), line.run.clone()]].concat();
        page.line(&[(Tone::Faint, "  next  "), (Tone::Plain, &shell_command::line(&words))]);
    }
    page.into_text()
}
