//! Log lines and messages of Railway that contain a value in some encoding.

/// Local values, as programs in Python, node, Go and shell print them.
pub(crate) const LOCAL: &[&str] = &[
    "in plain: mark4711-local",
    "with escapes: \u{1b}[31mmark4711-local\u{1b}[0m\u{1b}]0;mark4711-local\u{7}\u{202e}",
    "in quotes: 'mark4711-local' \"mark4711-local\" `mark4711-local` =mark4711-local;",
    r#"as JSON: it\"s <mark4711-quaint> & $1 / 100% ü"#,
    // quote and quote_plus.
    "in a URL: /?next=https%3A%2F%2Fuser%3Amark4711-local%40example.com%2F",
    "in a URL: it%22s%20%3Cmark4711-quaint%3E%20%26%20%241%20/%20100%25%20%C3%BC",
    "in a URL: it%22s+%3Cmark4711-quaint%3E+%26+%241+%2F+100%25+%C3%BC",
    // Alone, and with text before or after it.
    "in base64: bWFyazQ3MTEtbG9jYWw=",
    "in a header: Authorization: Basic dXNlcjptYXJrNDcxMS1sb2NhbA==",
    "in a header: Authorization: Basic bWFyazQ3MTEtbG9jYWw6eA== ODptYXJrNDcxMS1sb2NhbA== eHg6bWFyazQ3MTEtbG9jYWwh",
    // One line of a multi-line value, and a value with whitespace around it.
    "mark4711-first",
    "of blanks: (mark4711-spaced)",
];

/// Stored values.
pub(crate) const STORED: &[&str] = &[
    "in plain: mark4711-stored mark4711-third",
    // json.dumps, json.Marshal.
    r#"as JSON: it\"s <mark4711-strange> & $1 / 100% \u00fc 'x'"#,
    r#"as JSON: it\"s \u003cmark4711-strange\u003e \u0026 $1 / 100% ü 'x'"#,
    // encodeURIComponent, and lowercase hex digits.
    "in a URL: it%22s%20%3Cmark4711-strange%3E%20%26%20%241%20%2F%20100%25%20%C3%BC%20'x'",
    "in a URL: it%22s%20%3cmark4711-strange%3e%20%26%20%241%20%2f%20100%25%20%c3%bc%20%27x%27",
    "in base64: bWFyazQ3MTEtc3RvcmVk",
    "mark4711-lower",
];

/// The new value of a rotation.
pub(crate) const NEW: &[&str] = &[
    r#"in plain: mark4711-n3w/+&=%25"$ü #mark4711"#,
    r#"as JSON: {"key":"mark4711-n3w/+&=%25\"$\u00fc #mark4711"}"#,
    r#"as JSON: "mark4711-n3w/+\u0026=%25\"$ü #mark4711""#,
    "in a URL: /?key=mark4711-n3w%2F%2B%26%3D%2525%22%24%C3%BC%20%23mark4711&x",
    "in a URL: /?key=mark4711-n3w%2f%2b%26%3d%2525%22%24%c3%bc+%23mark4711",
    "in base64: bWFyazQ3MTEtbjN3LysmPSUyNSIkw7wgI21hcms0NzEx",
    "in a header: Authorization: Basic b3BzOm1hcms0NzExLW4zdy8rJj0lMjUiJMO8ICNtYXJrNDcxMQ==",
];

/// The token, which every command that calls Railway has.
pub(crate) const TOKEN: &[&str] = &[
    "the token 5e1d0000-acc0-4000-8000-000000000001 is unknown",
    "Authorization: Basic OjVlMWQwMDAwLWFjYzAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQ==",
];
