//! Completion scripts for every shell, and man pages for every visible command.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::commands::tests::fix::incident;

#[test]
fn every_shell_has_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish"] {
        let ended = incident().run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
        assert!(ended.out.contains("COMPLETE="), "{shell} does not call doctor");
    }
    for shell in ["powershell", "nushell"] {
        let ended = incident().run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
        for word in ["check", "undo", "login", "env-file", "junit"] {
            assert!(ended.out.contains(word), "{shell} lacks {word}");
        }
    }
    assert_eq!(incident().run(&["completions", "sh"]).code, 2);
}

#[test]
fn every_command_has_man_page() {
    let mut command = Cli::command();
    command.build();
    let commands = command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help");
    for command in commands {
        let name = command.get_name();
        let page = incident().run(&["man", name]).out;
        assert!(page.contains(&format!(".TH doctor-{name} 1")), "{page}");
        assert!(page.contains(".SH DESCRIPTION"), "{page}");
    }
    let page = incident().run(&["man"]).out;
    assert!(page.contains(".TH doctor 1") && page.contains("doctor\\-check(1)"), "{page}");
    assert!(incident().run(&["man", "auth", "login"]).out.contains(".TH doctor-auth-login 1"));
}

#[test]
fn unknown_man_page_lists_available_pages() {
    let ended = incident().run(&["man", "chekc"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("cause: doctor has the subcommands check, fix, undo"), "{ended:?}");
    let ended = incident().run(&["man", "check", "all"]);
    assert!(ended.err.contains("cause: doctor check has no subcommands"), "{ended:?}");
}
