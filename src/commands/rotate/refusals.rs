//! The errors of a rotation that is refused.

use crate::cli::RotateOptions;
use crate::commands::key_value::{KeyRequest, KeySides};
use crate::commands::rotate::RotateRun;
use crate::commands::service_selection::Services;
use crate::drift::dotenv::edit::is_writable_name;
use crate::drift::dotenv::pasted_fragment::is_name;
use crate::drift::phrases;
use crate::drift::plan::VariableOwner;
use crate::drift::process_control_names::is_dangerous_name;
use crate::drift::rotation::RotationRefusal;
use crate::drift::system_variables;
use crate::error::{Error, Help};
use crate::io::config::Config;
use crate::io::world::World;
use crate::report::shell_command;

/// Refuses keys that flags name wrongly: `--keep-old-as` and `--allow-sealed`.
pub(super) fn refuse_keys(key: &str, options: &RotateOptions) -> Result<(), Error> {
    let usage =
        |what: String, cause: Option<String>, help: &'static str| Err(Error::Usage { what, cause, help: help.into() });
    if let Some(other) = options.allow_sealed.iter().find(|named| *named != key && is_name(named)) {
        let cause = format!("only {key} is rotated");
        return usage(format!("invalid --allow-sealed `{other}`"), Some(cause), "pass the key that is rotated");
    }
    let Some(kept) = options.keep_old_as.as_deref() else { return Ok(()) };
    let help = "pass another name, such as `--keep-old-as=KEY_PREVIOUS`";
    if kept.is_empty() || !is_name(kept) {
        return usage("invalid --keep-old-as: expected the name of a key".to_owned(), None, help);
    }
    let cause = if kept == key {
        "it is the key that is rotated"
    } else if !is_writable_name(kept) {
        "a key has only letters, digits and underscores, and no digit at the start"
    } else if system_variables::is_provided(kept) {
        "Railway sets the variable with that name"
    } else if is_dangerous_name(kept) {
        "a variable with that name changes how programs run"
    } else {
        return Ok(());
    };
    usage(format!("invalid --keep-old-as `{kept}`"), Some(cause.to_owned()), help)
}

/// Refuses `--yes` with a part of a service's name in `--from`, and with an alias of a `doctor.toml` that is not accepted:
/// the service decides which value is replaced.
pub(super) fn refuse_partial_source(
    request: &KeyRequest<'_>,
    sides: &KeySides,
    config: Option<&Config>,
) -> Result<(), Error> {
    let Some(from) = request.from else { return Ok(()) };
    let services = Services::of(&sides.gathered.selected.shape, config);
    let service = services.named(from)?;
    if [&service.name, &service.id].into_iter().any(|known| known == from) {
        return Ok(());
    }
    let is_alias = config.is_some_and(|config| config.services.iter().any(|(alias, _)| alias == from));
    if is_alias && !sides.gathered.expectations.trust.needs_acceptance() {
        return Ok(());
    }
    let whole = services.whole_name(service);
    Err(Error::Usage {
        what: "--yes requires full service names".to_owned(),
        cause: Some(if is_alias {
            format!("a doctor.toml that is not accepted resolves {from} to the service {}", service.name)
        } else {
            format!("`{from}` matches {whole} now, and may match another service later")
        }),
        help: format!("pass `{}`", shell_command::line(&[format!("--from={whole}")])).into(),
    })
}

/// Returns the error for a value that can't be rotated.
pub(super) fn error(run: &RotateRun<'_>, refusal: RotationRefusal, world: &World<'_>) -> Error {
    let key = run.request.key;
    let usage = |cause: String, help: Help| Error::Usage {
        what: format!("the value of {key} can't be rotated"),
        cause: Some(cause),
        help,
    };
    match refusal {
        RotationRefusal::Database { service, key } => usage(
            format!(
                "the database service {service} has it as {key}; a new variable does not change the credential in the \
                 database"
            ),
            format!("change the credential in the settings of {service} in the dashboard, which updates both").into(),
        ),
        RotationRefusal::Reference { service, to, owner, key: source } => usage(
            format!("{service} gets it through the reference ${{{{{to}}}}}"),
            Help::command("rotate the variable behind the reference:", source_command(run, &owner, &source, world)),
        ),
        RotationRefusal::KeptKey { owner, key: kept } => Error::Usage {
            what: format!("invalid --keep-old-as `{kept}`"),
            cause: Some(format!("{} has a variable {kept} that is sealed or a reference", owner.name())),
            help: "pass another name, such as `--keep-old-as=KEY_PREVIOUS`".into(),
        },
        RotationRefusal::Indirect { file, line } => usage(
            format!("{file}:{line} refers to a value that is kept elsewhere, and would not change"),
            "change the value where it is kept, then run `doctor fix`".into(),
        ),
        RotationRefusal::OnlyLocal { holders } => usage(
            format!(
                "only {} has it; another value is on {}",
                run.sides.found.origin.name(),
                phrases::names(&holders.iter().map(VariableOwner::name).collect::<Vec<_>>())
            ),
            match holders.iter().find(|owner| owner.id().is_some()) {
                Some(owner) => Help::command(
                    "rotate the value on Railway, or push that of the file first:",
                    source_command(run, owner, key, world),
                ),
                None => "push the value of the file first with `doctor fix --push`".into(),
            },
        ),
        RotationRefusal::Nowhere => usage(
            format!("no service and no local file has the value under {key}"),
            "pass a service that has the value as `--from=NAME`".into(),
        ),
    }
}

/// Returns the command that rotates the variable behind a reference.
fn source_command(run: &RotateRun<'_>, owner: &VariableOwner, key: &str, world: &World<'_>) -> String {
    let mut words = vec!["rotate".to_owned(), key.to_owned()];
    if let VariableOwner::Service(service) = owner {
        let services = Services::of(&run.gathered().selected.shape, run.config);
        words.push(format!("--from={}", services.whole_name(service)));
    }
    words.extend(run.request.flags.iter().cloned());
    let services = run.gathered().selection.flags.iter().map(|(_, flag)| flag);
    let services = services.filter(|_| *owner != VariableOwner::Shared);
    shell_command::line(&shell_command::complete(&world.program, &words, &run.gathered().flags, services))
}
