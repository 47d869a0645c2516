//! Recognises pairs of a provider's test key and live key.

use crate::drift::secret_like::is_secret_like;

/// Words that mark a test key.
const TEST: [&str; 6] = ["dev", "development", "sandbox", "sbox", "sdbx", "test"];

/// Words that mark a live key.
const LIVE: [&str; 3] = ["live", "prod", "production"];

/// Pairs of test and live prefixes that do not differ in exactly one word: Checkout.com, Convex, `EasyPost`,
/// Flutterwave, Midtrans, Mercado Pago, Omise, Svix, Square.
const PREFIXES: [(&str, &str); 13] = [
    ("EZTK", "EZAK"),
    ("FLWPUBK_TEST-", "FLWPUBK-"),
    ("FLWSECK_TEST-", "FLWSECK-"),
    ("SB-Mid-", "Mid-"),
    ("TEST-", "APP_USR-"),
    ("dev:", "prod:"),
    ("pk_sbox_", "pk_"),
    ("pkey_test_", "pkey_"),
    ("sandbox-sq0", "sq0"),
    ("sk_sbox_", "sk_"),
    ("skey_test_", "skey_"),
    ("testpk_", "pk_"),
    ("testsk_", "sk_"),
];

/// Keys that captcha providers publish for tests: reCAPTCHA, Turnstile, hCaptcha.
const PUBLISHED: [&str; 5] =
    ["6LeIxAcTAAAAA", "10000000-ffff-ffff-ffff-000000000001", "1x000000", "2x000000", "3x000000"];

/// Secret keys that providers publish for tests, besides those for captchas: hCaptcha's secret, and the keys in Stripe's
/// documentation.
const PUBLISHED_SECRETS: [&str; 3] = [
    "0x0000000000000000000000000000000000000000",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "sk_test_BQokikJOvBiI2HlWgH4olfQ2",
];

/// Prefixes of secret keys that act on live data. Those with a publishable counterpart (`pk_live_`), and those of
/// providers whose test keys have the same prefix (`APP_USR-`), are not in the list.
const LIVE_SECRETS: [&str; 21] = [
    "EZAK",
    "FLWSECK-",
    "Mid-server-",
    "access-production-",
    "access_token$production$",
    "cfsk_ma_prod_",
    "duffel_live_",
    "pdl_live_",
    "persona_production_",
    "rk_live_",
    "secret-live-",
    "secret_live_",
    "shippo_live_",
    "signkey-prod-",
    "sk_live_",
    "sk_prod_",
    "skey_",
    "sq0atp-",
    "sq0csp-",
    "tr_prod_",
    "xnd_production_",
];

/// The number of words that a prefix may have: `sk_test`, `access-sandbox`.
const PREFIX_WORDS: usize = 3;

/// Returns whether the value is a secret key that acts on live data. Publishable keys are not secret.
pub(super) fn is_live_secret(key: &str, text: &str) -> bool {
    let continues = |rest: &str| !rest.is_empty();
    let is_test = |(test, _): &(&str, &str)| text.starts_with(test);
    // Mollie, Lob, Chargebee: only the key shows that it is no other text.
    let by_key = || is_secret_like(key) && text.strip_prefix("live_").is_some_and(continues);
    // Convex
    let deploy_key = || text.strip_prefix("prod:").and_then(|rest| rest.split_once('|')).is_some();
    let is_listed = || LIVE_SECRETS.iter().any(|live| text.strip_prefix(live).is_some_and(continues));
    !PREFIXES.iter().any(is_test) && (is_listed() || by_key() || deploy_key())
}

/// Returns whether a provider publishes the key for tests.
pub(super) fn is_published(text: &str) -> bool {
    PUBLISHED.iter().any(|start| text.starts_with(start)) || PUBLISHED_SECRETS.contains(&text)
}

