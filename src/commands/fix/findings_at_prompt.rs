//! The findings and the target, as shown above prompts.

use crate::commands::fix::FixRun;
use crate::commands::output;
use crate::drift::Finding;
use crate::drift::model::finding::Remedy;
use crate::error::Error;
use crate::io::world::World;
use crate::report::{self, AskedFinding, Format, Report, ReportPart};

impl FixRun<'_> {
    /// Prints the findings before the first prompt, without the commands for what the prompts offer.
    pub(super) fn show_findings(&self, findings: &[Finding], world: &mut World<'_>) -> Result<(), Error> {
        // The advice for a start command is to run this command.
        let is_advised = |finding: &Finding| !finding.remedies.contains(&Remedy::StartCommand);
        let shown = |finding: &Finding| Finding {
            next: None,
            advice: finding.advice.clone().filter(|_| is_advised(finding)),
            ..finding.clone()
        };
        let report = Report { findings: findings.iter().map(shown).collect(), ..self.question(world) };
        let text = report::text(&report, &self.output.text_options(world));
        self.print_at_prompt(&text, world)
    }

    /// Prints a finding above the question about it.
    pub(super) fn show_finding(&self, asked: &AskedFinding<'_>, world: &mut World<'_>) -> Result<(), Error> {
        let text = report::finding(&self.question(world), asked, &self.output.text_options(world));
        self.print_at_prompt(&text, world)
    }

    /// Returns a report without findings, for a prompt.
    fn question(&self, world: &World<'_>) -> Report {
        Report {
            command: "fix",
            only: self.survey().only.iter().cloned().collect(),
            fail_on: self.analysis.fail_on,
            configured: true,
            part: ReportPart::Question,
            ..self.header(world)
        }
    }

    /// Prints text above a prompt: to standard output if the report goes there, to standard error otherwise.
    fn print_at_prompt(&self, text: &str, world: &mut World<'_>) -> Result<(), Error> {
        if self.output.format == Format::Text && self.output.file.is_none() {
            return world.print(text);
        }
        text.lines().for_each(|line| world.status.print_line(line));
        Ok(())
    }

    /// Returns a report with only the target, for the header of a plan.
    pub(super) fn header(&self, world: &World<'_>) -> Report {
        let gathered = self.gathered();
        Report {
            program: world.program.clone(),
            flags: gathered.flags.clone(),
            service_flags: gathered.selection.flags.clone(),
            project: gathered.survey.project.clone(),
            project_origin: gathered.selected.project_origin.clone(),
            environment: gathered.survey.environment.clone(),
            environment_origin: gathered.selected.environment_origin.clone(),
            services_origin: gathered.selection.origin.clone(),
            files: gathered.files.clone(),
            declarations: gathered.declarations.clone(),
            services: gathered.survey.targets.iter().map(output::line).collect(),
            left_out: gathered.selection.left_out.clone(),
            remarks: gathered.remarks.clone(),
            ..Report::default()
        }
    }
}
