//! Keys of the file that only some services have, with `-v`. They are not findings.

use crate::report::Report;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::wording::{self, group_by};

/// Writes the keys that nothing requires on the services that lack them, a line for each set of services.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    if !page.is_verbose() || report.optional.is_empty() {
        return;
    }
    page.gap();
    page.line(&[(Tone::Plain, "keys of the file that only some services have")]);
    for (services, keys) in group_by(&report.optional, |one| wording::services(one).join(", ")) {
        let keys: Vec<String> = keys.into_iter().map(wording::name).collect();
        page.flow(&[(Tone::Plain, &format!("  not on {services}: "))], 4, Tone::Plain, ", ", &keys);
    }
}

#[cfg(test)]
mod tests {
    use crate::report::test_support::{MISSING, calm, finding, text};
    use crate::report::{Detail, Report};

    #[test]
    fn keys_of_some_services_are_listed_only_with_v() {
        let one = |key, services: &[&str]| finding(&MISSING, key, services, "");
        let optional = vec![one("REGION", &["api", "web"]), one("MAIL", &["web"]), one("ZONE", &["api", "web"])];
        let report = Report { optional, ..calm() };
        let lines = "
keys of the file that only some services have
  not on api, web: REGION, ZONE
  not on web: MAIL
";
        let verbose = text(&report, 80, Detail::Verbose);
        assert!(verbose.contains(lines), "{verbose}");
        for detail in [Detail::Normal, Detail::Quiet] {
            assert_eq!(text(&report, 80, detail), text(&calm(), 80, detail));
        }
    }
}
