//! Runs the transcripts of `tests/cli`, the README and `docs`: command, output and exit code.

#[test]
fn transcripts_match_the_output() {
    trycmd::TestCases::new()
        .case("tests/cli/*.md")
        .case("README.md")
        .case("docs/*.md")
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .env("CLICOLOR_FORCE", "0")
        // The demo ignores these; the simulated Railway would reject them.
        .env("RAILWAY_TOKEN", "not-the-demos")
        .env("RAILWAY_API_TOKEN", "not-the-demos")
        .env("RAILWAY_PROJECT_ID", "not-the-demos");
}
