//! The values of the simulated projects, which nothing shows.

use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, LOGIN_TOKEN, PROJECT_TOKEN};

/// The project token of the second environment.
pub(super) const SECOND_TOKEN: &str = "5e1d0000-9201-4000-8000-000000000005";

/// Local and stored values that are not part of a name.
const VALUES: [&str; 18] = [
    "staging-ops-step3-key",
    "staging-ops-autumn-key",
    "staging-ops-summer-key",
    "Zm9yLWxvY2FsLXJ1bnMtb25seQ",
    "d2Xq9vLr4TtWbn7K",
    "Vb4tKq8LmZr2Xw7C",
    "yN6dPf3HsJ9aGe5T",
    "cU8wRk1BvQ5xMz4D",
    "tL2hSg7FjY9pEo6A",
    "pay_9fT3kWq7ZbV1mXs5Rc8LdN2h",
    "Wk5rBz8qTn1vHc4xJd7m",
    "gP3yLf9sUa6eKo2tXw8Q",
    "apm-6Hn2Vt9KqXw4Zr7B",
    "mR7cJv2nDh5zWq8bTk4S",
    ACCOUNT_TOKEN,
    LOGIN_TOKEN,
    PROJECT_TOKEN,
    SECOND_TOKEN,
];

/// Checks a text that a run printed or wrote. A value that the input contains may be in it.
pub(super) fn assert_not_shown(text: &str, input: &str, args: &[&str]) {
    for value in VALUES.iter().filter(|value| !input.contains(*value)) {
        assert!(!text.contains(value), "{args:?} shows {value}: {text}");
    }
}
