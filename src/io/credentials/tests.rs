//! Every state of a token, and irregular configuration files of the Railway CLI.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::credentials::keyring::{InMemoryKeyring, KeyringError};
use crate::io::credentials::{
    CliLogin, Credentials, Link, Login, LoginTarget, Logins, TokenSources, find as find_at, link,
};
use crate::io::railway::transport::Scheme;

/// Names and values.
type Pairs<'p> = &'p [(&'p str, &'p str)];

const NOW: i64 = 1_800_000_000;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Returns a home directory with a configuration file of the CLI.
fn home(name: &str, text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".railway")).unwrap();
    fs::write(home.path().join(".railway").join(name), text).unwrap();
    home
}

/// Looks up the token on a system without a keyring.
fn find(
    variables: &BTreeMap<String, String>,
    home: Option<&Path>,
    now: Timestamp,
    cli_login: CliLogin,
) -> Result<Credentials, Error> {
    let keyring = InMemoryKeyring::broken(KeyringError::Unavailable("no bus".to_owned()));
    let (host, aim) = ("backboard.railway.com", &LoginTarget::default());
    find_at(&TokenSources { variables, home, now, cli_login, keyring: &keyring, host, api_url: None, target: aim })
}

fn found(pairs: &[(&str, &str)], home: Option<&Path>) -> Result<Credentials, Error> {
    find(&variables(pairs), home, Timestamp::from_second(NOW).unwrap(), CliLogin::Allowed)
}

/// Looks up the token with that `config.json` and an empty environment.
fn login(text: &str) -> Result<Credentials, Error> {
    found(&[], Some(home("config.json", text).path()))
}

