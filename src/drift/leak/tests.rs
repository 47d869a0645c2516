//! Tests which content is a leak.

use super::{CommittedFile, FileOrigin, KnownSecrets, Leak, LeakKind, kind, news, patterns};
use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;

fn shown(leak: &Leak) -> String {
    let line = leak.line.map_or_else(|| "-".to_owned(), |line| line.to_string());
    let what = match &leak.kind {
        LeakKind::Secret => "secret".to_owned(),
        LeakKind::Example => "example".to_owned(),
        LeakKind::Value(source) => format!("{}:{}", source.file, source.line),
    };
    format!("{}:{line} {} {what}", leak.file, leak.key)
}

/// Returns the leaks in a file, given the text of `.env` and the texts that the repository already contains.
fn leaks(env: &str, name: &str, bytes: &[u8], present: &str, accepted: &[&str]) -> Vec<String> {
    let accepted: Vec<String> = accepted.iter().map(|&pattern| pattern.to_owned()).collect();
    let known = KnownSecrets::of(&[LocalFile::parse(".env", Secret::new(env))], &accepted);
    let staged = CommittedFile { name, kind: kind(name), bytes, origin: &FileOrigin::Added };
    let candidates = known.candidates(staged);
    let texts = patterns(&candidates, 100);
    let present: Vec<&str> = texts.lines().filter(|line| present.contains(line)).collect();
    news(candidates, present.join("\n").as_bytes()).iter().map(shown).collect()
}

fn in_file(env: &str, name: &str, text: &str) -> Vec<String> {
    leaks(env, name, text.as_bytes(), "", &[])
}

#[test]
fn selects_local_values_to_search_for() {
    for (line, expected) in [
        ("NAME=4f1c9a77b2d04e55", true),
        ("NAME=s1xt33n-ch4rs-r4nd0m", false),
        ("NAME=4f1c9a77b2d04e5", false),
        ("NAME=sixteen-letters-ok", false),
        ("API_KEY=e1ght-ch", true),
        ("API_KEY=s3ven-c", false),
        ("API_KEY=<your-own-api-key>", false),
        ("API_KEY='${{shared.API_KEY}}'", false),
        ("DATABASE_URL=postgres://app:s3cr3t@localhost:5432/app", false),
        ("DATABASE_URL=postgres://app:s3cr3t@db.example.com:5432/app", true),
        ("NEXT_PUBLIC_MAPS_KEY=AIzaSyB-0123456789", false),
        ("NAME='                 '", false),
        ("API_KEY=op://dev/openai/credential", false),
        ("API_KEY='encrypted:BDqDBibm4wsYqMpCjTQ6'", false),
        ("API_KEY=vault:hunter2-hunter2", true),
        ("AUTH_METHOD=standard", false),
        ("API_KEY=acmecorp", false),
        ("SITE_URL=https://app.acme.dev/login", false),
        ("SUPPORT_EMAIL=support@acme.dev", false),
        ("PROJECT_NAME='Acme Full Stack Project'", false),
        ("COMPOSE_PROFILES=feature-complete", false),
        ("RAILWAY_PROJECT_ID=4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", false),
        ("OPENAI_MODEL=Mixtral-8x7b-Instruct-v0.1", false),
        ("STRIPE_KEY=pk_live_51H8xAbCdEfGhIjKlMnOp", false),
        ("DOCS_URL=https://git.acme.dev/blob/5d4461aa42cadbacfef8fe2166c5453a5c52773a/a.md", false),
        ("MODULE=product_value.variantvalueassignment.exists", false),
    ] {
        let file = LocalFile::parse(".env", Secret::new(line));
        let text = format!("x = '{}'\n", file.entries[0].value.expose());
        assert_eq!(in_file(line, "a.py", &text).len() == 1, expected, "{line}");
    }
}

