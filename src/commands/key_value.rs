//! Reads all places that may have the value of a key: the local files, every service, and the shared variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{GlobalArgs, TargetArgs};
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::missing_file::MissingFile;
use crate::commands::service_selection::{ServiceFlagRole, Services};
use crate::commands::session::Session;
use crate::drift::dotenv::CheckoutSource;
use crate::drift::dotenv::pasted_fragment::is_name;
use crate::drift::model::observed::Observed;
use crate::drift::trace::Trace;
use crate::drift::trace::search::{self, SearchedEnvironment, SearchedValue};
use crate::drift::trace::source::{self, KeyValue, NoValue, ValueOrigin};
use crate::drift::trace::traceable::{self, Untraceable};
use crate::drift::{Target, Variable, phrases};
use crate::error::{Error, Help};
use crate::io::config::Config;
use crate::io::files;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::world::World;
use crate::report::shell_command;

/// A key, and the flags that select its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRequest<'r> {
    /// `trace` or `rotate`, for printed commands.
    pub(crate) command: &'static str,
    pub(crate) key: &'r str,
    /// `--from`.
    pub(crate) from: Option<&'r str>,
    /// The other flags of the command, for printed commands.
    pub(crate) flags: &'r [String],
}

/// Both sides of an environment, and the value of the key.
pub(crate) struct KeySides {
    pub(crate) gathered: Gathered,
    /// The shared variables, or why they could not be read.
    pub(crate) shared: Result<BTreeMap<String, Variable>, Error>,
    pub(crate) found: KeyValue,
}

