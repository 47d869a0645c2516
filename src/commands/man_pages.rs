//! `doctor completions` and `doctor man`: writes both from the command line's own description, so that neither goes out of date.

use clap::{Command, CommandFactory};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Zsh};
use clap_complete::{Generator, Shell, generate};
use clap_complete_nushell::Nushell;
use clap_mangen::Man;

use crate::cli::{Cli, ShellName};
use crate::error::{Error, Exit};
use crate::io::process::COMPLETE;
use crate::io::world::World;

/// How the program is called, in completions and on pages.
const NAME: &str = "doctor";

/// Writes the completions for a shell. Four of them ask `doctor` while somebody types; nushell has no way to, and
/// PowerShell's would run what is typed so far.
pub(crate) fn completions(shell: ShellName, world: &mut World<'_>) -> Result<Exit, Error> {
    let text = match shell {
        ShellName::Bash => asking(&Bash),
        ShellName::Zsh => asking(&Zsh),
        ShellName::Fish => asking(&Fish),
        ShellName::Powershell => completed(Shell::PowerShell),
        ShellName::Elvish => asking(&Elvish),
        ShellName::Nushell => completed(Nushell),
    };
    world.print_bytes(&text).map(|()| Exit::Clean)
}

/// A script that asks the `doctor` of the search path, wherever this one lies: it may be written while a package is built.
fn asking(shell: &dyn EnvCompleter) -> Vec<u8> {
    let mut text = Vec::new();
    shell.write_registration(COMPLETE, NAME, NAME, NAME, &mut text).expect("writing to memory can't fail");
    text
}

/// A script that holds every verb and flag itself.
fn completed(shell: impl Generator) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), NAME, &mut text);
    text
}

/// Writes the page of `doctor`, or of one of its verbs: `auth login` has one, too.
pub(crate) fn man(verb: &[String], world: &mut World<'_>) -> Result<Exit, Error> {
    let mut command = Cli::command().name(NAME);
    command.build();
    let mut name = NAME.to_owned();
    for word in verb {
        let names = visible(&command);
        let found = command.find_subcommand(word).filter(|found| !found.is_hide_set()).cloned();
        command = found.ok_or_else(|| unknown(word, &name, &names))?;
        name = format!("{name}-{word}");
    }
    let mut page = Vec::new();
    // `--help` begins with the examples; on a page they stand at the end.
    let parts = [command.get_before_help(), command.get_after_help()];
    let after = parts.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n\n");
    // A page is called by one word: `man doctor-check`.
    Man::new(command.display_name(&name).after_help(after))
        .title(&name)
        .render(&mut page)
        .expect("writing to memory can't fail");
    world.print_bytes(&page).map(|()| Exit::Clean)
}

fn visible(command: &Command) -> Vec<String> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect()
}

fn unknown(word: &str, name: &str, names: &[String]) -> Error {
    let has = if names.is_empty() { "no verbs of its own".to_owned() } else { names.join(", ") };
    Error::Flag {
        flag: "VERB",
        value: word.to_owned(),
        cause: format!("{} has {has}", name.replace('-', " ")),
        help: "run `doctor man`, whose page names every verb".to_owned(),
    }
}
