mod find;
mod hostile;
mod near_misses;
mod properties;
mod replace;
mod replace_encoded;

/// A generated value with characters that are special in URLs.
const RANDOM: &str = "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==";

/// A value that was written by hand.
const PASSPHRASE: &str = "staging-ops-step3-key-2026";

/// A value with characters that are special everywhere.
const ODD: &str = "it's \"<ü>\" & a/b";

/// A value whose base64 differs between the alphabets.
const TILDES: &str = "x9~?>w7~~?q2";
