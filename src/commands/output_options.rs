//! How a run reports: format, destination, colour, and values or fingerprints.

use std::path::{Path, PathBuf};

use crate::cli::{self, GlobalArgs};
use crate::commands::input_files;
use crate::drift::dotenv::{CheckoutSource, LocalFile};
use crate::error::Error;
use crate::io::files;
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::{CommandTexts, Detail, Format, Logs, TextOptions, Values};

/// The output flags of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputRequest<'m> {
    /// `--format`.
    pub(crate) format: Format,
    /// `--output`.
    pub(crate) file: Option<&'m Path>,
    /// `--show-values` and `--show-logs`.
    pub(crate) reveal: RevealFlags,
    /// `--env-file` and `--baseline`, which a report never replaces.
    pub(crate) inputs: &'m [PathBuf],
    /// The global flags.
    pub(crate) global: &'m GlobalArgs,
}

/// The flags that reveal what is redacted otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RevealFlags {
    /// `--show-values`.
    pub(crate) values: bool,
    /// `--show-logs`.
    pub(crate) logs: bool,
}

/// The output settings of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputOptions<'m> {
    /// `--format`.
    pub(crate) format: Format,
    /// `--output`.
    pub(crate) file: Option<&'m Path>,
    /// `--show-values`.
    pub(crate) shown: Reveal,
    /// Shown with `--show-logs`, or in a terminal.
    pub(crate) logs: Logs,
    /// The global flags.
    pub(crate) global: &'m GlobalArgs,
}

/// What is printed for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reveal {
    Fingerprints,
    /// Nothing.
    Redacted(CheckoutSource),
    /// The value itself.
    Values,
}

impl<'m> OutputOptions<'m> {
    /// Resolves the output flags. Refuses files that can't be written, and `--show-values` without a terminal: logs are
    /// kept, and read by many people.
    pub(crate) fn of(request: OutputRequest<'m>, world: &World<'_>) -> Result<Self, Error> {
        let OutputRequest { format, file, reveal, inputs, global } = request;
        let is_terminal = world.terminal.out != StreamKind::Pipe && file.is_none();
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
            Some("CI is set, and CI logs are kept")
        } else if !is_terminal || format != Format::Text {
            Some("values are shown only in a terminal, in text format")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Error::Usage {
                what: "--show-values is not available here".to_owned(),
                cause: Some(why.to_owned()),
                help: "remove --show-values; equal values have equal fingerprints".into(),
            });
        }
        options.refuse_unwritable(inputs, world)?;
        Ok(options)
    }

    /// Refuses an output file that must not or can't be written, before the run does any work: `--output`, and the step
    /// summary of GitHub Actions.
    fn refuse_unwritable(&self, inputs: &[PathBuf], world: &World<'_>) -> Result<(), Error> {
        let summary = world.variable("GITHUB_STEP_SUMMARY").filter(|_| self.format == Format::Github).map(Path::new);
        if self.file.is_none() && summary.is_none() {
            return Ok(());
        }
        let inputs = input_files::of(inputs, self.global, world);
        let mut paths = self.file.into_iter().chain(summary);
        paths.try_for_each(|path| files::refuse_output(&world.directory.join(path), &inputs, &world.directory))?;
        self.file.map_or(Ok(()), |path| files::refuse_unwritable(&world.directory.join(path), &world.directory))
    }

    /// Returns the settings for a report about these files. Output that is kept has no fingerprints if a file comes
    /// from the checkout.
    pub(crate) fn about(self, files: &[LocalFile], world: &World<'_>) -> Self {
        let is_kept = world.terminal.out == StreamKind::Pipe || self.file.is_some() || world.variable("CI").is_some();
        let source = files.iter().filter(|_| is_kept).find_map(|file| file.from_checkout);
        Self { shown: source.map_or(self.shown, Reveal::Redacted), ..self }
    }

    /// Returns the detail of the report. Only text has more with `-v`.
    pub(crate) fn detail(&self) -> Detail {
        if self.format == Format::Text { detail(self.global) } else { Detail::Normal }
    }

    /// Returns the options of the text report.
    pub(crate) fn text_options<'k>(&self, world: &'k World<'_>) -> TextOptions<'k> {
        TextOptions {
            colour: self.colour(world),
            links: self.links(world),
            detail: detail(self.global),
            values: match self.shown {
                Reveal::Fingerprints => Values::Fingerprints(&world.fingerprints),
                Reveal::Redacted(source) => Values::Redacted(source),
                Reveal::Values => Values::Shown,
            },
            logs: self.logs,
            commands: self.command_texts(world),
            ..plain_text_options(world)
        }
    }

    /// Returns whether start commands are shown. The plan goes to standard output in text format, and to standard error
    /// in all other formats.
    pub(crate) fn command_texts(&self, world: &World<'_>) -> CommandTexts {
        let is_text = self.format == Format::Text && self.file.is_none();
        let stream = if is_text { world.terminal.out } else { world.terminal.err };
        if stream == StreamKind::Pipe || world.variable("CI").is_some() {
            CommandTexts::Masked
        } else {
            CommandTexts::Shown
        }
    }

    /// A file gets colour only with `--color=always`.
    fn colour(&self, world: &World<'_>) -> bool {
        match self.global.color {
            cli::ColorChoice::Auto if self.file.is_some() => false,
            _ => coloured(self.global, world),
        }
    }

    /// Links are for terminals that support them, but not for plain text or for CI logs, which are kept.
    fn links(&self, world: &World<'_>) -> bool {
        let is_kept = self.file.is_some() || world.variable("CI").is_some();
        world.terminal.links && !is_kept && coloured(self.global, world)
    }
}

/// Returns whether standard output gets colour: by `--color`, else `NO_COLOR` and `CLICOLOR_FORCE`, else in a terminal.
pub(crate) fn coloured(global: &GlobalArgs, world: &World<'_>) -> bool {
    match global.color {
        cli::ColorChoice::Always => true,
        cli::ColorChoice::Never => false,
        cli::ColorChoice::Auto if world.variable("NO_COLOR").is_some() => false,
        cli::ColorChoice::Auto => {
            let forced = world.variable("CLICOLOR_FORCE").is_some_and(|force| force != "0");
            forced || world.terminal.out == StreamKind::Terminal
        }
    }
}

/// Returns options without colour and with fingerprints.
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

pub(crate) fn detail(global: &GlobalArgs) -> Detail {
    if global.quiet {
        Detail::Quiet
    } else if global.verbose {
        Detail::Verbose
    } else {
        Detail::Normal
    }
}
