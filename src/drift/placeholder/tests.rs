use super::{MASKS, PLACEHOLDERS, SETTINGS, is_placeholder, is_unset};
use crate::drift::dotenv::LocalFile;
use crate::drift::example_file::Example;
use crate::drift::test_support::survey;
use crate::drift::{Secret, Survey};

#[test]
fn recognizes_placeholders() {
    assert!(PLACEHOLDERS.is_sorted() && SETTINGS.is_sorted() && MASKS.is_sorted());
    for value in [
        "changeme",
        "CHANGE_ME",
        "change me",
        " change-me\n",
        "<your-api-key>",
        "<sealed>",
        "<API KEY>",
        "***",
        "********",
        "XXXX",
        "•••",
        "...",
        "[SENSITIVE]",
        "«hidden»",
        "your-key-here",
        "YOUR_API_KEY",
        "put_the_token_here",
        "TODO",
        "__CHANGE_ME__",
        "{{CHANGE_ME}}",
        "[changeme]",
        "%REPLACE_ME%",
        "Please change me",
        "tbd",
    ] {
        assert!(is_placeholder(value), "{value}");
    }
}

#[test]
fn rejects_values_that_resemble_placeholders() {
    for value in [
        "",
        "  ",
        "changeme123",
        "do-not-changeme",
        "<html><body>hello</body></html>",
        "<br/>",
        "<>",
        "<a href=\"x\">",
        "**",
        "*",
        "x",
        "xx",
        "xxy",
        "your-domain.com",
        "yourkey",
        "your-app",
        "here",
        "put",
        "todo-list",
        "placeholders",
        "${API_KEY}",
        "your-very-long-and-winding-sentence-about-something-that-ends-with-key",
    ] {
        assert!(!is_placeholder(value), "{value}");
    }
}

#[test]
fn placeholder_phrases_count_only_under_a_secret_key() {
    for value in ["insert-token-here-now", "change-in-production", "0000000000000000", "my-secret-key", "sk-xxx"] {
        assert!(!is_unset("GREETING", value), "{value}");
    }
    for (key, value) in [
        ("API_KEY", "changeme123"),
        ("API_KEY", "yourkey"),
        ("API_KEY", "CHANGEME_IN_PROD"),
        ("API_KEY", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        ("API_KEY", "00000000-0000-0000-0000-000000000000"),
        ("API_KEY", "sk-1234567890"),
        ("API_KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("API_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("API_KEY", "dummy"),
        ("API_KEY", "dummy-stripe-key"),
        ("API_KEY", "example_api_key"),
        ("API_KEY", "placeholder-for-build"),
        ("API_KEY", "sk-<your key>"),
        ("API_KEY", "{{ vault_password }}"),
        ("API_KEY", "[your key]"),
        ("API_KEY", "Bearer <token>"),
        ("API_KEY", "insert_key"),
        ("API_KEY", "todo-set-this"),
        ("API_KEY", "needs-to-be-changed"),
        ("JWT_SECRET", "jwt_secret"),
        ("SENTRY_DSN", "https://xxx@xxx.ingest.sentry.io/xxx"),
        ("SENTRY_DSN", "https://your-dsn-here"),
        ("SENTRY_DSN", "https://..."),
        ("AMQP_DSN", "amqp://user:change-me@rabbit.example.com"),
        ("PRIVATE_KEY", "0x0000000000000000000000000000000000000000000000000000000000000000"),
        ("VITE_API_KEY", "your_api_key"),
    ] {
        assert!(is_unset(key, value), "{key}={value}");
    }
}

fn with_example(text: &str) -> Survey {
    let mut found = survey(&[], &[]);
    let file = LocalFile::parse(".env.example", Secret::new(text));
    found.examples.push(Example { file, beside: vec![0] });
    found
}

#[test]
fn secret_equal_to_its_example_is_unset() {
    for (line, expected) in [
        ("DB_PASSWORD=password", true),
        ("DB_PASSWORD=123456", true),
        ("API_KEY=f34be427ebb29de8d88c107a71546019", true),
        ("DSN=postgres://u:p@db.example.com/x", true),
        ("PORT=3000", false),
        ("APP_NAME=secret", false),
        ("REDIS_PASSWORD=null", false),
        ("REDIS_PASSWORD=", false),
        ("USE_AUTH=true", false),
        ("MAX_TOKENS=4096", false),
        ("ACCESS_TOKEN_EXPIRES_IN=15m", false),
        ("JWT_LIFETIME_KEY='7 days'", false),
        ("AUTH_URL=https://auth.example.com", false),
        ("AUTH_KEY=https://auth.example.com/jwks", false),
        ("SSL_KEY=/etc/ssl/key.pem", false),
        ("ADMIN_AUTH=admin@example.com", false),
        ("DSN=postgres://u:p@localhost/x", false),
        ("API_KEY='${SHARED_KEY}'", false),
        ("API_KEY='${{shared.API_KEY}}'", false),
        ("NEXT_PUBLIC_MAPS_KEY=AIzaSyB7xT9", false),
        ("STRIPE_PUBLISHABLE_KEY=pk_live_51Hb", false),
    ] {
        let found = with_example(&format!("{line}\n"));
        let entry = &found.examples[0].file.entries[0];
        assert_eq!(found.is_unset(&entry.key, &entry.value), expected, "{line}");
        assert!(!found.is_unset(&entry.key, &Secret::new("q8Zt3Lm9Vx2Rk7Wp5Yb1Nc6Hd4Js0Gf")), "{line}");
    }
}
