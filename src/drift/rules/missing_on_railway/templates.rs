//! Keys of templates that no service has, for services that are compared with no file.

use super::{Context, RULE};
use crate::drift::comparison::observation;
use crate::drift::missing_keys::LISTED_AT_MOST;
use crate::drift::model::finding::Finding;
use crate::drift::needs::{NeedHolders, TemplateNeed, template_needs};
use crate::drift::{Target, phrases};

/// Returns a finding for each needed key that no service has. A database that is not compared does not count, because
/// it keeps its variables for others; neither does a service that is built from another directory.
pub(super) fn on_no_service(context: &Context<'_>) -> Vec<Finding> {
    let mut budget = LISTED_AT_MOST;
    let needs = template_needs(context.survey).into_iter();
    let unmet = needs.filter(|(key, need)| NeedHolders::of(context.survey, &context.holders, key, need).is_none());
    unmet.map(|(key, need)| finding(context, key, need, &mut budget)).collect()
}

fn finding(context: &Context<'_>, key: &str, need: TemplateNeed, budget: &mut usize) -> Finding {
    let mut lacking: Vec<&Target> = context.survey.readable().filter(|target| need.is_of(target)).collect();
    let advice = advice(context, key, &lacking);
    if lacking.len() > *budget {
        lacking.clear();
    }
    *budget -= lacking.len();
    let message = message(context, key, &need.place.file);
    Finding {
        key: Some(key.to_owned()),
        services: lacking.iter().map(|target| target.service.clone()).collect(),
        places: vec![need.place],
        reason: context.holders.elsewhere_besides_services(key),
        advice: Some(advice),
        observations: lacking.iter().map(|target| observation(target, None)).collect(),
        ..Finding::new(&RULE, message)
    }
}

fn message(context: &Context<'_>, key: &str, file: &str) -> String {
    let place = match context.holders.of(key) {
        [] => context.nowhere(),
        holders => format!("only on {}", phrases::names(holders)),
    };
    format!("{key} is needed by {file} but {place}")
}

/// Which services need the key is the user's decision.
fn advice(context: &Context<'_>, key: &str, lacking: &[&Target]) -> String {
    if let Some(references) = context.references(key) {
        return format!("refer to {references} on a service that needs it, or comment out the line if nothing does");
    }
    if let Some(variant) = context.holders.case_variant(key) {
        return format!("write {variant} in the template if it is the same key");
    }
    let place = if let [only] = lacking { only.service.name.as_str() } else { "a service that needs it" };
    format!("set it on {place} in the dashboard, or comment out the line if it is optional")
}
