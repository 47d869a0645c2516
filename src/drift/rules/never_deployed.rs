//! D403 never-deployed: a service without a deployment.

use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, Target};

pub static RULE: Rule = Rule {
    code: "D403",
    name: "never-deployed",
    severity: Severity::Warning,
    summary: "A service has no deployment",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 1, name: "deployment" }),
    hook: HookScope::FixedByCommit,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A service can have all of its variables and run nothing: the variables agree, but requests get no response.

## Example

    api      5 stored variables, no deployment

Railway's response is the same for a service whose deployments were all removed.

## Fix

Connect its source in the dashboard, or deploy the checkout with `railway up --service=api`.

## Suppress

    [severity]
    never-deployed = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter(|target| has_no_deployment(target)).map(finding).collect()
}

fn has_no_deployment(target: &Target) -> bool {
    target
        .live
        .deployed
        .known()
        .is_some_and(|deployed| deployed.ids().next().is_none() && deployed.unavailable.is_none())
}

fn finding(target: &Target) -> Finding {
    let name = &target.service.name;
    let argument = shlex::try_quote(name).map_or_else(|_| "NAME".to_owned(), Into::into);
    let advice =
        format!("connect its source in the dashboard, or deploy the checkout with `railway up --service={argument}`");
    Finding {
        services: vec![target.service.clone()],
        advice: Some(advice),
        summary: Some(Summary::Wrong("never deployed".to_owned())),
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
        assert_eq!(lines(&RULE, &found), [""; 0], "not requested");
        target(&mut found, "my api").live.deployed = Observed::Unavailable("refused".to_owned());
        assert_eq!(lines(&RULE, &found), [""; 0], "unavailable");
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
        assert_eq!(lines(&RULE, &found), [""; 0], "`latest` lags behind");
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
