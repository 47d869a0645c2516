//! `doctor completions` and `doctor man`: generates both from the definition of the command line.

use clap::{Command, CommandFactory};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Zsh};
use clap_complete::{Generator, Shell, generate};
use clap_complete_nushell::Nushell;
use clap_mangen::Man;

use crate::cli::{Cli, ShellName};
use crate::error::{Error, Exit, Help};
use crate::io::process::COMPLETE;
use crate::io::world::World;

/// The name of the program, in completions and man pages.
const NAME: &str = "doctor";

/// Writes the completions for a shell. Four shells run `doctor` for each completion. nushell can't, and PowerShell's
/// script would execute the incomplete line.
pub(crate) fn completions(shell: ShellName, world: &mut World<'_>) -> Result<Exit, Error> {
    let text = match shell {
        ShellName::Bash => dynamic(&Bash),
        ShellName::Zsh => dynamic(&Zsh),
        ShellName::Fish => dynamic(&Fish),
        ShellName::Powershell => complete(Shell::PowerShell),
        ShellName::Elvish => dynamic(&Elvish),
        ShellName::Nushell => complete(Nushell),
    };
    world.print_bytes(&text).map(|()| Exit::Clean)
}

/// Returns a script that runs the `doctor` in `PATH`, not this binary, because packages are built elsewhere.
fn dynamic(shell: &dyn EnvCompleter) -> Vec<u8> {
    let mut text = Vec::new();
    shell.write_registration(COMPLETE, NAME, NAME, NAME, &mut text).expect("writing to memory can't fail");
    text
}

/// Returns a script that contains all commands and flags.
fn complete(shell: impl Generator) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), NAME, &mut text);
    text
}

/// Writes the man page of `doctor` or of one of its commands, such as `auth login`.
pub(crate) fn man(path: &[String], world: &mut World<'_>) -> Result<Exit, Error> {
    let mut command = Cli::command().name(NAME).disable_help_subcommand(true);
    command.build();
    let mut name = NAME.to_owned();
    for word in path {
        let names = visible(&command);
        let found = command.find_subcommand(word).filter(|found| !found.is_hide_set()).cloned();
        command = found.ok_or_else(|| unknown(word, &name, &names))?;
        name = format!("{name}-{word}");
    }
    let mut page = Vec::new();
    // `--help` starts with the examples; a man page ends with them.
    let parts = [command.get_before_help(), command.get_after_help()];
    let after = parts.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n\n");
    // The name of a page is one word: `man doctor-check`.
    Man::new(command.display_name(&name).after_help(after))
        .title(&name)
        .render(&mut page)
        .expect("writing to memory can't fail");
    world.print_bytes(&page).map(|()| Exit::Clean)
}

fn visible(command: &Command) -> Vec<String> {
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    visible.map(|command| command.get_name().to_owned()).collect()
}

fn unknown(word: &str, name: &str, names: &[String]) -> Error {
    let name = name.replace('-', " ");
    Error::Usage {
        what: format!("unknown command `{word}`"),
        cause: Some(match names {
            [] => format!("{name} has no subcommands"),
            names => format!("{name} has the subcommands {}", names.join(", ")),
        }),
        help: Help::command("for all commands, run:", "doctor man"),
    }
}
