//! Reading, suggestions, writing and paths, with real directories.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files::{
    self, Created, MissingDeclaredFile, PullOffer, ReadOutcome, create, declared_file_hint, default_env_file,
    display_path, env_files, locate, missing_flag_hint, no_env_file, normal, read_text, write_whole,
};
use crate::io::git::GitClient;

fn folder(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap();
    for file in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "A=1\n").unwrap();
    }
    (guard, folder)
}

fn read(path: &Path, working_folder: &Path) -> Result<Secret, Error> {
    let place = locate(path, working_folder, &GitClient::new(&BTreeMap::new()))?;
    files::read(path, &place, Duration::from_millis(200), working_folder)
}

/// Returns the path, the cause and the help of the error for a file.
fn refused(path: &Path, working_folder: &Path) -> (String, String, String) {
    match read(path, working_folder) {
        Err(Error::File { path, cause, help }) => (path, cause, help.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn file_is_read_byte_for_byte() {
    let (_guard, folder) = folder(&[]);
    for text in ["", "A=1", "\u{feff}A=1\r\nB='ü'\r\n", "A=\0\n"] {
        fs::write(folder.join(".env"), text).unwrap();
        assert_eq!(read(&folder.join(".env"), &folder).unwrap().expose(), text);
    }
}

#[test]
fn invalid_utf8_reports_position() {
    let (_guard, folder) = folder(&[]);
    let cases: &[(&[u8], &str)] = &[
        (b"\xff", "line 1, column 1"),
        (b"A=1\nB=marker-4711\xe9\n", "line 2, column 14"),
        ("A=1\r\n\r\nü=ä\u{7f}".as_bytes(), ""),
        (b"A=\xc3\xbc\xc3", "line 1, column 4"),
    ];
    for (bytes, place) in cases {
        fs::write(folder.join(".env"), bytes).unwrap();
        if place.is_empty() {
            assert!(read(&folder.join(".env"), &folder).is_ok());
            continue;
        }
        let (path, why, _) = refused(&folder.join(".env"), &folder);
        assert_eq!((path.as_str(), why.as_str()), (".env", format!("invalid UTF-8 at {place}").as_str()));
    }
}

#[test]
fn utf16_and_utf32_encodings_are_named() {
    let (_guard, folder) = folder(&[]);
    let text = "API_KEY=marker-4711\r\nÜ=1\r\n";
    let utf_16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let utf_32 = |order: fn(u32) -> [u8; 4]| text.chars().map(u32::from).flat_map(order).collect::<Vec<u8>>();
    let cases = [
        ("UTF-16", [b"\xff\xfe".to_vec(), utf_16(u16::to_le_bytes)].concat()),
        ("UTF-16", [b"\xfe\xff".to_vec(), utf_16(u16::to_be_bytes)].concat()),
        ("UTF-16", utf_16(u16::to_le_bytes)),
        ("UTF-16", utf_16(u16::to_be_bytes)),
        ("UTF-16", b"\xff\xfe".to_vec()),
        ("UTF-32", [b"\xff\xfe\0\0".to_vec(), utf_32(u32::to_le_bytes)].concat()),
        ("UTF-32", [b"\0\0\xfe\xff".to_vec(), utf_32(u32::to_be_bytes)].concat()),
    ];
    for (encoding, bytes) in cases {
        fs::write(folder.join(".env"), &bytes).unwrap();
        let (_, cause, help) = refused(&folder.join(".env"), &folder);
        assert_eq!(cause, format!("it is {encoding}, not UTF-8"));
        let command = format!("iconv -f {encoding}");
        assert!(help.contains(&command) && help.ends_with(" .env > .env.utf-8) && mv .env.utf-8 .env`"), "{help}");
    }
    for text in ["", "A", "A=\0\n", "A=1\0\0\n", "\0", "A\0"] {
        fs::write(folder.join(".env"), text).unwrap();
        assert!(read(&folder.join(".env"), &folder).is_ok(), "{text:?}");
    }
}

#[test]
fn file_size_limit_is_inclusive() {
    let (_guard, folder) = folder(&[]);
    let path = folder.join(".env");
    fs::write(&path, "12345678").unwrap();
    assert!(matches!(read_text(&path, 8), ReadOutcome::Text(text) if text.expose() == "12345678"));
    assert!(matches!(read_text(&path, 7), ReadOutcome::Unusable(_)));
    fs::File::create(&path).unwrap().set_len(4 * 1024 * 1024 + 1).unwrap();
    assert_eq!(refused(&path, &folder).1, "it is larger than 4 MiB");
    fs::write(&path, "A=1\n".repeat(200_001)).unwrap();
    assert_eq!(refused(&path, &folder).1, "it has more than 200000 lines");
}

#[test]
fn directory_is_not_a_file() {
    let (_guard, folder) = folder(&["shop/.env"]);
    assert_eq!(refused(&folder.join("shop"), &folder).1, "it is a directory, not a file");
    assert_eq!(refused(&folder.join("shop/.env/deeper"), &folder).1, "a part of the path is not a directory");
    assert_eq!(refused(Path::new("a\0b"), &folder).1, "invalid path");
}

#[cfg(unix)]
#[test]
fn special_files_are_refused_without_blocking() {
    use std::os::unix::net::UnixListener;
    let (_guard, folder) = folder(&[".env"]);
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
    assert!(made.success());
    let _listener = UnixListener::bind(folder.join("socket")).unwrap();
    std::os::unix::fs::symlink("pipe", folder.join("link")).unwrap();
    std::os::unix::fs::symlink(".env", folder.join("good")).unwrap();
    std::os::unix::fs::symlink("gone", folder.join("broken")).unwrap();
    // A program may still open a pipe for writing. Everything else is rejected immediately.
    for name in ["pipe", "link"] {
        assert_eq!(refused(&folder.join(name), &folder).1, "timed out after 0.2 s, before the end of the input");
        assert!(
            matches!(read_text(&folder.join(name), 8), ReadOutcome::Unusable(why) if why == "it is a pipe, not a file")
        );
    }
    assert_eq!(refused(&folder.join("socket"), &folder).1, "it is a socket, not a file");
    assert_eq!(refused(Path::new("/dev/zero"), &folder).1, "it is a device, not a file");
    assert_eq!(refused(&folder.join("broken"), &folder).1, "it is a symbolic link to gone, which does not exist");
    assert!(read(&folder.join("good"), &folder).is_ok());
}

#[test]
fn missing_file_suggests_existing_files() {
    const OTHER: &str = "check the path, or pass another file with `--env-file PATH`";
    let cases: &[(&[&str], &str, &str)] = &[
        (&[], ".env", OTHER),
        (&["README.md", "environment.ts"], ".env", OTHER),
        (
            &["apps/web/.env", "apps/api/.env", "libs/db/deep/.env", "node_modules/x/.env", ".env.example"],
            ".env",
            "found apps/api/.env, apps/web/.env and libs/db/deep/.env; pass one of them, or assign them to services: \
             `--env-file=apps/api/.env`, `doctor init`",
        ),
        (
            &["a/.env", "b/.env", "c/.env", "d/.env", "e/.env", "f/.env"],
            ".env",
            "found a/.env, b/.env, c/.env, d/.env and 2 more; pass one of them, or assign them to services: \
             `--env-file=a/.env`, `doctor init`",
        ),
        (&[".env", ".envrc"], ".env.staging", "to use .env instead, pass: `--env-file=.env`"),
        (
            &[".env.local", ".env.production", "x.env"],
            ".env.prod",
            "the files there are .env.production, .env.local, x.env; to use .env.production, pass: \
             `--env-file=.env.production`",
        ),
        (&["my own.env"], "my-own.env", "to use my own.env instead, pass: `--env-file='my own.env'`"),
        (&[".env.example"], ".env", "copy the template and fill it in: `cp .env.example .env`"),
        (&[".env.example", ".env.local"], ".env", "to use .env.local instead, pass: `--env-file=.env.local`"),
        (&[".env/keep"], ".env.local", OTHER),
    ];
    for (files, wanted, hint) in cases {
        let (_guard, folder) = folder(files);
        assert_eq!(refused(&folder.join(wanted), &folder).2, *hint, "{files:?}");
    }
}

#[test]
fn suggests_file_from_parent_directory_within_repository() {
    let (_guard, folder) = folder(&[".env", "repository/.git/HEAD", "repository/services/api/main.py"]);
    let api = folder.join("repository/services/api");
    let help = || match no_env_file(&api, &api, PullOffer::Allowed) {
        Error::NoEnvFile { path, searched, help } if path == ".env" && Path::new(&searched) == api => help.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(help(), "pass a file with `--env-file PATH`, or create it with the values on Railway: `doctor pull`");
    fs::write(folder.join("repository/.env"), "A=1").unwrap();
    assert_eq!(help(), "to use ../../.env instead, pass: `--env-file=../../.env`");
}

#[test]
fn passed_file_is_not_suggested() {
    let (_guard, folder) = folder(&[".git/HEAD", ".env", "docs/local.env", "docs/other.env"]);
    let docs = folder.join("docs");
    let help = |flags: &[&str]| {
        let flags: Vec<PathBuf> = flags.iter().map(PathBuf::from).collect();
        missing_flag_hint(&docs.join(".env"), &flags, &docs, PullOffer::Allowed).to_string()
    };
    let root = "to use ../.env instead, pass: `--env-file=../.env`";
    assert_eq!(
        help(&[".env"]),
        "the files there are local.env, other.env; to use local.env, pass: `--env-file=local.env`"
    );
    assert_eq!(help(&[".env", "./local.env"]), "to use other.env instead, pass: `--env-file=other.env`");
    assert_eq!(help(&["local.env", "other.env"]), root);
    assert_eq!(
        help(&["local.env", "other.env", "../.env"]),
        "check the path, or pass another file with `--env-file PATH`"
    );
}

#[cfg(unix)]
#[test]
fn link_out_of_the_checkout_is_not_suggested() {
    let (_guard, folder) = folder(&["private.env", "shop/.git/HEAD", "shop/config/.env", "shop/docs/keep"]);
    let docs = folder.join("shop/docs");
    let help = || missing_flag_hint(&docs.join(".env"), &[], &docs, PullOffer::Allowed).to_string();
    for name in ["shop/.env", "shop/docs/local.env"] {
        std::os::unix::fs::symlink(folder.join("private.env"), folder.join(name)).unwrap();
    }
    assert_eq!(help(), "check the path, or pass another file with `--env-file PATH`");
    fs::remove_file(folder.join("shop/.env")).unwrap();
    std::os::unix::fs::symlink("config/.env", folder.join("shop/.env")).unwrap();
    assert_eq!(help(), "to use ../.env instead, pass: `--env-file=../.env`");
}

#[test]
fn suggests_file_from_working_directory() {
    let (_guard, folder) = folder(&["doctor.toml", "apps/api/.env"]);
    let help = no_env_file(&folder, &folder.join("apps/api"), PullOffer::Allowed).help().unwrap().to_string();
    assert_eq!(help, "to use .env instead, pass: `--env-file=.env`");
}

#[test]
fn missing_declared_file_suggests_paths_of_doctor_toml() {
    for (files, wanted, expected, disabled) in [
        (&["worker/.env"][..], "worker/.env.prod", "did you mean `worker/.env`?", "did you mean `worker/.env`?"),
        (
            &["worker/a.env", "worker/b.env"],
            "worker/c.env",
            "use one of worker/a.env, worker/b.env",
            "use one of worker/a.env, worker/b.env",
        ),
        (
            &["worker/main.py"],
            "worker/.env",
            "correct the path, or create the file with the values on Railway: \
             `doctor pull --output=../worker/.env --service=job`",
            "correct the path, or create the file",
        ),
        (
            &["worker/.env.example"],
            "worker/.env",
            "create it with the values on Railway, or copy the template and fill it in: \
             `doctor pull --output=../worker/.env --service=job`, `cp ../worker/.env.example ../worker/.env`",
            "copy the template and fill it in: `cp ../worker/.env.example ../worker/.env`",
        ),
        (
            &["base.env", "worker/.env"],
            "worker/.env.local",
            "correct the path, create the file, or use only ../base.env: `--env-file=../base.env`",
            "correct the path, create the file, or use only ../base.env: `--env-file=../base.env`",
        ),
    ] {
        let (_guard, folder) = folder(files);
        fs::create_dir(folder.join("inner")).unwrap();
        let others = [folder.join("base.env")];
        let path = folder.join(wanted);
        let missing = MissingDeclaredFile { path: &path, base: &folder, others: &others, alias: Some("job") };
        for (pull, expected) in [(PullOffer::Allowed, expected), (PullOffer::Disabled, disabled)] {
            let help = declared_file_hint(missing, &folder.join("inner"), pull);
            assert_eq!(help.to_string(), expected, "{files:?}");
        }
    }
}

#[test]
fn missing_default_file_can_be_created_from_railway() {
    for (files, inside, allowed, disabled) in [
        (
            &["README.md"][..],
            "",
            "pass a file with `--env-file PATH`, or create it with the values on Railway: `doctor pull`",
            "pass a file with `--env-file PATH`",
        ),
        (
            &[".env.local"],
            "",
            "use .env.local, or create .env with the values on Railway: `--env-file=.env.local`, `doctor pull`",
            "to use .env.local instead, pass: `--env-file=.env.local`",
        ),
        (
            &[".env.example"],
            "",
            "create it with the values on Railway, or copy the template and fill it in: `doctor pull`, \
             `cp .env.example .env`",
            "copy the template and fill it in: `cp .env.example .env`",
        ),
        (
            &[".git/HEAD", ".env.example", "src/main.py"],
            "src",
            "the template is ../.env.example; create the .env next to it with the values on Railway: \
             `doctor pull --output=../.env`",
            "pass a file with `--env-file PATH`",
        ),
        (
            &[".git/HEAD", ".env", "src/main.py"],
            "src",
            "to use ../.env instead, pass: `--env-file=../.env`",
            "to use ../.env instead, pass: `--env-file=../.env`",
        ),
    ] {
        let (_guard, folder) = folder(files);
        let folder = folder.join(inside);
        for (pull, expected) in [(PullOffer::Allowed, allowed), (PullOffer::Disabled, disabled)] {
            let help = no_env_file(&folder, &folder, pull).help().unwrap().to_string();
            assert_eq!(help, expected, "{files:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn dangling_link_is_the_cause_and_not_suggested() {
    let (_guard, folder) = folder(&["x/keep"]);
    std::os::unix::fs::symlink("/nonexistent", folder.join(".env")).unwrap();
    let (_, cause, help) = refused(&folder.join(".env"), &folder);
    assert_eq!(cause, "it is a symbolic link to /nonexistent, which does not exist");
    assert_eq!(help, "check the path, or pass another file with `--env-file PATH`");
    let (_, cause, help) = refused(&folder.join(".env.local"), &folder);
    assert_eq!((cause.as_str(), help.contains("did you mean")), ("no such file", false));
}

#[test]
fn environment_specific_file_is_default_if_present() {
    let (_guard, folder) = folder(&[".env.staging", "x/.env"]);
    fs::create_dir_all(folder.join(".env.a/..")).unwrap();
    for (environment, file) in
        [("staging", ".env.staging"), ("production", ".env"), ("", ".env"), ("a/../x/.env", ".env")]
    {
        assert_eq!(default_env_file(&folder, environment), folder.join(file), "{environment}");
    }
}

#[test]
fn paths_are_displayed_relative_to_working_directory() {
    let cases = [
        ("/home/ada/shop", "/home/ada/shop/.env", ".env"),
        ("/home/ada/shop", ".env", ".env"),
        ("/home/ada/shop", "./worker/../.env", ".env"),
        ("/home/ada/shop", "worker/.env", "worker/.env"),
        ("/home/ada/shop", "/home/ada/shop", "."),
        ("/home/ada/shop", "/home/ada/.env", "../.env"),
        ("/home/ada/shop", "/home/ada/shop-two/.env", "../shop-two/.env"),
        ("/home/ada/shop/api", "/home/ada/.env", "../../.env"),
        ("/home/ada/shop/api/src", "/home/ada/.env", "/home/ada/.env"),
        ("/home/ada", "/etc/env", "/etc/env"),
        ("/", "/etc/env", "etc/env"),
    ];
    for (working_folder, path, shown) in cases {
        assert_eq!(display_path(Path::new(path), Path::new(working_folder)), shown, "{path} from {working_folder}");
    }
    assert_eq!(normal(Path::new("/a/./b/../../../c")), Path::new("/c"), "the root has no parent");
}

#[test]
fn report_replaces_whole_file() {
    let (_guard, folder) = folder(&["report.json"]);
    for text in ["longer than what was there\n", "", "short"] {
        write_whole(&folder.join("report.json"), text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("report.json")).unwrap(), text);
    }
    write_whole(&folder.join("new.json"), b"new").unwrap();
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["new.json", "report.json"], "no other file is left in the directory");

    let refused = |path: PathBuf| match write_whole(&path, b"x") {
        Err(Error::Output { cause: why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(folder.join("no/such/report.json")), "no such file or directory");
    assert_eq!(refused(folder.clone()), "is a directory");
}

#[cfg(unix)]
#[test]
fn report_preserves_symlink_and_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (_guard, folder) = folder(&["real/report.json"]);
    let (link, real) = (folder.join("link.json"), folder.join("real/report.json"));
    symlink("real/report.json", &link).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    write_whole(&link, b"new").unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert!(write_whole(Path::new("/dev/null"), b"x").is_err());
}

#[cfg(unix)]
#[test]
fn create_never_replaces_existing_path() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (_guard, folder) = folder(&["there", "dir/keep"]);
    symlink("gone", folder.join("dangling")).unwrap();
    symlink("there", folder.join("link")).unwrap();
    for name in ["there", "dir", "dangling", "link"] {
        assert_eq!(create(&folder.join(name), "new\n", &folder), Ok(Created::ThereAlready), "{name}");
    }
    assert_eq!(fs::read_to_string(folder.join("there")).unwrap(), "A=1\n");
    assert!(!folder.join("gone").exists());
    assert_eq!(create(&folder.join("new"), "new\n", &folder), Ok(Created::Now));
    assert_eq!(fs::read_to_string(folder.join("new")).unwrap(), "new\n");
    let plain = fs::File::create(folder.join("plain")).unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(folder.join("new").metadata().unwrap().permissions().mode(), plain, "the same mode as any new file");
    let Err(Error::Write { path, help, .. }) = create(&folder.join("no/new"), "", &folder) else { panic!() };
    assert!(path == "no/new" && help.text.starts_with("nothing was written"));
    let names = fs::read_dir(&folder).unwrap().count();
    assert_eq!(names, 6, "no other file is left");
}

#[test]
fn finds_only_likely_env_files() {
    let (_guard, folder) = folder(&[
        ".env",
        ".env.local",
        ".env.staging",
        ".env.example",
        ".env.sample",
        ".envrc",
        ".env.bak",
        ".env~",
        ".env.local~",
        ".env.vault",
        ".env.keys",
        ".env.doctor-abcdefghijkl",
        "env",
        "x.env",
        ".env.d/keep",
    ]);
    let found: Vec<String> = env_files(&folder).iter().map(|path| display_path(path, &folder)).collect();
    assert_eq!(found, [".env", ".env.local", ".env.staging"]);
}
