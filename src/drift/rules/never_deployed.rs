//! D403 never-deployed: a service without a deployment.

use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, Target};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D403",
    name: "never-deployed",
    severity: Severity::Warning,
    summary: "A service has no deployment",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 1, name: "deployment" }),
    hook: HookScope::CuredByCommit,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A service can have all of its variables and run nothing. The variables agree, and nobody answers.

## Example

    api      5 variables are stored; there is no deployment

Railway says the same of a service whose deployments were all removed.

## How to mend it

Connect its source on Railway's page, or deploy the checkout with `railway up --service=api`.

## How to silence it

    [severity]
    never-deployed = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter(|target| has_nothing(target)).map(finding).collect()
}

fn has_nothing(target: &Target) -> bool {
    target.live.deployed.known().is_some_and(|deployed| deployed.ids().next().is_none() && deployed.untold.is_none())
}

fn finding(target: &Target) -> Finding {
    let name = &target.service.name;
    let word = shlex::try_quote(name).map_or_else(|_| "NAME".to_owned(), Into::into);
    let advice =
        format!("connect its source on Railway's page, or deploy the checkout with `railway up --service={word}`");
    Finding {
        services: vec![target.service.clone()],
        advice: Some(advice),
        gist: Some(Summary::Wrong("never deployed".to_owned())),
        ..Finding::new(&RULE, format!("{name} has no deployment: it was never deployed, or all were removed"))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::deployment::Deployed;
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::never_deployed::RULE;
    use crate::drift::test_support::{healthy, latest, lines, running, survey, target};

    #[test]
    fn reports_only_services_without_deployments() {
        let mut found = survey(&[], &[("my api", &[])]);
        assert_eq!(lines(&RULE, &found), [""; 0], "nobody looked");
        target(&mut found, "my api").live.deployed = Observed::Unavailable("refused".to_owned());
        assert_eq!(lines(&RULE, &found), [""; 0], "refused");
        target(&mut found, "my api").live.deployed = Observed::Known(Deployed::default());
        assert_eq!(
            lines(&RULE, &found),
            ["warning - [my api]: my api has no deployment: it was never deployed, or all were removed"]
        );
        assert!(check(&found)[0].advice.as_ref().unwrap().ends_with("`railway up --service='my api'`"));
        for status in ["BUILDING", "FAILED", "REMOVED", "SUCCESS"] {
            latest(&mut found, "my api", status);
            assert_eq!(lines(&RULE, &found), [""; 0], "{status}");
        }
        target(&mut found, "my api").live.deployed = Observed::NotRequested;
        running(&mut found, "my api", "SUCCESS");
        if let Observed::Known(deployed) = &mut target(&mut found, "my api").live.deployed {
            deployed.latest = None;
        }
        assert_eq!(lines(&RULE, &found), [""; 0], "what is latest lags behind");
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