#[test]
fn value_is_found_in_any_encoding_with_its_line() {
    let env = "# x\nAPI_KEY='k3y \"4\" you'\n";
    for (name, text, expected) in [
        ("a.py", "one\ntwo = 'k3y \"4\" you'\n", "a.py:2 API_KEY .env:2"),
        ("a.json", "{\"key\": \"k3y \\\"4\\\" you\"}", "a.json:1 API_KEY .env:2"),
        ("secret.yml", "data:\n  key: azN5ICI0IiB5b3U=\n", "secret.yml:2 API_KEY .env:2"),
        ("curl.sh", "-H 'Authorization: Basic dTprM3kgIjQiIHlvdQ=='", "curl.sh:1 API_KEY .env:2"),
        ("links.md", "https://x?key=k3y%20%224%22%20you", "links.md:1 API_KEY .env:2"),
        ("a.db", "\0\0\nk3y \"4\" you", "a.db:- API_KEY .env:2"),
        (".env.example", "# k3y \"4\" you", ".env.example:1 API_KEY .env:2"),
        (".env.production", "X=1\n# was k3y \"4\" you\n", ".env.production:2 API_KEY .env:2"),
        (".env.production", "\0GITCRYPT\0k3y \"4\" you\n", ".env.production:- API_KEY .env:2"),
    ] {
        assert_eq!(in_file(env, name, text), [expected], "{name}");
    }
    for text in ["k3y \"4\" yo", "K3Y \"4\" YOU", ""] {
        assert_eq!(in_file(env, "a.py", text), [""; 0], "{text}");
    }
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide: Vec<u8> = "\u{feff}one\nk3y \"4\" you".encode_utf16().flat_map(bytes).collect();
        assert_eq!(leaks(env, "a.txt", &wide, "", &[]), ["a.txt:2 API_KEY .env:2"], "UTF-16");
    }
}

#[test]
fn private_key_is_no_sample() {
    let example = |body: &str| format!("TLS_KEY=\"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\"\n");
    let real = example("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA");
    assert_eq!(in_file("A=1\n", ".env.example", &real).len(), 1);
    assert_eq!(in_file("A=1\n", ".env.example", &example("MIIE...")), [""; 0]);
}

#[test]
fn long_secret_is_found_with_any_line_breaks() {
    let block =
        "-----BEGIN PRIVATE KEY-----\nMIIBmarkerAAAAAAAAAAAA\nbbbbmarkerBBBBBBBBBBBB\n-----END PRIVATE KEY-----";
    let env = format!("A=1\nPEM='{block}'\n");
    for text in [
        block.to_owned(),
        block.replace('\n', "\r\n"),
        format!("key: |\n  {}\n", block.replace('\n', "\n  ")),
        format!("{{\"key\": \"{}\"}}", block.replace('\n', "\\n")),
        block.replace('\n', "\" +\n\t\""),
        "only MIIBmarkerAAAAAAAAAAAA".to_owned(),
        "only bbbbmarkerBBBBBBBBBBBB".to_owned(),
    ] {
        let found = in_file(&env, "a.txt", &text);
        assert!(found.len() == 1 && found[0].ends_with("PEM .env:2"), "{text}: {found:?}");
    }
    assert_eq!(in_file(&env, "a.txt", "-----BEGIN PRIVATE KEY-----\nother\n-----END PRIVATE KEY-----"), [""; 0]);
    let json = "{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"4f1c9a77b2d04e554f1c\"\n}";
    let env = format!("GOOGLE_CREDENTIALS='{json}'\n");
    assert_eq!(in_file(&env, "a.json", &json.replace(['\n', ' '], "")), ["a.json:1 GOOGLE_CREDENTIALS .env:1"]);
    assert_eq!(in_file(&env, "a.json", "{\"type\": \"service_account\"}"), [""; 0]);
    let env = "KEYS='[{\"name\": \"one\"}, [\"4f1c9a77b2d04e554f1c\"]]'\n";
    assert_eq!(in_file(env, "a.txt", "only 4f1c9a77b2d04e554f1c"), ["a.txt:1 KEYS .env:1"], "in an array");
}