impl KeyRequest<'_> {
    /// Refuses `KEY=VALUE` before anything is read. The error does not contain the value.
    pub(crate) fn refuse_value(&self) -> Result<(), Error> {
        let name = self.key.split('=').next().unwrap_or_default();
        if is_name(self.key) && !self.key.is_empty() {
            return Ok(());
        }
        let has_value = self.key.contains('=') && is_name(name) && !name.is_empty();
        let shown = if has_value { format!(" `{name}=…`") } else { String::new() };
        Err(Error::Usage {
            what: format!("invalid KEY{shown}: expected the name of a key"),
            cause: has_value.then(|| "a value on the command line would stay in the shell history".to_owned()),
            help: format!("pass the key alone: `doctor {} {}`", self.command, if has_value { name } else { "KEY" })
                .into(),
        })
    }

    /// Returns the options for reading every service, or those of `--service`.
    pub(crate) fn options<'o>(
        targeting: &'o TargetArgs,
        env_file: &'o [PathBuf],
        limit: Duration,
        global: &'o GlobalArgs,
        prefetch: Prefetch,
    ) -> GatherOptions<'o> {
        GatherOptions {
            global,
            targeting,
            service_flags: ServiceFlagRole::SelectOrAll,
            env_file,
            only: &[],
            limit,
            missing_file: MissingFile::Empty,
            along: ReadOptions::RunningAndShared,
            prefetch,
        }
    }

    /// Reads both sides: one request for the shape, and one for every twenty services. The first of these reads the
    /// shared variables as well.
    pub(crate) fn read(
        &self,
        client: &Client<'_>,
        options: &GatherOptions<'_>,
        session: &Session<'_>,
        world: &World<'_>,
    ) -> Result<KeySides, Error> {
        let mut gathered = gather(client, options, session, world)?;
        let shared = read_shared(client, &mut gathered);
        gathered.requests = client.requests();
        leave_out_missing_files(&mut gathered);
        let known = shared.as_ref().cloned().unwrap_or_default();
        let services = Services::of(&gathered.selected.shape, session.config);
        let from = self.from.map(|from| services.named(from)).transpose()?;
        let found = source::value_of(&gathered.survey, &known, self.key, from);
        let found = found.map_err(|why| self.no_value(why, &gathered, session.config, world))?;
        client.redactor.add(self.key, &found.value);
        self.refuse_guess(&found, &gathered)?;
        Ok(KeySides { gathered, shared, found })
    }

    /// Refuses a value from a file that the user did not choose: the author of a checkout could test with it whether a
    /// guess is a secret under any name.
    fn refuse_guess(&self, found: &KeyValue, gathered: &Gathered) -> Result<(), Error> {
        let ValueOrigin::File(location) = &found.origin else { return Ok(()) };
        let mut files = gathered.survey.files.iter();
        let source = files.find(|file| file.name == location.file).and_then(|file| file.from_checkout);
        // A rotation writes the file as well, which a tracked one needs permission for anyway.
        let source = source.filter(|source| self.command != "rotate" || *source != CheckoutSource::Tracked);
        let Some(source) = source else { return Ok(()) };
        let name = &location.file;
        let reason = match source {
            CheckoutSource::Tracked => format!("git tracks {name}"),
            CheckoutSource::Named => format!("only a doctor.toml that is not accepted names {name}"),
        };
        Err(Error::Usage {
            what: format!("the value of {} in {name} is not searched for", self.key),
            cause: Some(format!("{reason}, so its author could test whether a guess is a secret")),
            help: Help::command("if you trust its values, pass:", shell_command::line(&[format!("--env-file={name}")])),
        })
    }

    fn no_value(&self, why: NoValue, gathered: &Gathered, config: Option<&Config>, world: &World<'_>) -> Error {
        let key = self.key.to_owned();
        let unknown = |cause: String, help: Help| Error::NoValue { key: key.clone(), cause, help };
        match why {
            NoValue::UnknownKey { suggestions } => self.unknown_key(&suggestions, gathered, world),
            NoValue::NotOnService { holders } => Error::Usage {
                what: format!("{} does not have {key}", self.from.unwrap_or_default()),
                cause: Some(match holders.as_slice() {
                    [] => "no service of this run has it".to_owned(),
                    _ => format!("{key} is on {}", phrases::names(&strings(&holders))),
                }),
                help: "pass a service that has it as `--from=NAME`".into(),
            },
            NoValue::Differing { places } => Error::Usage {
                what: format!("{key} has several values"),
                cause: Some(format!("it differs between {}", phrases::names(&strings(&places)))),
                help: match Self::first_service(&places, gathered, config) {
                    Some(service) => {
                        let from = format!("--from={service}");
                        Help::command("select one of them:", self.command_line(self.key, &[from], gathered, world))
                    }
                    None => "select one of them with `--env-file PATH` or `--from=SERVICE`".into(),
                },
            },
            NoValue::Sealed { places } => unknown(
                format!(
                    "it is sealed on {}, and Railway never returns a sealed value",
                    phrases::names(&strings(&places))
                ),
                "add it to the .env file, or pass a service that has it as `--from=NAME`".into(),
            ),
            NoValue::Empty => unknown("it is empty".to_owned(), "pass a service that has it as `--from=NAME`".into()),
            NoValue::Indirect { place } => unknown(
                format!("in {place}, it refers to a value that is kept elsewhere"),
                "pass a service that has the value as `--from=NAME`".into(),
            ),
        }
    }

    /// Returns the command of this run with another key or source.
    fn command_line(&self, key: &str, from: &[String], gathered: &Gathered, world: &World<'_>) -> String {
        let words = [&[self.command.to_owned(), key.to_owned()], from, self.flags].concat();
        shell_command::line(&gathered.repeated(&words, world))
    }

    /// Returns the name of a service with one of the values.
    fn first_service(places: &[String], gathered: &Gathered, config: Option<&Config>) -> Option<String> {
        let services = Services::of(&gathered.selected.shape, config);
        let mut all = gathered.survey.targets.iter().map(|target| &target.service);
        let service = all.find(|service| places.contains(&service.name))?;
        Some(services.whole_name(service))
    }

    fn unknown_key(&self, suggestions: &[String], gathered: &Gathered, world: &World<'_>) -> Error {
        Error::UnknownKey {
            what: format!("unknown key `{}`", self.key),
            cause: format!("neither a local file nor a service of {} has it", gathered.survey.environment.name),
            help: match suggestions.first() {
                Some(similar) => {
                    let from: Vec<String> = self.from.iter().map(|from| format!("--from={from}")).collect();
                    Help::command("did you mean:", self.command_line(similar, &from, gathered, world))
                }
                None => Help::command("to list the keys, run:", gathered.matrix_command(world)),
            },
        }
    }

    /// Returns the error if the value is too short or too common to be searched for.
    pub(crate) fn refuse_untraceable(&self, sides: &KeySides, world: &World<'_>) -> Result<(), Error> {
        let check = ["check", "--only", self.key, "-v"].map(str::to_owned);
        match traceable::objection(self.key, &sides.found.value) {
            None => Ok(()),
            Some(why @ (Untraceable::Empty | Untraceable::Placeholder | Untraceable::Indirect)) => {
                Err(Error::NoValue {
                    key: self.key.to_owned(),
                    cause: format!("in {}, {}", sides.found.origin.name(), why.reason()),
                    help: "pass a service that has the value as `--from=NAME`".into(),
                })
            }
            Some(why) => Err(Error::Usage {
                what: format!("the value of {} can't be traced", self.key),
                cause: Some(why.reason().to_owned()),
                help: Help::command(
                    "to compare this key alone, run:",
                    shell_command::line(&sides.gathered.repeated(&check, world)),
                ),
            }),
        }
    }
}

