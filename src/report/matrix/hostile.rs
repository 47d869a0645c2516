//! Hostile names, values that no format shows, and a page that runs only its own script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert};
use ring::digest;

use crate::drift::Survey;
use crate::drift::test_support::survey;
use crate::report::compare_sample;
use crate::report::matrix::sample::{MARKER, rendered, rendered_as, report_of, sample};
use crate::report::matrix::{FORMATS, MatrixFormat};
use crate::report::test_support::{key, text_options};
use crate::report::{Detail, Format, Report, TextOptions, escape, write};

const HOSTILE_NAMES: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a|b`c`\n# heading",
    "@octocat",
    "https://evil.example",
    "![x](https://evil.example/x.png)",
    "\u{202e}evil\u{1b}[2J\u{9b}",
    "_a_ **b** ~~c~~ \\",
    "&lt;b&gt;",
    "#1 crew/shop#2",
    "--> <!-- </details>",
];

/// Returns a project, a service and a key with the same name.
fn named_everywhere(name: &str) -> Survey {
    let name = name.replace('=', "");
    let rows = [format!("{name}=1"), format!("B{name}=1")];
    let stored = [format!("{name}=2"), format!("B{name}=1")];
    let [rows, stored] = [&rows, &stored].map(|rows| rows.iter().map(String::as_str).collect::<Vec<_>>());
    let mut found = survey(&rows, &[(&name, &stored), ("api", &stored)]);
    found.project.name.clone_from(&name);
    found.environment.name = name;
    found
}

/// Returns the text outside of tags.
fn outside_tags(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

/// Returns the text of the only element of that name.
fn inline<'h>(html: &'h str, element: &str) -> &'h str {
    let (_, rest) = html.split_once(&format!("<{element}>")).expect("the element exists");
    rest.split_once(&format!("</{element}>")).expect("the element is closed").0
}

#[test]
fn names_cannot_inject_html() {
    let tags = |html: &str| {
        let (_, body) = html.split_once("<body>").unwrap();
        let body = body.split("<script>").next().unwrap().to_owned();
        body.matches('<').count()
    };
    let calm = tags(&rendered(&named_everywhere("NAME"), "html", 80, Detail::Normal));
    for name in HOSTILE_NAMES {
        let html = rendered(&named_everywhere(name), "html", 80, Detail::Normal);
        assert_eq!(tags(&html).saturating_sub(html.matches("<wbr>").count()), calm, "{name}: no additional tags");
        for word in ["<img", "<b>", "onerror=alert(1)>", "<!--", "\u{202e}", "\u{1b}"] {
            assert!(!html.contains(word), "{name}: {word}");
        }
        assert_eq!(html.matches("<script>").count(), 1, "{name}");
        let shown = escape::line(&name.replace('=', ""))
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        assert!(outside_tags(&html).contains(&shown), "{name} is shown in full: {shown}");
    }
}

#[test]
fn names_cannot_inject_markdown_or_mentions() {
    let shape = |text: &str| -> Vec<usize> { text.lines().map(|line| line.matches('|').count()).collect() };
    let calm = shape(&rendered(&named_everywhere("NAME"), "markdown", 80, Detail::Normal));
    for name in HOSTILE_NAMES {
        let text = rendered(&named_everywhere(name), "markdown", 80, Detail::Normal);
        assert_eq!(shape(&text), calm, "{name}: {text}");
        let letters: Vec<char> = text.chars().collect();
        let inside = |three: &[char]| three[0].is_ascii_alphanumeric() && three[2].is_ascii_alphanumeric();
        assert!(letters.windows(3).all(|three| three[1] != '_' || inside(three)), "{name}: {text}");
        // The only Markdown syntax is that of the format itself.
        let mut rest = text.clone();
        for own in ["<code>", "</code>", "<details><summary>", "</summary>", "</details>", ":---", "### "] {
            rest = rest.replace(own, "");
        }
        for word in ["@", "`", "<", ">", "*", "[", "](", "://", "\\", "\u{202e}"] {
            assert!(!rest.contains(word), "{name}: {word}: {text}");
        }
    }
}

#[test]
fn names_are_exact_in_json_without_hidden_characters() {
    for name in HOSTILE_NAMES {
        let text = rendered(&named_everywhere(name), "json", 80, Detail::Normal);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["rows"][0]["key"], name.replace('=', "").as_str());
        assert!(text.chars().all(|character| character == '\n' || !escape::is_hidden(character)), "{name}");
    }
}

