//! The new value: generated, read from standard input, or typed twice at a hidden prompt. Never an argument, which every
//! process on the machine could read.

use crate::cli::RotateOptions;
use crate::commands::prompts;
use crate::drift::Secret;
use crate::drift::generated_value::GeneratorSpec;
use crate::drift::new_value;
use crate::drift::trace::occurrences;
use crate::error::{Error, Help};
use crate::io::railway::client::Client;
use crate::io::random;
use crate::io::terminal::prompt::{PromptAnswer, can_ask};
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;

/// The source of the new value.
#[derive(Clone, Debug)]
pub(super) enum ValueSource {
    /// `--generate`.
    Generated(GeneratorSpec),
    /// `--stdin`.
    Piped,
    Prompt,
}

impl ValueSource {
    /// Returns the source that the flags select. Fails before any request if there is none.
    pub(super) fn of(options: &RotateOptions, world: &World<'_>) -> Result<Self, Error> {
        if let Some(spec) = &options.generate {
            // The error does not repeat the argument, which may be a value that was meant for --stdin.
            return spec.parse().map(Self::Generated).map_err(|_| Error::Usage {
                what: "invalid --generate: expected a kind of value and its length".to_owned(),
                cause: None,
                help: "use hex:32, base64:32, base64url:32, alnum:40 or uuid; lengths are from 16 to 512".into(),
            });
        }
        if options.stdin {
            refuse_terminal(world)?;
            return refuse_used_input(options).map(|()| Self::Piped);
        }
        if can_ask(&world.terminal, &world.variables) && !options.yes {
            return Ok(Self::Prompt);
        }
        Err(Error::NotConfirmed {
            what: "no new value".to_owned(),
            cause: if options.yes {
                "with --yes, the new value is generated or read from standard input".to_owned()
            } else {
                "without an interactive terminal, the new value is generated or read from standard input".to_owned()
            },
            help: "pass `--generate hex:32`, or `--stdin` and pipe the value into the command".into(),
        })
    }

    /// Generates, reads or prompts for the value, and checks it.
    pub(super) fn obtain(&self, request: NewValueRequest<'_>, world: &mut World<'_>) -> Result<Secret, Error> {
        let value = match self {
            Self::Generated(spec) => generate(*spec)?,
            Self::Piped => without_final_newline(&world.prompt.piped()?),
            Self::Prompt => return prompt(request, world),
        };
        request.redact(&value);
        match request.problem(&value) {
            None => Ok(value),
            Some(problem) => Err(Error::Usage {
                what: "the new value was rejected".to_owned(),
                cause: Some(problem),
                help: "pass another value".into(),
            }),
        }
    }
}

/// What a new value has to differ from.
#[derive(Clone, Copy)]
pub(super) struct NewValueRequest<'r> {
    pub(super) client: &'r Client<'r>,
    pub(super) key: &'r str,
    /// The replaced value; `None` if a rotation is continued, which may have stored the new value already.
    pub(super) old: Option<&'r Secret>,
    /// Whether the old value can be searched for in other texts.
    pub(super) is_traceable: bool,
}

impl NewValueRequest<'_> {
    /// Returns why the value is not accepted, as a phrase without a full stop.
    fn problem(&self, value: &Secret) -> Option<String> {
        let old: Vec<&Secret> = self.old.into_iter().collect();
        let contains = |old: &&Secret| self.is_traceable && !occurrences::find(value.expose(), old).is_empty();
        let rejected = new_value::objection(self.key, value, &old).map(|rejected| rejected.reason().to_owned());
        let is_assignment = value.expose().strip_prefix(self.key).is_some_and(|rest| rest.starts_with('='));
        let rejected = rejected.or_else(|| is_assignment.then(|| format!("it begins with `{}=`", self.key)));
        // The search after the rotation would find it everywhere.
        rejected.or_else(|| old.iter().any(contains).then(|| "it contains the old value".to_owned()))
    }

    fn redact(&self, value: &Secret) {
        self.client.redactor.add(self.key, value);
    }
}

/// A terminal shows what is typed into standard input.
fn refuse_terminal(world: &World<'_>) -> Result<(), Error> {
    if world.terminal.input == StreamKind::Pipe {
        return Ok(());
    }
    Err(Error::Usage {
        what: "standard input is a terminal".to_owned(),
        cause: Some("it would show the value that is typed".to_owned()),
        help: "pipe the value into the command, or leave out --stdin to type it at a hidden prompt".into(),
    })
}

/// Standard input can be read only once.
fn refuse_used_input(options: &RotateOptions) -> Result<(), Error> {
    if options.files.env_file.iter().all(|path| path.as_os_str() != "-") {
        return Ok(());
    }
    Err(Error::Usage {
        what: "standard input is used twice".to_owned(),
        cause: Some("--stdin and --env-file=- both read it".to_owned()),
        help: "pass a file with `--env-file PATH`, or generate the value with `--generate hex:32`".into(),
    })
}

fn generate(spec: GeneratorSpec) -> Result<Secret, Error> {
    let mut failed = None;
    let value = spec.generate(&mut |bytes: &mut [u8]| failed = failed.take().or(random::fill(bytes).err()));
    failed.map_or(Ok(value), Err)
}

/// Removes one newline, which `echo` and most editors add.
fn without_final_newline(piped: &Secret) -> Secret {
    let text = piped.expose();
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Secret::new(text)
}

/// Prompts until the value is accepted and typed twice. The time at the prompt does not count towards the time limit.
fn prompt(request: NewValueRequest<'_>, world: &mut World<'_>) -> Result<Secret, Error> {
    let before = world.clock.elapsed();
    let typed = typed_twice(request, world);
    let limit = request.client.limit.get() + world.clock.elapsed().saturating_sub(before);
    request.client.limit.set(limit);
    typed
}

fn typed_twice(request: NewValueRequest<'_>, world: &World<'_>) -> Result<Secret, Error> {
    loop {
        let PromptAnswer::Given(value) = world.prompt.secret(&prompts::new_value(request.key))? else {
            return Err(Error::Cancelled);
        };
        request.redact(&value);
        if let Some(problem) = request.problem(&value) {
            world.status.print_line(&prompts::value_rejected(&problem));
            continue;
        }
        let PromptAnswer::Given(again) = world.prompt.secret(prompts::NEW_VALUE_AGAIN)? else {
            return Err(Error::Cancelled);
        };
        if again == value {
            return Ok(value);
        }
        world.status.print_line(prompts::VALUES_DIFFER);
    }
}

/// Returns the help of an error that a command with the same value resolves.
pub(super) fn to_apply(source: &ValueSource, command: String) -> Help {
    match source {
        ValueSource::Generated(_) => Help::command("to apply this plan with another generated value, run:", command),
        ValueSource::Piped | ValueSource::Prompt => {
            Help::command("to apply this plan, pipe the new value into:", command)
        }
    }
}