/// Removes the names of files that do not exist. A missing file is treated as empty.
fn leave_out_missing_files(gathered: &mut Gathered) {
    let named = std::mem::take(&mut gathered.files).into_iter().zip(&gathered.paths);
    let is_read = |path: &Path| files::is_stream(path) || files::current(path).is_some();
    gathered.files = named.filter(|(_, path)| is_read(path)).map(|(name, _)| name).collect();
}

/// Returns the shared variables, if there are any. Reads them, unless they were read together with the values. If that
/// failed, this tells why.
pub(crate) fn read_shared(client: &Client<'_>, gathered: &mut Gathered) -> Result<BTreeMap<String, Variable>, Error> {
    let read = std::mem::take(&mut gathered.shared);
    if gathered.survey.catalogue.shared.is_empty() {
        return Ok(BTreeMap::new());
    }
    match read {
        Observed::Known(shared) => Ok(shared),
        Observed::NotRequested | Observed::Unavailable(_) => client.shared_values(&gathered.selected.shape),
    }
}

impl KeySides {
    /// Returns the environment, to search it.
    pub(crate) fn searched(&self) -> SearchedEnvironment<'_> {
        let survey = &self.gathered.survey;
        SearchedEnvironment {
            project: &survey.project,
            environment: &survey.environment,
            targets: &survey.targets,
            shared: &self.shared,
            catalogue: &survey.catalogue,
        }
    }

    /// Searches the files and the environment for a value.
    pub(crate) fn trace(&self, wanted: SearchedValue<'_>) -> Trace {
        let files = search::files(&self.gathered.survey.files, wanted.value);
        Trace { files, environments: vec![search::environment(self.searched(), wanted)] }
    }

    /// Returns what could not be read of the running deployments, as phrases.
    pub(crate) fn unsearched(&self) -> Vec<String> {
        unread_running(&self.gathered.survey.targets)
    }

    /// Returns the first error of a part that could not be read.
    pub(crate) fn first_error(&self) -> Option<&Error> {
        let services = self.gathered.survey.targets.iter().filter_map(|target| target.stored.as_ref().err());
        services.chain(self.shared.as_ref().err()).next()
    }
}

/// Returns what could not be read of the running deployments, as phrases.
pub(crate) fn unread_running(targets: &[Target]) -> Vec<String> {
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for target in targets {
        if let Some(why) = target.live.got.unavailable() {
            services.entry(why).or_default().push(&target.service.name);
        }
    }
    services.iter().map(|(why, names)| format!("what runs on {}: {why}", phrases::names(names))).collect()
}

fn strings(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
