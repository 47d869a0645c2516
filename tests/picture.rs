//! Compares the picture in the README with the output of `doctor demo check`. To update: `SNAPSHOTS=overwrite`.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "runs doctor")]

use std::process::Command;

use anstyle::RgbColor;
use anstyle_svg::{Palette, Term};
use snapbox::{assert_data_eq, file};

/// The picture has its own background, so that it looks the same on light and dark pages. Every colour has a contrast
/// of at least 4.5, including dimmed text.
const PALETTE: Palette = Palette([
    RgbColor(0x48, 0x4f, 0x58),
    RgbColor(0xff, 0x92, 0x8a),
    RgbColor(0x7e, 0xe7, 0x87),
    RgbColor(0xe3, 0xb3, 0x41),
    RgbColor(0x79, 0xc0, 0xff),
    RgbColor(0xd2, 0xa8, 0xff),
    RgbColor(0x76, 0xe3, 0xea),
    RgbColor(0xe6, 0xed, 0xf3),
    RgbColor(0x6e, 0x76, 0x81),
    RgbColor(0xff, 0x92, 0x8a),
    RgbColor(0x7e, 0xe7, 0x87),
    RgbColor(0xe3, 0xb3, 0x41),
    RgbColor(0x79, 0xc0, 0xff),
    RgbColor(0xd2, 0xa8, 0xff),
    RgbColor(0x76, 0xe3, 0xea),
    RgbColor(0xff, 0xff, 0xff),
]);

/// Replace the fingerprints, which differ in each run; equal fingerprints stay equal.
const FINGERPRINTS: [&str; 4] = ["3f9a1c", "b07d52", "58e4a6", "c21f8b"];
/// Replaces the time at which the demo's deployment started.
const START_TIME: &str = "2026-11-09 16:20:47";

#[test]
fn picture_matches_the_demo_output() {
    let output = Command::new(env!("CARGO_BIN_EXE_doctor"))
        .args(["demo", "check", "--color", "always"])
        .env_clear()
        .env("SystemRoot", std::env::var_os("SystemRoot").unwrap_or_default())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let printed = with_fixed_time(&with_fixed_fingerprints(&String::from_utf8(output.stdout).unwrap()));
    let shown = format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1mdoctor demo check\u{1b}[0m\n{}", printed.trim_end());
    let picture = readable(&scalable(&terminal().render_svg(&shown)));
    assert!(picture.len() < 100_000, "{} bytes", picture.len());
    assert_data_eq!(picture, file!["cli/demo.term.svg"].raw());
}

fn terminal() -> Term {
    Term::new().palette(PALETTE).fg_color(RgbColor(0xe6, 0xed, 0xf3).into()).bg_color(RgbColor(0x0d, 0x11, 0x17).into())
}

/// A fingerprint is a bullet and six hexadecimal digits.
fn with_fixed_fingerprints(text: &str) -> String {
    let mut found: Vec<&str> = Vec::new();
    let mut fixed = text.to_owned();
    for (at, mark) in text.match_indices("● ") {
        let digits = text.get(at + mark.len()..at + mark.len() + 6).unwrap();
        let is_fingerprint = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_fingerprint && !found.contains(&digits) {
            found.push(digits);
            fixed = fixed.replace(&format!("● {digits}"), &format!("● {}", FINGERPRINTS[found.len() - 1]));
        }
    }
    assert!(found.len() > 1, "{text}");
    fixed
}

/// The only time in the output is the start of the log.
fn with_fixed_time(text: &str) -> String {
    let mark = "the deployment's start";
    let after = text.find(mark).unwrap() + mark.len();
    let start = after + text[after..].find('(').unwrap() + 1;
    let end = start + START_TIME.len();
    assert!(text[end..].trim_start().starts_with("UTC)"), "{text}");
    format!("{}{START_TIME}{}", &text[..start], &text[end..])
}

/// Raises the opacity of dimmed text: the default of 0.4 is too dark to read.
fn readable(picture: &str) -> String {
    assert!(picture.contains(".dimmed { opacity: 0.4; }"), "{picture}");
    picture.replace(".dimmed { opacity: 0.4; }", ".dimmed { opacity: 0.65; }")
}

/// Adds a `viewBox`, so that the picture is scaled on a narrow page instead of cut off.
fn scalable(picture: &str) -> String {
    let length = |name: &str| picture.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split("px").next());
    let (width, height) = (length("width").unwrap(), length("height").unwrap());
    picture.replacen("<svg ", &format!("<svg viewBox=\"0 0 {width} {height}\" "), 1)
}
