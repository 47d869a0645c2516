//! Who was looked at, and who says so: project, environment, files, services, the origin of each.

use crate::report::Report;
use crate::report::count::count;
use crate::report::paint::Tone;
use crate::report::text::page::Page;
use crate::report::text::phrase::{FEW, alike, listed};

/// Writes the lines on top of a report.
pub(crate) fn write(page: &mut Page<'_>, report: &Report) {
    page.flow(&[], 2, (Tone::Strong, " · ", &target(report)));
    page.paragraph(&[], 2, (Tone::Plain, &services(report, most(page))));
    if !report.left_out.is_empty() {
        page.paragraph(&[], 2, (Tone::Faint, &left_out(report, most(page))));
    }
    for remark in &report.remarks {
        page.paragraph(&[], 2, (Tone::Plain, remark));
    }
}

fn most(page: &Page<'_>) -> usize {
    if page.is_verbose() { usize::MAX } else { FEW }
}

fn target(report: &Report) -> Vec<String> {
    let (project, environment) = (&report.project.name, &report.environment.name);
    let mut items = if report.project_origin == report.environment_origin {
        vec![project.clone(), format!("{environment} ({})", report.project_origin)]
    } else {
        vec![format!("{project} ({})", report.project_origin), format!("{environment} ({})", report.environment_origin)]
    };
    let files = alike(&report.files, |(_, origin)| origin.as_str());
    for (origin, files) in files {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        items.push(format!("{} ({origin})", names.join(", ")));
    }
    items
}

fn services(report: &Report, most: usize) -> String {
    let names: Vec<&str> = report.services.iter().map(|line| line.service.name.as_str()).collect();
    if names.is_empty() {
        return format!("no services ({})", report.services_origin);
    }
    format!("{}: {} ({})", count(names.len(), "service"), listed(&names, most), report.services_origin)
}

fn left_out(report: &Report, most: usize) -> String {
    let reasons: Vec<String> = alike(&report.left_out, |(_, reason)| reason.as_str())
        .into_iter()
        .map(|(reason, services)| {
            let names: Vec<&str> = services.iter().map(|(name, _)| name.as_str()).collect();
            format!("{} ({reason})", listed(&names, most))
        })
        .collect();
    format!("left out: {}", listed(&reasons, most))
}

#[cfg(test)]
mod tests {
    use crate::report::sample::{calm, line, text};
    use crate::report::{Detail, Report};

    #[test]
    fn every_origin_is_named_and_a_shared_one_once() {
        let mut report = Report {
            project_origin: "doctor.toml".to_owned(),
            environment_origin: "--environment".to_owned(),
            files: vec![
                (".env".to_owned(), "--env-file".to_owned()),
                (".env.local".to_owned(), "--env-file".to_owned()),
            ],
            services: ["a", "b", "c", "d", "e", "f"].map(|name| line(name, 1, 0)).into(),
            services_origin: "doctor.toml".to_owned(),
            remarks: vec!["--service worker is taken as agentverse-worker-staging".to_owned()],
            ..calm()
        };
        report.left_out = (1..=6).map(|number| (format!("db-{number}"), "a database".to_owned())).collect();
        let expected = "\
agentverse (doctor.toml) · staging (--environment)
  .env, .env.local (--env-file)
6 services: a, b, c, d and 2 more (doctor.toml)
left out: db-1, db-2, db-3, db-4 and 2 more (a database)
--service worker is taken as agentverse-worker-staging

";
        let told = text(&report, 80, Detail::Normal);
        assert!(told.starts_with(expected), "{told}");
        let told = text(&report, 80, Detail::Verbose);
        assert!(
            told.contains(
                "6 services: a, b, c, d, e, f (doctor.toml)\nleft out: db-1, db-2, db-3, db-4, db-5, db-6 (a"
            )
        );
    }
}
