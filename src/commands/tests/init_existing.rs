//! `doctor init` with an existing `doctor.toml`: it adds what is new, and changes nothing else.

use crate::commands::tests::fix::service;
use crate::commands::tests::init::{refused, shop};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer::{self, Back, Choices, Enter};

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

/// A `doctor.toml` with comments, CRLF, and no newline at its end.
const OLD: &str =
    "\u{feff}# ours\r\nproject = \"shop\"\r\n[services.backend]   # the API\r\nname = 'shop-api'\r\n# end";

/// What `init` adds to it in [`shop`].
const ADDED: &str = "[services.worker]\r\nname = \"shop-worker\"\r\n\r\n\
                     [[require]]\r\nkeys     = [\"TEAM_TOKEN\"]\r\nservices = [\"backend\", \"worker\"]\r\n\r\n\
                     [[ignore]]\r\nkeys     = [\"MODE\"]\r\nrules    = [\"value-differs\"]\r\n\
                     reason   = \"a value for development\"\r\n";

fn with_old() -> Sandbox {
    shop().file("doctor.toml", OLD)
}

#[test]
fn new_sections_follow_unchanged_text() {
    let sandbox = with_old();
    let before = sandbox.run(&["check"]);
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!((before.code, ended.code), (1, 0), "{ended:?}");
    assert_eq!(sandbox.text("doctor.toml"), format!("{OLD}\r\n\r\n{ADDED}"));
    assert!(ended.out.contains(&format!("\nNew in doctor.toml:\n\n{}", ADDED.replace('\r', ""))), "{ended:?}");
    assert!(ended.out.contains("\nAdded to doctor.toml.\n"), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let again = sandbox.run(&["init", "--yes"]);
    assert_eq!((again.code, again.out.as_str()), (0, "doctor.toml is up to date; there is nothing to add.\n"));
    let check = sandbox.run(&["check"]);
    check.assert_shows("API_KEY");
    assert!(!check.out.contains("MODE"), "{check:?}");
}

#[test]
fn additions_need_confirmation() {
    let asked = with_old().at_a_terminal();
    let ended = asked.answered(&["init"], vec![Enter, Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let questions = [
        "Which new services should be compared, too?\n  [x] shop-worker  shares 3 keys",
        "Which keys must have the same value in .env and on every service?\n  [x] TEAM_TOKEN  backend and worker\n  \
         [ ] QUEUE       worker",
        "Which differences are expected?\n  [x] MODE     a development value in the file\n  \
         [ ] API_KEY  a different value on Railway",
        "Add this to doctor.toml?",
    ];
    assert_eq!(ended.asked, questions);
    assert_eq!(asked.text("doctor.toml"), format!("{OLD}\r\n\r\n{ADDED}"));
    for answers in [vec![Enter, Enter, Enter, NO], vec![Enter, Enter, Enter, Back], vec![Back]] {
        let sandbox = with_old().at_a_terminal();
        refused(&sandbox.answered(&["init"], answers), "cancelled; nothing was changed");
        assert_eq!(sandbox.text("doctor.toml"), OLD);
    }
    let nothing = with_old().at_a_terminal();
    let ended = nothing.answered(&["init"], vec![Choices(vec![]), Choices(vec![])]);
    assert_eq!((ended.code, nothing.text("doctor.toml").as_str()), (0, OLD), "{ended:?}");
    let unasked = with_old();
    let ended = unasked.run(&["init"]);
    refused(&ended, "changing doctor.toml needs confirmation");
    assert!(ended.err.ends_with("    doctor init --yes\n") && unasked.text("doctor.toml") == OLD, "{ended:?}");
}

#[test]
fn settings_that_were_not_accepted_stay_unaccepted() {
    let sandbox = with_old();
    let ended = sandbox.run(&["init", "--yes"]);
    assert!(ended.err.contains("note: doctor.toml is not accepted; to review it, run `doctor trust`"), "{ended:?}");
    let accepted = with_old();
    assert_eq!(accepted.run(&["trust", "--yes"]).code, 0);
    let ended = accepted.run(&["init", "--yes"]);
    assert!(ended.out.contains("Added to doctor.toml and accepted it for project shop.\n"), "{ended:?}");
    assert!(accepted.run(&["trust", "--yes"]).out.contains("is already accepted"));
}

#[test]
fn changed_file_is_kept() {
    let sandbox = with_old();
    let path = sandbox.work().join("doctor.toml");
    sandbox.sim.before("Values", move |_| std::fs::write(&path, "# changed\n").unwrap());
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("it was changed during this run"), "{ended:?}");
    assert_eq!(sandbox.text("doctor.toml"), "# changed\n");
}

#[test]
fn text_that_can_not_be_extended_is_kept() {
    let old = "services = { backend = { name = 'shop-api' } }\n";
    let sandbox = shop().file("doctor.toml", old);
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!((ended.code, sandbox.text("doctor.toml").as_str()), (2, old), "{ended:?}");
    assert!(ended.err.contains("sections can't be appended to it"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn read_only_file_is_kept_and_link_is_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = with_old();
    let path = sandbox.work().join("doctor.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!((ended.code, sandbox.text("doctor.toml").as_str()), (2, OLD), "{ended:?}");
    assert!(ended.err.contains("it is read-only"), "{ended:?}");

    let linked = shop().file("config/doctor.toml", OLD);
    symlink("config/doctor.toml", linked.work().join("doctor.toml")).unwrap();
    assert_eq!(linked.run(&["init", "--yes"]).code, 0);
    assert!(linked.work().join("doctor.toml").is_symlink());
    assert!(linked.text("config/doctor.toml").starts_with(OLD) && linked.text("config/doctor.toml").len() > OLD.len());

    let outside = shop();
    std::fs::write(outside.work().join("../outer.toml"), OLD).unwrap();
    symlink("../outer.toml", outside.work().join("doctor.toml")).unwrap();
    refused(&outside.run(&["init", "--yes"]), "failed to read doctor.toml");
    assert_eq!(std::fs::read_to_string(outside.work().join("../outer.toml")).unwrap(), OLD);
}

#[test]
fn new_service_gets_the_file_of_its_directory() {
    let services = [
        service("api", &[("A_URL", "1")]),
        service("web", &[("SITE", "x")]).root("apps/web"),
        service("docs", &[("OTHER", "x")]),
    ];
    let old = "[services.api]\n";
    let sandbox =
        Sandbox::of(services).file("doctor.toml", old).file(".env", "A_URL=1\n").file("apps/web/.env", "SITE=x\n");
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let added = "\n[services.web]\nname = \"web\"\nenv-file = [\"apps/web/.env\"]\n";
    assert_eq!(sandbox.text("doctor.toml"), format!("{old}{added}"));
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn aliases_are_as_short_as_in_a_new_file() {
    let own = |name| service(name, &[("A", "1")]);
    let old = "[services.site]\nname = \"acme-web\"\n";
    let sandbox = Sandbox::of([own("acme-web"), own("acme-jobs")]).file("doctor.toml", old).file(".env", "A=1\n");
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    assert_eq!(sandbox.text("doctor.toml"), format!("{old}\n[services.jobs]\nname = \"acme-jobs\"\n"));
}

#[test]
fn service_that_others_refer_to_is_not_suggested() {
    let services =
        [service("api", &[("A", "1"), ("B", "${{config.B}}")]), service("config", &[("A", "1"), ("B", "2")])];
    let old = "[services.api]\n";
    let sandbox = Sandbox::of(services).file("doctor.toml", old).file(".env", "A=1\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!((ended.code, sandbox.text("doctor.toml").as_str()), (0, old), "{ended:?}");
}

#[test]
fn name_in_other_case_is_known() {
    let old = "[services.backend]\nname = \"SHOP-API\"\n\n[services.shop-worker]\n";
    let sandbox = shop().file("doctor.toml", old);
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let text = sandbox.text("doctor.toml");
    assert!(text.starts_with(old) && text.matches("[services.").count() == 2, "{text}");
    assert!(text.contains("services = [\"shop-api\", \"shop-worker\"]"), "{text}");
}

#[test]
fn default_services_need_no_section() {
    let sandbox = shop().file("doctor.toml", "fail-on = \"error\"\n");
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let text = sandbox.text("doctor.toml");
    assert!(!text.contains("[services"), "{text}");
    assert!(text.contains("services = [\"shop-api\", \"shop-worker\"]"), "{text}");
    assert_eq!(sandbox.run(&["check"]).code, 1, "API_KEY remains");
}