/// Returns whether one value is a test key and the other one a live key of the same kind: `sk_test_…` and `sk_live_…`.
pub(super) fn is_pair(key: &str, test: &str, live: &str) -> bool {
    let is_prefix =
        |(one, other): &(&str, &str)| test.starts_with(one) && live.starts_with(other) && !live.starts_with(one);
    let is_published = |text: &str| PUBLISHED.iter().any(|start| text.starts_with(start));
    if PREFIXES.iter().any(is_prefix) || (is_published(test) && !is_published(live) && !live.is_empty()) {
        return true;
    }
    let is_sign = |sign: char| matches!(sign, '_' | '-' | ':');
    let mut pairs = test.split(is_sign).zip(live.split(is_sign)).take(PREFIX_WORDS).enumerate();
    let difference = pairs.find(|(_, (one, other))| !one.eq_ignore_ascii_case(other));
    let Some((index, (one, other))) = difference else { return false };
    let is_one_of = |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    let continues = |text: &str| text.split(is_sign).count() > index + 1;
    // If the values already differ in the first word, the key must be secret-like: `test_uploads` is not a test key.
    is_one_of(&TEST, one)
        && is_one_of(&LIVE, other)
        && continues(test)
        && continues(live)
        && (index > 0 || is_secret_like(key))
}

#[cfg(test)]
mod tests {
    use crate::drift::expected_differences::test_key::{is_live_secret, is_pair, is_published};

    #[test]
    fn pair_differs_in_its_mode_marker() {
        for (key, test, live, expected) in [
            ("STRIPE_SECRET_KEY", "sk_test_51Hx", "sk_live_51Hy", true),
            ("STRIPE_KEY", "pk_test_1", "pk_live_2", true),
            ("STRIPE_RESTRICTED", "rk_test_1", "rk_live_2", true),
            ("RAZORPAY_KEY_ID", "rzp_test_1", "rzp_live_2", true),
            ("MOLLIE_API_KEY", "test_1", "live_2", true),
            ("PLAID_ACCESS_TOKEN", "access-sandbox-1", "access-production-2", true),
            ("PADDLE_API_KEY", "pdl_sdbx_apikey_1", "pdl_live_apikey_2", true),
            ("FLW_SECRET_KEY", "FLWSECK_TEST-1-X", "FLWSECK-1-X", true),
            ("MP_ACCESS_TOKEN", "TEST-1-2", "APP_USR-1-2", true),
            ("CKO_SECRET_KEY", "sk_sbox_1", "sk_2", true),
            ("XENDIT_SECRET_KEY", "xnd_development_1", "xnd_production_2", true),
            ("MIDTRANS_SERVER_KEY", "SB-Mid-server-1", "Mid-server-2", true),
            ("OMISE_SECRET_KEY", "skey_test_1", "skey_2", true),
            ("CASHFREE_SECRET_KEY", "cfsk_ma_test_1", "cfsk_ma_prod_2", true),
            ("STYTCH_SECRET", "secret-test-1", "secret-live-2", true),
            ("LIVEBLOCKS_SECRET_KEY", "sk_dev_1", "sk_prod_2", true),
            ("TRIGGER_SECRET_KEY", "tr_dev_1", "tr_prod_2", true),
            ("INNGEST_SIGNING_KEY", "signkey-test-1", "signkey-prod-2", true),
            ("CONVEX_DEPLOY_KEY", "dev:happy-animal-1|x", "prod:happy-animal-2|y", true),
            ("CONVEX_DEPLOYMENT", "dev:happy-animal-1", "prod:happy-animal-2", true),
            ("EASYPOST_API_KEY", "EZTK1", "EZAK2", true),
            ("TURNSTILE_SITE_KEY", "1x00000000000000000000AA", "0x4AAAAAAA", true),
            ("RECAPTCHA_SITE_KEY", "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI", "6Lc_aXkUAAAA", true),
            ("TURNSTILE_SITE_KEY", "1x00000000000000000000AA", "", false),
            ("TURNSTILE_SITE_KEY", "1x00000000000000000000AA", "2x00000000000000000000AB", false),
            ("TURNSTILE_SITE_KEY", "0x4AAAAAAA", "0x4BBBBBBB", false),
            ("CKO_SECRET_KEY", "sk_sbox_1", "sk_sbox_2", false),
            ("OMISE_SECRET_KEY", "skey_test_1", "skey_test_2", false),
            ("REGION", "dev-1", "prod-2", false),
            ("STRIPE_SECRET_KEY", "sk_test_1", "pk_live_2", false),
            ("STRIPE_SECRET_KEY", "sk_test_1", "sk_test_2", false),
            ("STRIPE_SECRET_KEY", "sk_live_1", "sk_test_2", false),
            ("STRIPE_SECRET_KEY", "sk_test", "sk_live", false),
            ("STRIPE_SECRET_KEY", "sk_test_1", "", false),
            ("STRIPE_SECRET_KEY", "whsec_1", "whsec_2", false),
            ("BUCKET", "test_uploads", "live_uploads", false),
            ("API_KEY", "a-b-c-test-1", "a-b-c-live-1", false),
            ("API_KEY", "sk_testing_1", "sk_live_2", false),
        ] {
            assert_eq!(is_pair(key, test, live), expected, "{key} {test} {live}");
        }
    }

