//! How a run reports what it found: format, colours, values or fingerprints, where to.

use std::path::{Path, PathBuf};

use crate::cli::{self, GlobalArgs};
use crate::commands::input_files;
use crate::drift::dotenv::LocalFile;
use crate::error::Error;
use crate::io::files;
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{CommandTexts, Detail, Format, Logs, TextOptions, Values};

/// What the flags ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputRequest<'m> {
    /// `--format`.
    pub(crate) format: Format,
    /// `--output`.
    pub(crate) file: Option<&'m Path>,
    /// `--show-values` and `--show-logs`.
    pub(crate) reveal: RevealFlags,
    /// `--env-file`, which a report never replaces.
    pub(crate) env_file: &'m [PathBuf],
    /// The flags that every command has.
    pub(crate) global: &'m GlobalArgs,
}

/// What a person asks to see that is hidden otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RevealFlags {
    /// `--show-values`.
    pub(crate) values: bool,
    /// `--show-logs`.
    pub(crate) logs: bool,
}

/// How one run reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputOptions<'m> {
    /// `--format`.
    pub(crate) format: Format,
    /// `--output`.
    pub(crate) file: Option<&'m Path>,
    /// `--show-values`.
    pub(crate) shown: Reveal,
    /// `--show-logs`, or a terminal.
    pub(crate) logs: Logs,
    /// The flags that every command has.
    pub(crate) global: &'m GlobalArgs,
}

/// What stands in the place of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reveal {
    /// Fingerprints.
    Fingerprints,
    /// Nothing.
    Withheld,
    /// The values themselves.
    Values,
}

impl<'m> OutputOptions<'m> {
    /// Decides how a run reports, and refuses what it must not show and where it can't write. Values are for the eyes of one
    /// person at one terminal; a log is read by many, and kept.
    pub(crate) fn of(request: OutputRequest<'m>, world: &World<'_>) -> Result<Self, Error> {
        let OutputRequest { format, file, reveal, env_file, global } = request;
        let is_terminal = world.terminal.out != Sort::Pipe && file.is_none();
        let options = Self {
            format,
            file,
            shown: if reveal.values { Reveal::Values } else { Reveal::Fingerprints },
            logs: if reveal.logs || is_terminal { Logs::Shown } else { Logs::Counted },
            global,
        };
        let why = if !reveal.values {
            None
        } else if world.variable("CI").is_some() {
            Some("CI is set, and what CI prints is kept")
        } else if !is_terminal || format != Format::Text {
            Some("values are shown on a terminal only, as text")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Error::Flag {
                flag: "--show-values",
                value: "used here".to_owned(),
                cause: why.to_owned(),
                help: "run it without --show-values: equal values show equal fingerprints".to_owned(),
            });
        }
        options.refuse_unwritable(env_file, world)?;
        Ok(options)
    }

    /// Refuses a place for the report that must not or can't be written, before anything is done that it is to report:
    /// `--output`, and the summary that a CI system names.
    fn refuse_unwritable(&self, env_file: &[PathBuf], world: &World<'_>) -> Result<(), Error> {
        let summary = world.variable("GITHUB_STEP_SUMMARY").filter(|_| self.format == Format::Github).map(Path::new);
        if self.file.is_none() && summary.is_none() {
            return Ok(());
        }
        let inputs = input_files::of(env_file, self.global, world);
        let mut paths = self.file.into_iter().chain(summary);
        paths.try_for_each(|path| files::refuse_output(&world.folder.join(path), &inputs, &world.folder))?;
        self.file.map_or(Ok(()), |path| files::refuse_unwritable(&world.folder.join(path), &world.folder))
    }

    /// The same for a report about these files. Where others read what is written, fingerprints are left out if one of them
    /// comes from the checkout.
    pub(crate) fn about(self, files: &[LocalFile], world: &World<'_>) -> Self {
        let is_kept = world.terminal.out == Sort::Pipe || self.file.is_some() || world.variable("CI").is_some();
        let is_withheld = is_kept && files.iter().any(|file| file.is_from_checkout);
        Self { shown: if is_withheld { Reveal::Withheld } else { self.shown }, ..self }
    }

    /// How a report looks as text.
    pub(crate) fn text_options<'k>(&self, world: &'k World<'_>) -> TextOptions<'k> {
        TextOptions {
            colour: self.colour(world),
            links: self.links(world),
            detail: detail(self.global),
            values: match self.shown {
                Reveal::Fingerprints => Values::Fingerprints(&world.fingerprints),
                Reveal::Withheld => Values::Withheld,
                Reveal::Values => Values::Shown,
            },
            logs: self.logs,
            commands: self.command_texts(world),
            ..plain_text_options(world)
        }
    }

    /// Whether start commands are shown. A plan goes to standard output as text, and to standard error beside every other
    /// format.
    pub(crate) fn command_texts(&self, world: &World<'_>) -> CommandTexts {
        let is_text = self.format == Format::Text && self.file.is_none();
        let stream = if is_text { world.terminal.out } else { world.terminal.err };
        if stream == Sort::Pipe || world.variable("CI").is_some() { CommandTexts::Masked } else { CommandTexts::Shown }
    }

    /// A file gets no colour unless asked.
    fn colour(&self, world: &World<'_>) -> bool {
        match self.global.color {
            cli::ColorChoice::Auto if self.file.is_some() => false,
            _ => coloured(self.global, world),
        }
    }

    /// Only onto a terminal that understands them, and not for somebody who wants plain text. What CI prints is kept.
    fn links(&self, world: &World<'_>) -> bool {
        let is_kept = self.file.is_some() || world.variable("CI").is_some();
        world.terminal.links && !is_kept && coloured(self.global, world)
    }
}

/// Whether standard output gets colour: the flag, then the two variables that other tools heed, then the terminal.
pub(crate) fn coloured(global: &GlobalArgs, world: &World<'_>) -> bool {
    match global.color {
        cli::ColorChoice::Always => true,
        cli::ColorChoice::Never => false,
        cli::ColorChoice::Auto if world.variable("NO_COLOR").is_some() => false,
        cli::ColorChoice::Auto => {
            let forced = world.variable("CLICOLOR_FORCE").is_some_and(|force| force != "0");
            forced || world.terminal.out == Sort::Terminal
        }
    }
}

/// Without colour and with fingerprints.
pub(crate) fn plain_text_options<'k>(world: &'k World<'_>) -> TextOptions<'k> {
    TextOptions {
        colour: false,
        links: false,
        width: world.terminal.width,
        detail: Detail::Normal,
        values: Values::Fingerprints(&world.fingerprints),
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    }
}

fn detail(global: &GlobalArgs) -> Detail {
    if global.quiet {
        Detail::Quiet
    } else if global.verbose {
        Detail::Verbose
    } else {
        Detail::Normal
    }
}
