//! Recognises pairs of a provider's test key and live key.

use crate::drift::secret_like::is_secret_like;

/// Words that mark a test key.
const TEST: [&str; 3] = ["sandbox", "sdbx", "test"];

/// Words that mark a live key.
const LIVE: [&str; 2] = ["live", "production"];

/// Pairs of test and live prefixes that do not differ in exactly one word: Flutterwave, Mercado Pago, Square.
const PREFIXES: [(&str, &str); 4] =
    [("FLWPUBK_TEST-", "FLWPUBK-"), ("FLWSECK_TEST-", "FLWSECK-"), ("TEST-", "APP_USR-"), ("sandbox-sq0", "sq0")];

/// The number of words that a prefix may have: `sk_test`, `access-sandbox`.
const PREFIX_WORDS: usize = 3;

/// Returns whether one value is a test key and the other one a live key of the same kind: `sk_test_…` and `sk_live_…`.
pub(super) fn is_pair(key: &str, test: &str, live: &str) -> bool {
    let is_prefix = |(one, other): &(&str, &str)| test.starts_with(one) && live.starts_with(other);
    if PREFIXES.iter().any(is_prefix) {
        return true;
    }
    let is_sign = |sign: char| matches!(sign, '_' | '-');
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
    use crate::drift::expected_differences::test_key::is_pair;

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
}