    #[test]
    fn live_secrets_are_distinguished_from_test_and_publishable_keys() {
        for (key, text, expected) in [
            ("STRIPE_SECRET_KEY", "sk_live_1", true),
            ("STRIPE_RESTRICTED", "rk_live_1", true),
            ("MOLLIE_API_KEY", "live_1", true),
            ("PADDLE_API_KEY", "pdl_live_apikey_1", true),
            ("PLAID_ACCESS_TOKEN", "access-production-1", true),
            ("FLW_SECRET_KEY", "FLWSECK-1-X", true),
            ("XENDIT_SECRET_KEY", "xnd_production_1", true),
            ("TRIGGER_SECRET_KEY", "tr_prod_1", true),
            ("MIDTRANS_SERVER_KEY", "Mid-server-1", true),
            ("OMISE_SECRET_KEY", "skey_1", true),
            ("EASYPOST_API_KEY", "EZAK1", true),
            ("SQUARE_SECRET", "sq0csp-1", true),
            ("CONVEX_DEPLOY_KEY", "prod:happy-animal-1|x", true),
            ("STRIPE_SECRET_KEY", "sk_test_1", false),
            ("STRIPE_SECRET_KEY", "sk_live_", false),
            ("STRIPE_SECRET_KEY", "xsk_live_1", false),
            ("STRIPE_KEY", "pk_live_1", false),
            ("STRIPE_WEBHOOK_SECRET", "whsec_1", false),
            ("RAZORPAY_KEY_ID", "rzp_live_1", false),
            ("FLW_SECRET_KEY", "FLWSECK_TEST-1-X", false),
            ("FLW_PUBLIC_KEY", "FLWPUBK-1-X", false),
            ("XENDIT_SECRET_KEY", "xnd_development_1", false),
            ("OMISE_SECRET_KEY", "skey_test_1", false),
            ("SQUARE_SECRET", "sandbox-sq0csb-1", false),
            ("MIDTRANS_SERVER_KEY", "SB-Mid-server-1", false),
            ("CONVEX_DEPLOYMENT", "prod:happy-animal-1", false),
            ("OPENAI_API_KEY", "sk-proj-1", false),
            ("ELEVENLABS_API_KEY", "sk_1", false),
            ("MOLLIE_API_KEY", "test_1", false),
            ("BUCKET", "live_uploads", false),
            ("API_KEY", "", false),
        ] {
            assert_eq!(is_live_secret(key, text), expected, "{key} {text}");
        }
    }

    #[test]
    fn published_keys_are_recognized() {
        for (text, expected) in [
            ("1x0000000000000000000000000000000AA", true),
            ("6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe", true),
            ("0x0000000000000000000000000000000000000000", true),
            ("sk_test_4eC39HqLyjWDarjtT1zdp7dc", true),
            ("sk_test_4eC39HqLyjWDarjtT1zdp7dd", false),
            ("0x4AAAAAAA", false),
            ("", false),
        ] {
            assert_eq!(is_published(text), expected, "{text}");
        }
    }
}
