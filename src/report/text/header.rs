//! The header of a report: project, environment, files and services, each with its origin.

use std::mem::discriminant;

use crate::drift::phrases::{self, count};
use crate::drift::service_scope::Exclusion;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::columns;
use crate::report::text::wording::{FEW, group_by, listed};
use crate::report::{MAIN_WORKTREE, Report, TraceReport, escape};

/// Writes the header: one line, wrapped if it is longer than the page, and the remarks. Services that were left out are
/// listed only with `-v`, or if nothing was compared.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    page.flow(&[], 2, Tone::Strong, " · ", &target(report));
    let explains_scope = report.environment_pair().is_none() && !report.traces() && !report.left_out.is_empty();
    if explains_scope && (page.is_verbose() || report.not_compared().is_some()) {
        let mut items = left_out(page, report);
        items.push("--service=NAME compares one".to_owned());
        page.flow(&[(Tone::Faint, "left out: ")], 2, Tone::Faint, "; ", &items);
    }
    for remark in &report.remarks {
        page.paragraph(&[], 2, (Tone::Plain, remark));
    }
}

fn target(report: &Report) -> Vec<String> {
    let (project, environment) = (&report.project.name, report.environment_names());
    let (project_origin, environment_origin) = (&report.project_origin, &report.environment_origin);
    let mut items = if report.environment_pair().is_some() {
        // Both environments are arguments.
        vec![format!("{project} ({project_origin})"), environment]
    } else if project_origin == environment_origin {
        vec![project.clone(), format!("{environment} ({project_origin})")]
    } else {
        vec![format!("{project} ({project_origin})"), format!("{environment} ({environment_origin})")]
    };
    items.extend(report.trace.as_ref().and_then(TraceReport::extent));
    let files = group_by(&report.files, |(_, origin)| origin.as_str());
    for (origin, files) in files {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let is_default = ["default", MAIN_WORKTREE].contains(&origin);
        let unread = if is_default { unread(report) } else { String::new() };
        items.push(format!("{} ({origin}{unread})", names.join(", ")));
    }
    items.extend(report.without_file().map(|phrase| match report.files.as_slice() {
        [] => format!("{phrase}{}", unread(report)),
        _ => phrase,
    }));
    items.extend(services(report));
    items
}

/// Returns text such as `; .env.local is not read`; empty if every conventional layer is read.
fn unread(report: &Report) -> String {
    let names: Vec<&str> = report.unread_layers.iter().map(String::as_str).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    if names.is_empty() { String::new() } else { format!("; {} {verb} not read", phrases::names(&names)) }
}

/// Returns text such as `2 of 4 services (by shared keys)`; nothing for an undo or a rotation that changes only a file,
/// and for a trace.
fn services(report: &Report) -> Option<String> {
    let (chosen, left_out) = (report.services.len(), report.left_out.len());
    let origin = report.services_origin.as_str();
    let origin = if origin.is_empty() { String::new() } else { format!(" ({origin})") };
    match (chosen, left_out) {
        (0, 0) if ["trace", "rotate", "undo"].contains(&report.command) => None,
        (0, 0) => Some("no services".to_owned()),
        (_, 0) => Some(format!("{}{origin}", count(chosen, "service"))),
        _ => Some(format!("{chosen} of {}{origin}", count(chosen + left_out, "service"))),
    }
}

/// Returns text such as `Postgres, Redis (databases)`: a few names for each kind of reason; with `-v`, all names by
/// exact reason.
fn left_out(page: &TextPage<'_>, report: &Report) -> Vec<String> {
    if page.is_verbose() {
        let groups = group_by(&report.left_out, |(_, reason)| reason);
        return groups.into_iter().map(|(_, group)| group_line(report, &group, usize::MAX)).collect();
    }
    let groups = group_by(&report.left_out, |(_, reason)| discriminant(reason));
    let room = page.prose() / groups.len();
    groups.iter().map(|(_, group)| group_line(report, group, room)).collect()
}