/// Returns the matrix of two environments with that name, a service and keys with that name.
fn rendered_pair(name: &str, format: MatrixFormat) -> String {
    let report = compare_sample::named_everywhere(name);
    let matrix = report.matrix.clone().expect("the sample has a matrix");
    let mut out = Vec::new();
    super::write(&report, &matrix, format, &text_options(&key(), 80, Detail::Normal), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn names_of_two_environments_cannot_inject_syntax() {
    let bars = |text: &str| -> Vec<usize> { text.lines().map(|line| line.matches('|').count()).collect() };
    let tags = |html: &str| html.replace("<wbr>", "").matches('<').count();
    let [markdown, html] = [MatrixFormat::Markdown, MatrixFormat::Html].map(|format| rendered_pair("NAME", format));
    assert!(markdown.starts_with("### <code>NAME</code> · <code>NAME</code> ↔ <code>NAME</code>\n"), "{markdown}");
    for name in HOSTILE_NAMES {
        let text = rendered_pair(name, MatrixFormat::Markdown);
        assert_eq!(bars(&text), bars(&markdown), "{name}: {text}");
        let mut without_own = text.clone();
        for own in ["@ indirect", "\\$ same secret", "\\[ sealed left", "\\] sealed right", "\\| one side"] {
            assert!(text.contains(own), "{own}: {text}");
            without_own = without_own.replace(own, "");
        }
        for word in ["@", "`", "<img", "<b>", "<script", "*", "[", "](", "://", "\\", "\u{202e}"] {
            assert!(!without_own.contains(word), "{name}: {word}: {text}");
        }
        let page = rendered_pair(name, MatrixFormat::Html);
        assert_eq!(tags(&page), tags(&html), "{name}: {page}");
        for text in [page, rendered_pair(name, MatrixFormat::Text), rendered_pair(name, MatrixFormat::Json)] {
            assert!(text.chars().all(|character| character == '\n' || !escape::is_hidden(character)), "{name}: {text}");
        }
    }
}

#[test]
fn page_allows_only_its_own_style_and_script() {
    let hash = |text: &str| STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let (report, matrix) = report_of(&sample());
    let report = Report { matrix: Some(matrix), ..report };
    let mut out = Vec::new();
    write(&report, Format::Html, &text_options(&key(), 80, Detail::Normal), &mut out).unwrap();
    for html in [rendered(&sample(), "html", 80, Detail::Normal), String::from_utf8(out).unwrap()] {
        let (style, script) = (inline(&html, "style"), inline(&html, "script"));
        let expected = format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; \
             script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">",
            hash(style),
            hash(script)
        );
        assert!(html.contains(&expected), "{html}");
        for word in ["src=", "href=", "style=", "onclick", "innerHTML", "url(", "@import", "http:", "https:", "eval"] {
            assert!(!html.contains(word), "{word}");
        }
        for word in ["scope=\"col\"", "scope=\"row\"", "<caption", "<title>shop · staging", "lang=\"en\""] {
            assert!(html.contains(word), "{word}");
        }
    }
}

#[test]
fn symbols_have_accessible_labels() {
    let services: Vec<String> = (0..8).map(|number| format!("svc-{number}")).collect();
    let services: Vec<(&str, &[&str])> = services.iter().map(|name| (name.as_str(), &["A=2"][..])).collect();
    let wide = rendered(&survey(&["A=1"], &services), "html", 80, Detail::Normal);
    assert_eq!(wide.matches("<span role=\"img\" aria-label=\"differs\">≠</span>").count(), 8, "{wide}");
    let narrow = rendered(&survey(&["A=1"], &services[..2]), "html", 80, Detail::Normal);
    assert_eq!(narrow.matches("<span aria-hidden=\"true\">≠</span> differs").count(), 2, "{narrow}");
}

#[test]
fn check_page_has_findings_below_the_matrix() {
    let (report, matrix) = report_of(&named_everywhere("<b>K"));
    let report = Report { matrix: Some(matrix), ..report };
    let mut out = Vec::new();
    write(&report, Format::Html, &text_options(&key(), 80, Detail::Normal), &mut out).unwrap();
    let html = String::from_utf8(out).unwrap();
    let (matrix, findings) = html.split_once("<h2>Findings</h2>").unwrap();
    assert!(matrix.contains("<table class=\"matrix\">"));
    assert!(findings.contains("</span> &lt;b&gt;K differs between .env and Railway</h3>"), "{findings}");
    assert!(findings.contains("<code>doctor fix --only &#39;&lt;b&gt;K&#39;</code>"), "{findings}");
    assert!(!html.contains("<b>"));
}

#[test]
fn no_format_or_verbosity_shows_a_value() {
    for (format, _) in FORMATS {
        for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
            let key = key();
            for colour in [false, true] {
                let text = rendered_as(&sample(), format, &TextOptions { colour, ..text_options(&key, 80, detail) });
                assert!(text.replace("<wbr>", "").contains("API_KEY"), "{format}: {text}");
                assert!(!text.contains(MARKER) && !text.contains("●"), "{format}: {text}");
            }
        }
    }
}

proptest! {
    #[test]
    fn output_has_no_control_characters_except_newlines(
        letters in collection::vec(any::<char>(), 0..8),
        harm in proptest::sample::select(HOSTILE_NAMES.to_vec()),
        width in 0_usize..120,
    ) {
        let name: String = letters.into_iter().collect::<String>() + harm;
        for format in ["text", "markdown", "html"] {
            let text = rendered(&named_everywhere(&name), format, width, Detail::Verbose);
            prop_assert!(text.lines().all(|line| !line.chars().any(escape::is_hidden)), "{}: {}", format, text);
            prop_assert!(text.ends_with('\n'));
        }
    }
}
