//! The runs that can be undone, the newest first.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::html::page;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{Format, TextOptions, Values, json, shell_command};

/// The runs in the journal.
#[derive(Debug, Default)]
pub struct History {
    /// The command that undoes a run; `None` if no run can be undone.
    pub undo: Option<Vec<String>>,
    /// One line for each run, the newest first.
    pub lines: Vec<UndoListLine>,
    /// The directory of the journal.
    pub folder: String,
    /// Where the encryption keys are; a phrase.
    pub keys: &'static str,
}

/// One run.
#[derive(Debug)]
pub struct UndoListLine {
    /// The id of the run.
    pub run: String,
    /// What it changed, by name.
    pub what: String,
    /// `project · environment`.
    pub target: String,
    /// Whether it can be undone, and from which directory.
    pub state: UndoState,
}

/// Whether a run can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoState {
    /// It can, from this directory.
    Here,
    /// It can, from another directory.
    Elsewhere(String),
    /// It was undone.
    Undone,
    /// It undid another run.
    Undo,
    /// Its record can't be read.
    Unreadable,
}

impl UndoState {
    fn name(&self) -> &'static str {
        match self {
            Self::Here | Self::Elsewhere(_) => "done",
            Self::Undone => "undone",
            Self::Undo => "undo",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Runs")]
pub(crate) struct UndoListJson<'h> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "undo"))]
    command: &'static str,
    /// The runs, the newest first.
    runs: Vec<RunForm<'h>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Run")]
struct RunForm<'h> {
    /// The id, for `doctor undo RUN`.
    run: &'h str,
    /// The project and the environment.
    target: &'h str,
    /// What the run changed, by name.
    what: &'h str,
    /// Whether it can be undone.
    #[schemars(extend("enum" = ["done", "undone", "undo", "unreadable"]))]
    state: &'static str,
    /// The directory in which it can be undone, if it is another one.
    directory: Option<&'h str>,
}

/// The formats of the list.
pub const FORMATS: &[Format] = &[Format::Text, Format::Json, Format::Html];

/// Writes the list in one of its [`FORMATS`]; other formats are written as text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(history: &History, format: Format, options: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Html => out.write_all(page(history, options).as_bytes()),
        Format::Json => {
            let runs = history.lines.iter().map(form).collect();
            let text = serde_json::to_string_pretty(&UndoListJson { schema_version: 1, command: "undo", runs })?;
            out.write_all(json::visible(&text).as_bytes())
        }
        _ => out.write_all(text(history, options).as_bytes()),
    }
}

/// Returns the text in an HTML page.
fn page(history: &History, options: &TextOptions<'_>) -> String {
    // The list contains no values.
    let plain = TextOptions {
        colour: false,
        links: false,
        width: options.width,
        detail: options.detail,
        values: Values::Shown,
        logs: options.logs,
        commands: options.commands,
    };
    let text = text(history, &plain);
    let lines: Vec<String> = text.lines().map(page::escape_html).collect();
    page::page("runs that can be undone", &format!("<pre>{}</pre>\n", lines.join("\n")))
}

fn form(line: &UndoListLine) -> RunForm<'_> {
    let directory = match &line.state {
        UndoState::Elsewhere(folder) => Some(folder.as_str()),
        _ => None,
    };
    RunForm { run: &line.run, target: &line.target, what: &line.what, state: line.state.name(), directory }
}

fn text(history: &History, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    if history.lines.is_empty() {
        page.line(&[(Tone::Plain, "No fix was recorded in the last 30 days.")]);
        return page.into_text();
    }
    for line in &history.lines {
        let (state, tone) = match &line.state {
            UndoState::Here | UndoState::Elsewhere(_) => ("", Tone::Strong),
            UndoState::Undone => ("undone  ", Tone::Faint),
            UndoState::Undo => ("", Tone::Plain),
            UndoState::Unreadable => ("unreadable  ", Tone::Warning),
        };
        page.line(&[(tone, &line.run), (Tone::Plain, "  "), (Tone::Faint, state), (Tone::Plain, &line.target)]);
        page.paragraph(&[(Tone::Plain, "  ")], 4, (Tone::Plain, &line.what));
        if let UndoState::Elsewhere(folder) = &line.state {
            page.paragraph(&[(Tone::Faint, "  in ")], 5, (Tone::Faint, folder));
        }
    }
    page.gap();
    let kept = format!("Kept for 30 days in {}, encrypted; {}.", history.folder, history.keys);
    page.paragraph(&[], 2, (Tone::Faint, &kept));
    if let Some(undo) = &history.undo {
        page.line(&[(Tone::Plain, "To undo a run:")]);
        page.line(&[(Tone::Plain, "    "), (Tone::Plain, &shell_command::line(undo))]);
    }
    page.into_text()
}