#[test]
fn value_already_in_repository_is_not_a_leak() {
    let env = "API_KEY=the-k3y-itself\n";
    for (present, expected) in [("", 1), ("the-k3y", 1), ("x the-k3y-itself x", 0)] {
        assert_eq!(leaks(env, "a.py", b"'the-k3y-itself'", present, &[]).len(), expected, "{present}");
        assert_eq!(leaks("", ".env", env.as_bytes(), present, &[]).len(), expected, "{present}");
    }
    // git reports the longest of several texts at one place.
    let known = KnownSecrets::of(&[LocalFile::parse(".env", Secret::new(env))], &[]);
    let staged =
        CommittedFile { name: "a.py", kind: kind("a.py"), bytes: b"the-k3y-itself", origin: &FileOrigin::Added };
    assert_eq!(news(known.candidates(staged), b"longer-the-k3y-itself-1\nx").len(), 0);
    // A short value may occur anywhere by chance, so the whole line is compared.
    for (present, expected) in [("x9z", 1), ("a x9z b", 1), ("PASSWORD=x9z", 0)] {
        assert_eq!(leaks("", ".env", b"PASSWORD=x9z\n", present, &[]).len(), expected, "{present}");
    }
    assert_eq!(leaks(env, "a.py", b"the-k3y-itself", "", &["API_*"]), [""; 0], "the key is accepted");
    assert_eq!(leaks(env, ".env", env.as_bytes(), "", &["API_KEY"]), [""; 0], "the key is accepted");
}

#[test]
fn file_content_decides_and_not_its_name() {
    for (name, text, expected) in [
        (".env", "A=1\nAPI_KEY=4f1c9a77\nAPI_KEY=4f1c9a78\n", &[".env:2 API_KEY secret", ".env:3 API_KEY secret"][..]),
        ("api/.env.staging", "", &[]),
        (".env", "\u{0}\u{0}", &[]),
        (".env", "VITE_API_URL=https://api.acme.dev\nVITE_TITLE=Acme\n", &[]),
        (
            ".env.test",
            "API_KEY=test\nDB_PASSWORD=postgres\nDATABASE_URL=postgres://postgres:postgres@localhost/test\n",
            &[],
        ),
        (".env.production", "# @required\nAPI_URL=https://api.acme.dev\nAPI_KEY=\n", &[]),
        (
            ".env.production",
            "DATABASE_URL=postgres://app:s3cr3t@db.acme.dev/app\n",
            &[".env.production:1 DATABASE_URL secret"],
        ),
        (".dev.vars", "STRIPE_SECRET_KEY=sk_live_51H8xAbCdEfGhIjKlMnOp\n", &[".dev.vars:1 STRIPE_SECRET_KEY secret"]),
        (".env.keys", "DOTENV_PRIVATE_KEY=7d3f9a8b7c6d5e4f\n", &[".env.keys:1 DOTENV_PRIVATE_KEY secret"]),
        (".env.schema", "# @required\nAPI_KEY=\n", &[]),
        (".env.defaults", "API_KEY=changeme\nJWT_SECRET=your-256-bit-secret\n", &[]),
        (".env.example", "API_KEY=\nDB_PASSWORD=changeme\nJWT_SECRET=your-256-bit-secret\n", &[]),
        (".env.sample", "A=1\nAPI_KEY=4f1c9a77b2d04e\n", &[".env.sample:2 API_KEY example"]),
        ("config/prod.env", "PORT=1\nAPI_KEY=4f1c9a77b2d04e\n", &["config/prod.env:2 API_KEY example"]),
        ("a.py", "API_KEY=4f1c9a77b2d04e\n", &[]),
        (".env", "DOTENV_PUBLIC_KEY=\"03a5\"\nAPI_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6\n", &[]),
        (".env", "API_KEY=op://dev/openai/credential\nDB_PASSWORD=vault:secret/data/app#pw\n", &[]),
        (".env", "API_KEY='ENC[AES256_GCM,data:Tr7o=,iv:1=]'\nsops_version=3.9.0\n", &[]),
        (".env", "API_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6\nB_KEY=pl4in\n", &[".env:2 B_KEY secret"]),
    ] {
        assert_eq!(in_file("", name, text), expected, "{name}: {text}");
    }
}