fn group_line(report: &Report, group: &[&(String, Exclusion)], room: usize) -> String {
    let names: Vec<&str> = group.iter().map(|(name, _)| name.as_str()).collect();
    format!("{} ({})", listed(&names, fitting(&names, room)), reason(report, group))
}

/// Returns how many names fit into that many columns, at least one.
fn fitting(names: &[&str], room: usize) -> usize {
    let ends = names.iter().scan(0, |end, name| {
        *end += columns(&escape::line(name)) + 2;
        Some(*end)
    });
    ends.take_while(|&end| end <= room).count().max(1)
}

/// Returns the reason, without details that differ within the group.
fn reason(report: &Report, group: &[&(String, Exclusion)]) -> String {
    let several = group.len() > 1;
    let is_same = group.iter().all(|(_, reason)| *reason == group[0].1);
    match &group[0].1 {
        Exclusion::Database if several => "databases".to_owned(),
        Exclusion::Database => "database".to_owned(),
        Exclusion::NothingShared => match (report.files.as_slice(), several) {
            ([], true) => "have no needed key".to_owned(),
            ([], false) => "has no needed key".to_owned(),
            ([(file, _)], true) => format!("share no key with {file}"),
            ([(file, _)], false) => format!("shares no key with {file}"),
            (_, true) => "share no key with the files".to_owned(),
            (_, false) => "shares no key with the files".to_owned(),
        },
        Exclusion::Elsewhere { root } if is_same => format!("built from {root}"),
        Exclusion::Elsewhere { .. } => "other root directories".to_owned(),
        Exclusion::Provider { takers } if is_same => {
            format!("referenced by {}", listed(takers, FEW))
        }
        Exclusion::Provider { .. } => "referenced by other services".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::service_scope::Exclusion;
    use crate::report::test_support::{calm, line, text};
    use crate::report::{Detail, Report};

    #[test]
    fn layers_that_are_not_read_are_named_with_the_default_file() {
        let header = |layers: &[&str], origin: &str| {
            let unread_layers = layers.iter().map(|&layer| layer.to_owned()).collect();
            let report = Report { files: vec![(".env".to_owned(), origin.to_owned())], unread_layers, ..calm() };
            text(&report, 80, Detail::Normal).replace("\n  ", " ")
        };
        assert!(header(&[".env.local"], "default").contains(" .env (default; .env.local is not read) "));
        let several = header(&[".env.development", ".env.local"], "default");
        assert!(several.contains(" .env (default; .env.development and .env.local are not read) "), "{several}");
        assert!(header(&[], "default").contains(" · .env (default) "));
        assert!(header(&[".env.local"], "--env-file").contains(" · .env (--env-file) "));
    }

    #[test]
    fn each_origin_is_named_and_a_shared_one_only_once() {
        let mut report = Report {
            project_origin: "doctor.toml".to_owned(),
            environment_origin: "--environment".to_owned(),
            files: vec![
                (".env".to_owned(), "--env-file".to_owned()),
                (".env.local".to_owned(), "--env-file".to_owned()),
            ],
            services: ["a", "b", "c", "d", "e", "f"].map(|name| line(name, 1, 0)).into(),
            services_origin: "doctor.toml".to_owned(),
            remarks: vec!["--service worker matches agentverse-worker-staging".to_owned()],
            ..calm()
        };
        let expected = "\
agentverse (doctor.toml) · staging (--environment)
  .env, .env.local (--env-file) · 6 services (doctor.toml)
--service worker matches agentverse-worker-staging

";
        let output = text(&report, 80, Detail::Normal);
        assert!(output.starts_with(expected), "{output}");
        report.left_out = (1..=6).map(|number| (format!("db-{number}"), Exclusion::Database)).collect();
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains(" · 6 of 12 services (doctor.toml)\n--service worker"), "{output}");
        let output = text(&report, 80, Detail::Verbose);
        let expected = "
  .env, .env.local (--env-file) · 6 of 12 services (doctor.toml)
left out: db-1, db-2, db-3, db-4, db-5, db-6 (databases);
  --service=NAME compares one
--service worker";
        assert!(output.contains(expected), "{output}");
    }

    /// Returns a report on thirty services without a common key, and ten with other reasons.
    fn many_left_out() -> Report {
        let one = |name: &str, reason: &Exclusion| (name.to_owned(), reason.clone());
        let mut left_out: Vec<_> =
            (1..=30).map(|number| one(&format!("svc-{number:02}"), &Exclusion::NothingShared)).collect();
        left_out.extend(["Postgres", "Redis", "Mongo", "MySQL"].map(|name| one(name, &Exclusion::Database)));
        left_out.extend(
            ["web-1", "web-2", "web-3", "web-4"].map(|name| one(name, &Exclusion::Elsewhere { root: name.to_owned() })),
        );
        left_out.push(one("auth", &Exclusion::Provider { takers: vec!["api".to_owned(), "web".to_owned()] }));
        left_out.push(one("config", &Exclusion::Provider { takers: vec!["auth".to_owned()] }));
        Report { left_out, services: Vec::new(), exit_code: 3, ..calm() }
    }

    #[test]
    fn excluded_services_are_listed_only_if_nothing_was_compared() {
        let compared = Report { services: calm().services, exit_code: 0, ..many_left_out() };
        let output = text(&compared, 80, Detail::Normal);
        assert!(
            output.starts_with(
                "agentverse · staging (railway link) · .env (default)\n  2 of 42 services (by shared keys)\n\nPASS"
            ),
            "{output}"
        );
        assert!(text(&compared, 80, Detail::Verbose).contains("\nleft out: svc-01, svc-02"));
    }

    #[test]
    fn forty_excluded_services_fit_in_three_lines() {
        let expected = "
left out: svc-01, svc-02 and 28 more (share no key with .env); Postgres, Redis
  and 2 more (databases); web-1, web-2 and 2 more (other root directories);
  auth, config (referenced by other services); --service=NAME compares one

";
        let output = text(&many_left_out(), 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
    }

    #[test]
    fn verbose_lists_the_reason_for_each_excluded_service() {
        let output = text(&many_left_out(), 80, Detail::Verbose).replace("\n  ", " ");
        for reason in [
            "svc-29, svc-30 (share no key with .env); Postgres, Redis, Mongo, MySQL (databases); ",
            "; web-1 (built from web-1); web-2 (built from web-2); ",
            "; auth (referenced by api, web); config (referenced by auth); --service=NAME compares one\n",
        ] {
            assert!(output.contains(reason), "{reason}: {output}");
        }
    }

    #[test]
    fn single_excluded_service_is_singular() {
        for (reason, expected) in [
            (Exclusion::Database, "web (database)"),
            (Exclusion::NothingShared, "web (shares no key with .env)"),
            (Exclusion::Elsewhere { root: "/web".to_owned() }, "web (built from /web)"),
            (Exclusion::Provider { takers: vec!["api".to_owned()] }, "web (referenced by api)"),
        ] {
            let report = Report { left_out: vec![("web".to_owned(), reason)], ..calm() };
            let line = format!("\nleft out: {expected}; --service=NAME compares one\n");
            assert!(text(&report, 80, Detail::Verbose).contains(&line), "{line}");
        }
    }

    #[test]
    fn empty_selection_is_reported() {
        let empty = Report { services: Vec::new(), ..calm() };
        assert!(text(&empty, 80, Detail::Normal).contains(" · .env (default) · no services\n"));
        let unselected = Report { left_out: vec![("web".to_owned(), Exclusion::Database)], ..empty };
        assert!(text(&unselected, 80, Detail::Normal).contains("\n  0 of 1 service (by shared keys)\n"));
    }
}