#[test]
fn first_source_with_token_wins() {
    let home = home("config.json", r#"{"user":{"accessToken":"cli","tokenExpiresAt":1800003600}}"#);
    let both = "RAILWAY_TOKEN and RAILWAY_API_TOKEN are both set; RAILWAY_TOKEN is used";
    let empty = "RAILWAY_TOKEN is empty, which counts as unset";
    let api_empty = "RAILWAY_API_TOKEN is empty, which counts as unset";
    let cases: [(Pairs<'_>, &str, Scheme, &str, &[&str]); 8] = [
        (&[("RAILWAY_TOKEN", "p")], "p", Scheme::Project, "RAILWAY_TOKEN", &[]),
        (&[("RAILWAY_API_TOKEN", "a")], "a", Scheme::Bearer, "RAILWAY_API_TOKEN", &[]),
        (&[("RAILWAY_TOKEN", "p"), ("RAILWAY_API_TOKEN", "a")], "p", Scheme::Project, "RAILWAY_TOKEN", &[both]),
        (&[("RAILWAY_TOKEN", "p"), ("RAILWAY_API_TOKEN", "")], "p", Scheme::Project, "RAILWAY_TOKEN", &[]),
        (&[("RAILWAY_TOKEN", ""), ("RAILWAY_API_TOKEN", "a")], "a", Scheme::Bearer, "RAILWAY_API_TOKEN", &[empty]),
        (
            &[("RAILWAY_TOKEN", " \t\n"), ("RAILWAY_API_TOKEN", " ")],
            "cli",
            Scheme::Bearer,
            "~/.railway/config.json",
            &[empty, api_empty],
        ),
        (&[("RAILWAY_TOKEN", " p\r\n")], "p", Scheme::Project, "RAILWAY_TOKEN", &[]),
        (&[], "cli", Scheme::Bearer, "~/.railway/config.json", &[]),
    ];
    for (pairs, token, scheme, from, remarks) in cases {
        let got = found(pairs, Some(home.path())).unwrap();
        assert_eq!((got.token.expose(), got.scheme, got.from.as_str()), (token, scheme, from), "{pairs:?}");
        assert_eq!(got.remarks, remarks, "{pairs:?}");
        assert!(!format!("{got:?}").contains(&format!("{token:?}")), "Debug shows the token");
    }
}

#[test]
fn malformed_token_is_error_without_fallback() {
    let long = "x".repeat(8 * 1024 + 1);
    for bad in ["two words", "tökén", "a\nb", "a\u{7f}b", "a\0", "\"quoted\"", "'quoted'", "\u{a0}", &long] {
        let got = found(&[("RAILWAY_TOKEN", bad), ("RAILWAY_API_TOKEN", "a")], None);
        assert_eq!(got.unwrap_err(), Error::MalformedToken { from: "RAILWAY_TOKEN".to_owned() }, "{bad:?}");
    }
    assert!(found(&[("RAILWAY_TOKEN", &long[1..])], None).is_ok());
    let got = login(r#"{"user":{"accessToken":"two words"}}"#);
    assert_eq!(got.unwrap_err(), Error::MalformedToken { from: "~/.railway/config.json".to_owned() });
}

#[test]
fn missing_credentials_list_every_source() {
    let sources = |pairs: &[(&str, &str)], home: Option<&Path>, cli_login| match find(
        &variables(pairs),
        home,
        Timestamp::from_second(NOW).unwrap(),
        cli_login,
    ) {
        Err(Error::NoCredentials { sources, .. }) => sources,
        other => panic!("{other:?}"),
    };
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        sources(&[("RAILWAY_API_TOKEN", "")], Some(folder.path()), CliLogin::Allowed),
        [
            "RAILWAY_TOKEN is not set",
            "RAILWAY_API_TOKEN is empty",
            "the OS keyring is unavailable (no bus)",
            "~/.railway/config.json does not exist"
        ]
    );
    assert_eq!(
        sources(&[("RAILWAY_ENV", "staging")], Some(folder.path()), CliLogin::Allowed)[3],
        "~/.railway/config-staging.json does not exist"
    );
    assert_eq!(
        sources(&[], None, CliLogin::Allowed)[3],
        "could not locate ~/.railway/config.json: the home directory is unknown"
    );
    let home = home("config.json", r#"{"user":{"accessToken":"cli","tokenExpiresAt":1800003600}}"#);
    assert_eq!(
        sources(&[], Some(home.path()), CliLogin::Forbidden)[3],
        "the Railway CLI's login is not used with --api-url"
    );
}

#[test]
fn each_railway_environment_has_its_own_login() {
    let home = home("config-dev.json", r#"{"user":{"token":"dev"}}"#);
    assert_eq!(found(&[("RAILWAY_ENV", "Develop")], Some(home.path())).unwrap().token.expose(), "dev");
    assert!(matches!(found(&[], Some(home.path())), Err(Error::NoCredentials { .. })));
}

#[test]
fn access_token_expires_one_minute_early() {
    let user =
        |end: &str| format!(r#"{{"user":{{"accessToken":"cli","refreshToken":"never","tokenExpiresAt":{end}}}}}"#);
    for end in ["1800000061", "1800003600", "1.8000036e9", "null", "\"soon\"", "[]", "18446744073709551615"] {
        assert_eq!(login(&user(end)).unwrap().token.expose(), "cli", "{end}");
    }
    let expired = Error::Expired { path: "~/.railway/config.json".to_owned() };
    for end in ["1800000060", "1800000000", "0", "-1", "-9223372036854775808", "1.7e9"] {
        assert_eq!(login(&user(end)).unwrap_err(), expired, "{end}");
    }
    // An expired login is not replaced by the token of an older version.
    let both = r#"{"user":{"accessToken":"cli","tokenExpiresAt":0,"token":"legacy"}}"#;
    assert_eq!(login(both).unwrap_err(), expired);
}

#[test]
fn unexpected_fields_are_ignored() {
    let token = [
        r#"{"user":{"token":"legacy"}}"#,
        r#"{"user":{"accessToken":"","token":"legacy","tokenExpiresAt":0}}"#,
        r#"{"user":{"accessToken":null,"token":"legacy"}}"#,
        r#"{"user":{"accessToken":{"a":[1,{"b":2}]},"token":"legacy","id":5}}"#,
        r#"{"projects":null,"user":{"token":"legacy"},"editor":["x"],"linkedFunctions":{}}"#,
        r#"{"projects":[1,[2]],"user":{"token":"legacy"}}"#,
        r#"{"projects":{"/":null,"/a":7},"user":{"token":"leg\u0061cy"}}"#,
    ];
    for text in token {
        assert_eq!(login(text).unwrap().token.expose(), "legacy", "{text}");
    }
    let none = [
        "{}",
        "null",
        "[]",
        "\"text\"",
        "5",
        r#"{"user":null}"#,
        r#"{"user":[{"token":"x"}]}"#,
        r#"{"user":"x"}"#,
        r#"{"user":{}}"#,
        r#"{"user":{"token":""}}"#,
        r#"{"user":{"token":7}}"#,
        r#"{"user":{"refreshToken":"x"}}"#,
        r#"{"User":{"token":"x"}}"#,
    ];
    for text in none {
        let Err(Error::NoCredentials { sources, .. }) = login(text) else { panic!("{text}") };
        assert_eq!(sources[3], "~/.railway/config.json has no login", "{text}");
    }
}

#[test]
fn broken_config_fails_without_quoting_and_only_when_needed() {
    let deep = format!(r#"{{"user":{}"#, "[".repeat(100_000));
    let broken = [
        ("", "unexpected end of file"),
        (r#"{"user":{"accessToken":"marker-4711"#, "unexpected end of file"),
        ("{\n \"user\": marker-4711}", "unexpected content at line 2, column 10"),
        (r#"{"user":{"token":"x"}} marker-4711"#, "unexpected content at line 1, column 24"),
        (r#"{"user":{"token":"x","token":"marker-4711"}}"#, "unexpected content at line 1, column 28"),
        ("marker-4711", "unexpected content at line 1, column 1"),
        (&deep, "unexpected end of file"),
    ];
    for (text, expected) in broken {
        let home = home("config.json", text);
        let error = found(&[], Some(home.path())).unwrap_err();
        let Error::CliConfig { path, cause } = &error else { panic!("{error:?}") };
        assert_eq!((path.as_str(), cause.as_str()), ("~/.railway/config.json", expected));
        assert!(!format!("{error:?}").contains("marker"));
        assert_eq!(link(&variables(&[]), Some(home.path()), Path::new("/")).unwrap_err(), error);
        assert!(found(&[("RAILWAY_TOKEN", "p")], Some(home.path())).is_ok());
    }
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".railway/config.json")).unwrap();
    assert!(
        matches!(found(&[], Some(home.path())), Err(Error::CliConfig { cause, .. }) if cause == "it is a directory, not a file")
    );
    fs::remove_dir(home.path().join(".railway/config.json")).unwrap();
    fs::write(home.path().join(".railway/config.json"), b"{\"user\":\"\xff\"}").unwrap();
    assert!(
        matches!(found(&[], Some(home.path())), Err(Error::CliConfig { cause, .. }) if cause.contains("column 10"))
    );
}

#[test]
fn config_file_is_never_modified() {
    let text = r#"{"user":{"accessToken":"cli","refreshToken":"never","tokenExpiresAt":0}}"#;
    let home = home("config.json", text);
    let folder = home.path().join(".railway");
    let before = folder.join("config.json").metadata().unwrap().modified().unwrap();
    assert!(found(&[], Some(home.path())).is_err());
    assert!(link(&variables(&[]), Some(home.path()), home.path()).unwrap().is_none());
    assert_eq!(fs::read_to_string(folder.join("config.json")).unwrap(), text);
    assert_eq!(folder.join("config.json").metadata().unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no lock file is created");
}

#[test]
fn nearest_linked_directory_wins() {
    let entry = |project: &str| format!(r#"{{"project":"{project}","environment":"e"}}"#);
    let text = format!(
        r#"{{"projects":{{"/":{},"/srv/shop":{},"/srv/shop/api":{{"project":""}},"/srv/shop-two":{},
           "/srv/shop/worker":{{"projectPath":"/elsewhere","name":"Shop","project":"p","environment":"e",
           "environmentName":"staging","service":"s","future":[1]}},"/srv/shop/twice":{},"/srv/shop/twice":{},
           "/odd":{{"project":"p\u0007","name":7,"environment":null,"service":""}}}}}}"#,
        entry("root"),
        entry("shop"),
        entry("two"),
        entry("first"),
        entry("last")
    );
    let home = home("config.json", &text);
    let of = |folder: &str| link(&variables(&[]), Some(home.path()), Path::new(folder)).unwrap().unwrap();
    let cases = [
        ("/srv/shop", "shop", "/srv/shop"),
        ("/srv/shop/", "shop", "/srv/shop"),
        ("/srv/shop/src/deep", "shop", "/srv/shop"),
        ("/srv/shop/api", "shop", "/srv/shop"),
        ("/srv/shop-two/src", "two", "/srv/shop-two"),
        ("/srv/shop-three", "root", "/"),
        ("/srv/Shop", "root", "/"),
        ("/srv/shop/twice", "last", "/srv/shop/twice"),
    ];
    for (folder, project, linked) in cases {
        let got = of(folder);
        assert_eq!((got.project_id.as_str(), got.folder.as_path()), (project, Path::new(linked)), "{folder}");
    }
    assert_eq!(
        of("/srv/shop/worker/src"),
        Link {
            project_id: "p".to_owned(),
            project_name: Some("Shop".to_owned()),
            environment_id: Some("e".to_owned()),
            environment_name: Some("staging".to_owned()),
            service_id: Some("s".to_owned()),
            folder: PathBuf::from("/srv/shop/worker"),
        }
    );
    let odd = of("/odd");
    assert_eq!(
        (odd.project_id.as_str(), odd.project_name, odd.environment_id, odd.service_id),
        ("p\u{7}", None, None, None)
    );
}

#[cfg(unix)]
#[test]
fn symlinked_directory_matches_its_real_path() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap().join("real");
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("alias")).unwrap();
    let text = serde_json::json!({ "projects": { real.to_str().unwrap(): { "project": "p" } } }).to_string();
    let home = home("config.json", &text);
    let got = link(&variables(&[]), Some(home.path()), &folder.path().join("alias")).unwrap().unwrap();
    assert_eq!(got.folder, real);
}

#[test]
fn missing_file_or_home_means_no_link() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(link(&variables(&[]), Some(folder.path()), folder.path()).unwrap(), None);
    assert_eq!(link(&variables(&[]), None, folder.path()).unwrap(), None);
}

#[test]
fn hundred_thousand_links_are_read_quickly() {
    let entries: Vec<String> = (0..100_000).map(|index| format!(r#""/p/{index}":{{"project":"{index}"}}"#)).collect();
    let home = home("config.json", &format!(r#"{{"projects":{{{}}}}}"#, entries.join(",")));
    let got = link(&variables(&[]), Some(home.path()), Path::new("/p/99999/src")).unwrap().unwrap();
    assert_eq!(got.project_id, "99999");
}

/// Looks up the token with that keyring for that target, where the Railway CLI has a login, too.
fn with_keyring(keyring: &InMemoryKeyring, pairs: Pairs<'_>, aim: &LoginTarget) -> Result<Credentials, Error> {
    let home = home("config.json", r#"{"user":{"accessToken":"cli","tokenExpiresAt":1800003600}}"#);
    find_at(&TokenSources {
        variables: &variables(pairs),
        home: Some(home.path()),
        now: Timestamp::from_second(NOW).unwrap(),
        cli_login: CliLogin::Allowed,
        keyring,
        host: "backboard.railway.com",
        api_url: None,
        target: aim,
    })
}

fn aim(project: &str, environment: Option<&str>) -> LoginTarget {
    LoginTarget { project: Some(project.to_owned()), environment: environment.map(ToOwned::to_owned) }
}

#[test]
fn keyring_ranks_between_environment_and_official_cli() {
    let keyring = InMemoryKeyring::default();
    let named = |text: &str| ResourceRef { id: format!("{text}-id"), name: text.to_owned() };
    let token = |pairs, aim: &LoginTarget| with_keyring(&keyring, pairs, aim).unwrap().token.expose().to_owned();
    assert_eq!(token(&[], &LoginTarget::default()), "cli");
    let mut logins = Logins::default();
    logins.add(named("shop"), named("staging"), Secret::new("old"));
    logins.add(named("shop"), named("staging"), Secret::new("p-staging"));
    logins.store(&keyring, "backboard.railway.com").unwrap();
    assert_eq!(token(&[], &LoginTarget::default()), "p-staging", "the only project token, without a target");
    assert_eq!(token(&[], &aim("blog", None)), "cli", "the token is for another project");
    logins.add(named("shop"), named("production"), Secret::new("p-production"));
    logins.general = Some(Login { kind: "an account token".to_owned(), token: Secret::new("account") });
    logins.store(&keyring, "backboard.railway.com").unwrap();
    for (aim, expected) in [
        (aim("shop", Some("staging")), "p-staging"),
        (aim("shop-id", Some("production-id")), "p-production"),
        (aim("shop", Some("other")), "account"),
        (aim("shop", None), "account"),
        (aim("blog", Some("staging")), "account"),
        (LoginTarget::default(), "account"),
    ] {
        assert_eq!(token(&[], &aim), expected, "{aim:?}");
    }
    assert_eq!(token(&[("RAILWAY_API_TOKEN", "a")], &LoginTarget::default()), "a");
    assert!(Logins::load(&keyring, "127.0.0.1:8099").unwrap().is_empty(), "another host has no login");
    Logins::forget(&keyring, "backboard.railway.com").unwrap();
    assert_eq!(token(&[], &LoginTarget::default()), "cli");
}

#[test]
fn login_command_is_for_the_address_of_api_url() {
    let login = |api_url| {
        let found = find_at(&TokenSources {
            variables: &variables(&[]),
            home: None,
            now: Timestamp::from_second(NOW).unwrap(),
            cli_login: CliLogin::Forbidden,
            keyring: &InMemoryKeyring::default(),
            host: "127.0.0.1:8099",
            api_url,
            target: &LoginTarget::default(),
        });
        let Err(Error::NoCredentials { login, .. }) = found else { panic!("{found:?}") };
        login.unwrap()
    };
    assert_eq!(login(None), "doctor auth login");
    let url = "http://127.0.0.1:8099/graphql/v2";
    assert_eq!(login(Some(url)), format!("doctor auth login --api-url={url}"));
    assert_eq!(login(Some("http://[::1]:1/a?b&c")), "doctor auth login --api-url='http://[::1]:1/a?b&c'");
    let help = KeyringError::Failed("broken".to_owned()).help(CliLogin::Forbidden).text;
    assert!(help.contains("both with the same `--api-url`, or set RAILWAY_TOKEN"), "{help}");
}

#[test]
fn unavailable_keyring_is_not_treated_as_empty() {
    for error in [KeyringError::Locked, KeyringError::Unresponsive, KeyringError::Failed("broken".to_owned())] {
        let keyring = InMemoryKeyring::broken(error.clone());
        // The environment has a token, so the keyring is not read.
        assert_eq!(
            with_keyring(&keyring, &[("RAILWAY_TOKEN", "p")], &LoginTarget::default()).unwrap().remarks,
            [""; 0]
        );
        let remarks = with_keyring(&keyring, &[], &LoginTarget::default()).unwrap().remarks;
        assert_eq!(remarks, [format!("{}, so ~/.railway/config.json is used", error.cause())]);
        let keyring_only = find_at(&TokenSources {
            variables: &variables(&[]),
            home: None,
            now: Timestamp::from_second(NOW).unwrap(),
            cli_login: CliLogin::Allowed,
            keyring: &keyring,
            host: "backboard.railway.com",
            api_url: None,
            target: &LoginTarget::default(),
        });
        let expected = Error::Keyring { cause: error.cause(), help: error.help(CliLogin::Allowed) };
        assert_eq!(keyring_only.unwrap_err(), expected);
    }
}
