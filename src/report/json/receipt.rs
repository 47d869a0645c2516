//! The JSON form of a receipt.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::model::receipt::{Outcome, Receipt};

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Receipt")]
pub(super) struct ReceiptForm<'r> {
    /// The kind of step.
    #[schemars(extend("enum" = ["push", "pull", "remove", "hoist", "rotate", "restore", "start-command", "redeploy", "ignore"]))]
    change: &'r str,
    /// The key, if the step is about one.
    key: Option<&'r str>,
    /// The name of the service or the file, or `shared variables`.
    service: &'r str,
    /// The outcome.
    #[schemars(extend("enum" = Outcome::ALL.map(Outcome::name)))]
    outcome: &'r str,
    /// The id of the deployment that the step created.
    deployment: Option<&'r str>,
}

pub(super) fn receipt(receipt: &Receipt) -> ReceiptForm<'_> {
    ReceiptForm {
        change: receipt.change,
        key: receipt.key.as_deref(),
        service: &receipt.place,
        outcome: receipt.outcome.name(),
        deployment: receipt.deployment.as_deref(),
    }
}
