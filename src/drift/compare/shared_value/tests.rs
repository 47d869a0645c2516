use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::drift::Secret;
use crate::drift::compare::shared_value::{are_live_keys, is_separate_secret};

#[test]
fn secrets_should_differ_between_environments() {
    let private_key =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "MIIB4f1c9a77b2d0".repeat(4));
    let bundle = format!("-----BEGIN CERTIFICATE-----\nMIIB4f1c9a77b2d0\n-----END CERTIFICATE-----\n{private_key}");
    let encoded = STANDARD.encode(&bundle);
    let jwk = STANDARD.encode(r#"{"kty":"RSA","n":"kV93xTzLq0PwMn72","d":"RbYcJd5S"}"#);
    // {"alg":"HS256","typ":"JWT"} and {"role":"service_role","iat":1700000000}
    let service_role =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIiwiaWF0IjoxNzAwMDAwMDAwfQ.kV93xTzLq0PwMn72";
    for (key, value) in [
        ("JWT_SECRET", "k3y-of-this-shop"),
        ("SESSION_SECRET", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("STRIPE_SECRET_KEY", "sk_live_51H8xAbCdEfGhIjKlMnOp"),
        ("STRIPE_SECRET_KEY", "sk_test_51H8xAbCdEfGhIjKlMnOp"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_8Kd03jfLq92MsnXbv71"),
        ("OPENAI_API_KEY", "sk-proj-4f1c9a77b2d04e55"),
        ("SENDGRID_API_KEY", "SG.kV93xTzLq0PwMn72RbYcJd5S"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI4K7MDENGbPxRfiCYq8v"),
        ("DB_PASSWORD", "correct horse battery staple"),
        ("DB_PASSWORD", "84913377"),
        ("DB_PASSWORD", "kV93xTzLq0PwMn72$"),
        ("PARTNER_URL", "https://ada:s3cr3tk3y@api.partner.dev"),
        ("PARTNER_URL", "https://kV93xTzLq0PwMn72RbYcJd5S@api.partner.dev/v1"),
        ("CLOUDINARY_URL", "cloudinary://4711:kV93xTzLq0PwMn72@acme"),
        ("GITHUB_TOKEN", "ghp_a8Kd03jfLq92MsnXbv71"),
        ("DISCORD_TOKEN", "MTk4NjIyNDgz.GkV93x.XzLq0PwMn72RbYcJd5S"),
        ("API_TOKEN", "acme.shop.kV93xTzLq0PwMn72RbYcJd5S"),
        ("API_KEY", "BkV93xTzLq0PwMn72RbYcJd5S"),
        ("SUPABASE_KEY", service_role),
        ("SIGNING_KEY", private_key.as_str()),
        ("DB_SSL_CLIENT_KEY", private_key.as_str()),
        ("TLS_BUNDLE", bundle.as_str()),
        ("TLS_BUNDLE", encoded.as_str()),
        ("CONFIG", jwk.as_str()),
        ("CONFIG", "ghp_a8Kd03jfLq92MsnXbv71"),
        ("WORDPRESS_NONCE_SALT", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("UPSTREAM_AUTHORIZATION", "Bearer kV93xTzLq0PwMn72RbYcJd5S"),
        ("HEADER", "Bearer kV93xTzLq0PwMn72RbYcJd5S"),
        ("HEADER", "Bearer AAAAkV93xTzLq0PwMn72RbYcJd5S"),
        ("VAULT_SECRET_ID", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab"),
        ("BASIC_AUTH_PASSWORD", "letmein-acme-9381"),
        ("ADMIN_PASSWORD", "harbor-Staging-42"),
        ("SETTINGS_JSON", r#"{"apiKey":"kV93xTzLq0PwMn72RbYcJd5S"}"#),
        ("CONFIG", r#"{"stripe":{"secretKey":"sk_live_51H8xAbCdEfGhIjKlMnOp"}}"#),
        ("API_KEYS", r#"["kV93xTzLq0PwMn72RbYcJd5S"]"#),
        ("JAAS_CONFIG", r#"Login required username="shop" password="kV93xTzLq0PwMn72RbYcJd5S";"#),
        ("KUBECONFIG", "users:\n- user:\n    token: kV93xTzLq0PwMn72RbYcJd5S\n"),
        ("CONFIG_TOML", "user = \"shop\"\npassword = \"kV93xTzLq0PwMn72RbYcJd5S\"\n"),
        ("ENV_FILE", "A=1\nSTRIPE_SECRET_KEY=sk_live_51H8xAbCdEfGhIjKlMnOp\nB=2"),
        ("CLIENT_KEY", "sk_live_51H8xAbCdEfGhIjKlMnOp"),
        ("AZURE_SEARCH_KEY", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("HCAPTCHA_SECRET", "0x4f1c9a77b2d04e554f1c9a77b2d04e554f1c9a77"),
        ("RECAPTCHA_SECRET_KEY", "6LdVeUYUAAAAAAPX2XAH71soH8xVPrMjpIR3pE8f"),
        ("RECAPTCHA_API_KEY", "kV93xTzLq0PwMn72RbYcJd5SkV93xTzLq0PwMn72"),
        ("ALGOLIA_ADMIN_API_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("TURNSTILE_KEY", "0x4AAAAAAABkV93xTzLq0PwMn72RbYcJd5S"),
        ("WALLET_PRIVATE_KEY", "0x4f1c9a77b2d04e554f1c9a77b2d04e554f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("IDP_METADATA_URL", "https://login.acme.dev/metadata?token=kV93xTzLq0PwMn72RbYcJd5S"),
        ("SALT", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("SALT", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("ENCRYPTION_KEY", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T024BE7LD/B0A1/kV93xTzLq0PwMn72RbYcJd5S"),
        ("GOOGLE_API_KEY", "AIzaSyD3kV93xTzLq0PwMn72RbYcJd5S"),
    ] {
        assert!(is_separate_secret(key, &Secret::new(value)), "{key}");
    }
}

#[test]
fn other_values_may_be_the_same() {
    // {"alg":"HS256","typ":"JWT"} and {"role":"anon","iat":1700000000}
    let anonymous = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoiYW5vbiIsImlhdCI6MTcwMDAwMDAwMH0.kV93xTzLq0PwMn72";
    for (key, value) in [
        ("JWT_SECRET", "k3y-0f1"),
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "change-me-in-production"),
        ("JWT_SECRET", "<your key here>"),
        ("API_KEY", "op://dev/openai/credential"),
        ("API_KEY", "${{shared.API_KEY}}"),
        ("API_KEY", "prefix-4f1c9a77b2d04e55-${{shared.API_KEY}}"),
        ("DB_PASSWORD", "postgres"),
        ("VITE_API_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("NEXT_PUBLIC_API_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("SUPABASE_ANON_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("SUPABASE_KEY", anonymous),
        ("STRIPE_KEY", "pk_live_51H8xAbCdEfGhIjKlMnOp"),
        ("STRIPE_KEY", "pk_test_51H8xAbCdEfGhIjKlMnOp"),
        ("STRIPE_PUBLISHABLE_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("POSTHOG_KEY", "phc_8Kd03jfLq92MsnXbv71kV93xTzLq0PwM"),
        ("DATADOG_TOKEN", "pub4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("FIREBASE_API_KEY", "AIzaSyD3kV93xTzLq0PwMn72RbYcJd5S"),
        ("RECAPTCHA_SECRET_KEY", "6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe"),
        ("TURNSTILE_SECRET_KEY", "1x0000000000000000000000000000000AA"),
        ("STRIPE_SECRET_KEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
        ("SENTRY_DSN", "https://4f1c9a77b2d04e554f1c9a77b2d04e55@o1.ingest.sentry.io/2"),
        ("SENTRY_DSN", "https://kV93xTzLq0PwMn72RbYcJd5S@glitchtip.acme.dev/2"),
        ("SITE_URL", "https://app.acme.dev/login"),
        ("CDN_URL", "https://cdn.acme.dev/assets"),
        ("AUTH_URL", "https://login.acme.dev/oauth2/authorize"),
        ("DATABASE_URL", "postgres://app:s3cr3tk3y@db.acme.dev/app"),
        ("DATABASE_URL", "postgres://app:s3cr3tk3y@postgres.railway.internal/app"),
        ("ELASTICSEARCH_URL", "https://elastic:s3cr3tk3y@es.acme.dev:9200"),
        ("REDIS_URL", "rediss://default:kV93xTzLq0PwMn72@quick-cat-1.upstash.io:6379"),
        ("DATABASE_URL", "prisma://accelerate.prisma-data.net/?api_key=kV93xTzLq0PwMn72RbYcJd5S"),
        ("DB_CONNECTION_STRING", "Server=db.acme.dev;Database=shop;User Id=app;Password=kV93xTzLq0PwMn72RbYc"),
        ("SUPPORT_EMAIL", "support-team@acme.dev"),
        ("TOKEN_EMAIL", "billing-department@acme.dev"),
        ("FEATURE_NEW_CHECKOUT", "enabled"),
        ("FEATURE_FLAGS", "new-checkout,dark-mode,fast-search"),
        ("SESSION_SECRET_ROTATION", "true"),
        ("MAX_TOKENS", "12000000"),
        ("TOKEN_TTL", "31536000"),
        ("GREETING", "Welcome back, dear customer of ours"),
        ("RAILWAY_PROJECT_ID", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab"),
        ("TENANT", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab"),
        ("AWS_ACCESS_KEY_ID", "AKIA4F1C9A77B2D04EQX"),
        ("GOOGLE_CLIENT_ID", "123456789012-kv93xtzlq0pwmn72rbycjd5s.apps.googleusercontent.com"),
        ("RELEASE", "5d4461aa42cadbacfef8fe2166c5453a5c52773a"),
        ("GIT_COMMIT", "5d4461a"),
        ("APP_IMAGE", "ghcr.io/acme/app@sha256:4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("TLS_KEY", "certs/server/private/key.pem"),
        ("S3_BUCKET", "acme-uploads-4f1c9a77b2d0"),
        ("TLS_CERT", "-----BEGIN CERTIFICATE-----\nMIIB4f1c9a77b2d04e55\n-----END CERTIFICATE-----"),
    ] {
        assert!(!is_separate_secret(key, &Secret::new(value)), "{key}={value}");
    }
}

#[test]
fn public_texts_and_identifiers_may_be_the_same() {
    let encoded = STANDARD.encode("-----BEGIN CERTIFICATE-----\nMIIB4f1c9a77b2d04e55\n-----END CERTIFICATE-----");
    let vapid = format!("B{}", "kV93xTzLq0-_Mn72RbYcJd".repeat(4).split_at(86).0);
    for (key, value) in [
        ("TLS_CERT_KEY", encoded.as_str()),
        ("NAME", "Tr0ub4dor3xK9pQ2"),
        ("STRIPE_PRODUCT", "prod_kV93xTzLq0PwMn"),
        ("CLOUDFLARE_ACCOUNT", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("PRIVATE_SUBNETS", "subnet-0a1b2c3d4e5f67890,subnet-0b1b2c3d4e5f67891"),
        ("CSP", "script-src 'self' 'sha256-kV93xTzLq0PwMn72RbYcJd5SkV93xTzLq0PwMn72RbY='"),
        ("CONNECTION_STRING", "InstrumentationKey=4f1c9a77-b2d0-4e5a-9c1d-0123456789ab;Region=kV93xTzLq0PwMn72"),
        ("PASSWORD_HASHERS", "django.contrib.auth.hashers.Argon2PasswordHasher"),
        ("PASSWORD_HASHERS", "['a.b.Argon2PasswordHasher', 'a.b.BCryptSHA256PasswordHasher']"),
        ("PASSWORD_PATTERN", "(?=.*[A-Z])(?=.*[0-9]).{8,}"),
        ("PASSWORD_RULE", "^(?=.*[A-Z])(?=.*[0-9]).{8,}$"),
        ("PARTITION_KEY", "tenantId#createdAt"),
        ("SORT_KEY", "createdAt#orderNumber"),
        ("KMS_KEY", "arn:aws:kms:eu-west-1:482913745120:key/9d8e7f6a-1b2c-4d3e-8f9a-0b1c2d3e4f5a"),
        ("HOST_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIkV93xTzLq0PwMn72RbYcJd5S"),
        ("AUTHORIZED_KEYS", "# deploy\nssh-rsa AAAAB3NzaC1yc2EkV93xTzLq0PwMn72 ada@acme.dev\n"),
        ("SSH_KEYS", "github.com ecdsa-sha2-nistp256 AAAAE2VjZHNhkV93xTzLq0PwMn72"),
        ("TOKEN_KEY", "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
        ("GOOGLE_KEY", "123456789012-kv93xtzlq0pwmn72rbycjd5s.apps.googleusercontent.com"),
        ("GITHUB_KEY", "Iv1.8a61f9b3a7aba766"),
        ("GITHUB_KEY", "Iv23kV93xTzLq0PwMn72"),
        ("RECAPTCHA_KEY", "6LdVeUYUAAAAAAPX2XAH71soH8xVPrMjpIR3pE8f"),
        ("TURNSTILE_KEY", "0x4AAAAAAABkV93xTzLq0Pw"),
        ("VAPID_KEY", vapid.as_str()),
        ("AGE_KEY", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
        ("ALGOLIA_SEARCH_API_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("SEARCH_KEY", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("SEGMENT_WRITE_KEY", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("SOCIAL_AUTH_TWITTER_KEY", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("PADDLE_CLIENT_TOKEN", "live_4f1c9a77b2d04e554f1c9a77b2d"),
        ("ADYEN_CLIENT_KEY", "kV93xTzLq0PwMn72RbYcJd5S"),
        ("ROLLBAR_POST_CLIENT_ITEM_TOKEN", "4f1c9a77b2d04e554f1c9a77b2d04e55"),
        ("WEB_CONFIG", r#"{"apiKey":"AIzaSyD3kV93xTzLq0PwMn72RbYcJd5S","authDomain":"acme.firebaseapp.com"}"#),
        ("NEXT_PUBLIC_CONFIG", r#"{"apiKey":"kV93xTzLq0PwMn72RbYcJd5S"}"#),
        ("JWT_KEYS", r#"{"keys":[{"kty":"RSA","n":"kV93xTzLq0PwMn72RbYcJd5S","e":"AQAB"}]}"#),
        ("SETTINGS", r#"{"checkout":{"enabled":true,"variant":"kV93xTzLq0PwMn72RbYcJd5S"}}"#),
        ("SAML_ISSUER", "https://acme.okta.com/app/exk1abc2def3GHI4j5d7/sso/saml"),
        ("IDP_METADATA_URL", "https://acme.okta.com/app/exk1abc2def3GHI4j5d7/sso/saml/metadata"),
        ("ADMIN_PASSWORD", "acme-9381"),
        ("ADMIN_PASSWORD", "test-password-123"),
        ("BASIC_AUTH_PASSWORD", "basic-auth-2024"),
        ("BASIC_AUTH_PASSWORD", "your-password-2024"),
        ("SESSION_SECRET", "my-super-secret-session-key"),
        ("SIGNING_KEY", "shop-signing-2024"),
        ("DB_SECRET", "acme/prod/shop-2024"),
    ] {
        assert!(!is_separate_secret(key, &Secret::new(value)), "{key}={value}");
    }
}

#[test]
fn different_live_keys_of_a_provider_are_both_live() {
    for (key, one, other, expected) in [
        ("STRIPE_SECRET_KEY", "sk_live_51H8xA", "sk_live_51H8xB", true),
        ("STRIPE_SECRET_KEY", "sk_live_51H8xA", "rk_live_51H8xB", true),
        ("MOLLIE_API_KEY", "live_4f1c9a77", "live_4f1c9a78", true),
        ("PADDLE_API_KEY", "pdl_live_apikey_1", "pdl_live_apikey_2", true),
        ("PLAID_SECRET", "access-production-1", "access-production-2", true),
        ("FLW_SECRET_KEY", "FLWSECK-1-X", "FLWSECK-2-X", true),
        ("XENDIT_SECRET_KEY", "xnd_production_1", "xnd_production_2", true),
        ("TRIGGER_SECRET_KEY", "tr_prod_1", "tr_prod_2", true),
        ("STRIPE_SECRET_KEY", "sk_live_51H8xA", "sk_live_51H8xA", false),
        ("STRIPE_SECRET_KEY", "sk_live_51H8xA", " sk_live_51H8xA\n", false),
        ("STRIPE_SECRET_KEY", "sk_test_51H8xA", "sk_live_51H8xB", false),
        ("STRIPE_SECRET_KEY", "sk_live_51H8xA", "sk_test_51H8xB", false),
        ("STRIPE_SECRET_KEY", "sk_test_51H8xA", "sk_test_51H8xB", false),
        ("STRIPE_SECRET_KEY", "sk_live_xxxxxxxx", "sk_live_51H8xB", false),
        ("STRIPE_KEY", "pk_live_51H8xA", "pk_live_51H8xB", false),
        ("FLW_SECRET_KEY", "FLWSECK_TEST-1-X", "FLWSECK-2-X", false),
        ("JWT_SECRET", "4f1c9a77b2d04e55", "4f1c9a77b2d04e56", false),
        ("MODE", "live_4f1c9a77", "live_4f1c9a78", false),
        ("STRIPE_SECRET_KEY", "", "", false),
    ] {
        assert_eq!(are_live_keys(key, &Secret::new(one), &Secret::new(other)), expected, "{key}={one} {other}");
    }
}

/// Quadratic work would take minutes here.
#[test]
fn long_values_take_linear_time() {
    let member = format!("{{\"{}\": [\"standard\"{}]}}", "aB".repeat(15_000), ",\"standard\"".repeat(2500));
    assert!(!is_separate_secret("NAME", &Secret::new(member)));
    assert!(!is_separate_secret("NAME", &Secret::new("[".repeat(60_000))));
    for piece in
        ["a", "aB3", "://", "@", "${", "<a", "-----BEGIN ", "x=", "eyJ.", "live_", "eyJh", "key=a3B ", "a.b.C,"]
    {
        let value = Secret::new(piece.repeat(60_000 / piece.len()));
        is_separate_secret("API_KEY", &value);
        is_separate_secret("NAME", &value);
        let value = Secret::new(piece.repeat(400_000));
        assert!(!is_separate_secret("API_KEY", &value) && !are_live_keys("API_KEY", &value, &value), "{piece}");
    }
}
