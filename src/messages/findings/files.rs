//! The env files themselves.

use crate::drift::dotenv::{Loader, LocalFile};
use crate::drift::model::file_exposure::{Exposure, Git, Readers};
use crate::drift::rules;
use crate::drift::test_support::{layer, survey};
use crate::drift::{Secret, Survey};
use crate::messages::findings::{Circumstance, survey_of_text};

pub(super) fn circumstances() -> Vec<Circumstance> {
    let rules = [
        duplicate_key(),
        unreadable_line(),
        line_unreadable_by_loader(),
        loaders_disagree(),
        conflict_over_several_lines(),
        env_file_exposed(),
    ];
    rules.into_iter().flatten().collect()
}

fn duplicate_key() -> Vec<Circumstance> {
    let case = |name, file: &[&str]| Circumstance::new(&rules::duplicate_key::RULE, name, &survey(file, &[]));
    vec![
        case("different values", &["API_KEY=4f1c9a77", "API_KEY=b03e51d2"]),
        case("the same value", &["API_KEY=4f1c9a77", "API_KEY=4f1c9a77"]),
        case("three lines", &["API_KEY=4f1c9a77", "API_KEY=b03e51d2", "API_KEY=4f1c9a77"]),
    ]
}

fn unreadable_line() -> Vec<Circumstance> {
    let case = |name, text: &str| {
        let found = survey_of_text(&format!("{text}\n"), &[]);
        Circumstance::new(&rules::unreadable_line::RULE, name, &found)
    };
    let many = survey_of_text(&"no assignment\n".repeat(20), &[]);
    vec![
        case("no equals sign", "API_KEY"),
        case("no key", "=4f1c9a77"),
        case("several words before the equals sign", "API KEY=4f1c9a77"),
        case("unclosed quote", "API_KEY='4f1c9a77"),
        case("text after a quoted value", "API_KEY='4f1c'9a77"),
        case("unusual character in the key", "API@KEY=4f1c9a77"),
        case("NUL character", "API_KEY=4f1c\09a77"),
        case("key block without quotes", "A=-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nab+/cd==\n-----END KEY-----"),
        Circumstance::with(&rules::unreadable_line::RULE, "more than ten lines", &many, |finding| {
            finding.places[0].line == 11
        }),
    ]
}

fn line_unreadable_by_loader() -> Vec<Circumstance> {
    let case = |name, text: &str, loader| {
        let mut found = survey(&[], &[]);
        found.policy.loader = Some(loader);
        found.files = vec![LocalFile::parse(".env", Secret::new(text)).read_as(loader)];
        Circumstance::new(&rules::unreadable_line::RULE, name, &found)
    };
    vec![
        case("space without quotes, read by dotenvy", "MOTTO=hello world\n", Loader::Dotenvy),
        case("colon, read by python-dotenv", "API_KEY: 4f1c9a77\n", Loader::Python),
        case("quoted key, read by node's dotenv", "'API_KEY'=4f1c9a77\n", Loader::Node),
    ]
}

fn loaders_disagree() -> Vec<Circumstance> {
    let case = |(name, text): (&'static str, &str)| {
        Circumstance::new(&rules::loaders_disagree::RULE, name, &survey_of_text(&format!("{text}\n"), &[]))
    };
    let texts = [
        ("hash in the value", "A=b#c"),
        ("hash after a quoted value", "A=\"b\"#c"),
        ("comment after the equals sign", "A= # c"),
        ("space without quotes", "A=hello world"),
        ("backslash", "A=C:\\path"),
        ("escaped tab", "A=\"a\\tb\""),
        ("backslash before a quote", "A=\"a\\\\\" # \""),
        ("apostrophe", "A=it's"),
        ("quotes inside the value", "A={\"a\":1}"),
        ("backticks", "A=`x y`"),
        ("variable with braces", "A=${B}"),
        ("variable without braces", "A=$B"),
        ("reference", "A=${{P.D}}"),
        ("value on the next line", "A=\n'b'"),
        ("hyphen in the key", "A-B=1"),
        ("byte order mark", "\u{feff}A=1"),
        ("carriage return in the value", "A=\"a\r\nb\""),
    ];
    texts.into_iter().map(case).collect()
}

fn conflict_over_several_lines() -> Vec<Circumstance> {
    let rule = &rules::loaders_disagree::RULE;
    let many = (0..20).map(|number| format!("N{number}=hello world\n")).collect::<Vec<_>>().concat();
    vec![
        Circumstance::new(rule, "unclosed quote before one line", &survey_of_text("A=\"x\nB=2\n", &[])),
        Circumstance::new(rule, "unclosed quote before several lines", &survey_of_text("A=\"x\nB=2\nC=3\n", &[])),
        Circumstance::with(rule, "more than eleven lines", &survey_of_text(&many, &[]), |finding| {
            finding.key.is_none()
        }),
    ]
}

fn env_file_exposed() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::env_file_exposed::RULE, name, &survey);
    let exposed = |git: Git, readers: Readers, mode: u32, end: Option<&str>| {
        let mut found = survey(&["NAME=shop", "API_KEY=4f1c9a77"], &[]);
        let end = end.map(str::to_owned);
        found.exposures = vec![Exposure { git, mode: Some(mode), readers, end }];
        found
    };
    let readable_files = |count: usize| {
        let mut found = exposed(Git::Ignored, Readers::Everybody, 0o644, None);
        for number in 1..count {
            layer(&mut found, &format!("worker-{number}/.env"), &["API_KEY=4f1c9a77"], &[]);
            found.exposures.push(found.exposures[0].clone());
        }
        found
    };
    let link = Some("../our config/.env");
    vec![
        case("tracked by git", exposed(Git::Tracked, Readers::Owner, 0o600, None)),
        case("a link to a file tracked by git", exposed(Git::Tracked, Readers::Owner, 0o600, link)),
        case("not ignored by git", exposed(Git::NotIgnored, Readers::Owner, 0o600, None)),
        case("readable by its group", exposed(Git::Ignored, Readers::Group, 0o640, None)),
        case("readable by every user", readable_files(1)),
        case("several readable files", readable_files(2)),
        case("many readable files", readable_files(5)),
    ]
}