#[test]
fn lines_of_a_long_file_are_counted_from_its_start() {
    // More than the lines that are parsed together.
    let settings = "LEVEL=1\n".repeat(5000);
    let text = format!("{settings}API_KEY=4f1c9a77b2d04e55\n{settings}# was sk_live_51H8xAbCdEfGhIjKlMnOp\nB_KEY=\n");
    let expected = [".env.production:5001 API_KEY secret", ".env.production:10002 B_KEY secret"];
    assert_eq!(in_file("", ".env.production", &text), expected);
}

#[test]
fn number_of_reported_secrets_is_limited() {
    let lines: Vec<String> = (0..9000).map(|number| format!("API_KEY_{number}=4f1c9a77b2d04e55")).collect();
    assert_eq!(in_file("", ".env.production", &lines.join("\n")).len(), 100);
}

#[test]
fn comments_and_fake_headers_hide_nothing() {
    let cipher = "API_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6\n";
    for (text, expected) in [
        (format!("# API_KEY=4f1c9a77b2d04e\n{cipher}"), "1 API_KEY"),
        (format!("{cipher}  # export OLD_TOKEN: '4f1c9a77b2d04e'\n"), "2 OLD_TOKEN"),
        (format!("# DB_PASSWORD was sk_live_51H8xAbCdEfGhIjKlMnOp\n{cipher}"), "1 DB_PASSWORD"),
        (format!("# old: sk_live_51H8xAbCdEfGhIjKlMnOp\n{cipher}"), "1 API_KEY"),
        (format!("{cipher}# old: sk_live_51H8xAbCdEfGhIjKlMnOp\nB_KEY=\nC_KEY=\n"), "2 B_KEY"),
        (format!("{cipher}# the last KEY: sk_live_51H8xAbCdEfGhIjKlMnOp\n"), "2 API_KEY"),
        (format!("{cipher}# set by Acme_Token_Store: sk_live_51H8xAbCdEfGhIjKlMnOp\n"), "2 API_KEY"),
        (format!("{cipher}# on STAGING: sk_live_51H8xAbCdEfGhIjKlMnOp\n"), "2 API_KEY"),
        ("\0GITCRYPT\0\nAPI_KEY=4f1c9a77b2d04e\n".to_owned(), "2 API_KEY"),
        ("\0GITCRYPT\0API_KEY=4f1c9a77b2d04e\n".to_owned(), "1 API_KEY"),
    ] {
        assert_eq!(in_file("", ".env.production", &text), [format!(".env.production:{expected} secret")], "{text}");
    }
    for text in [
        "#/-------------------[DOTENV_PUBLIC_KEY]--------------------/\n#/            public-key encryption for .env files          /\n",
        "# see https://docs.acme.dev/4f1c9a77b2d04e554f1c9a77b2d04e55\n",
        "# API_KEY=\n# TOKEN=<your token>\n# set API_KEY here\n",
        "#ENC[AES256_GCM,data:Tr7oTr7oTr7oTr7o1a2b3c,iv:1=,tag:k=]\n",
    ] {
        assert_eq!(in_file("", ".env.production", &format!("{text}{cipher}")), [""; 0], "{text}");
    }
    let encrypted = [&b"\0GITCRYPT\0"[..], &[0x8f, 0xfe, 0x01, 0xc3, 0x28, b'\n', b'=', 0xff]].concat();
    assert_eq!(leaks("", ".env", &encrypted, "", &[]), [""; 0]);
}
