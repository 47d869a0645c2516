//! Changes by another user between two requests of `doctor`.

use std::fmt;

use crate::io::sim::estate::Estate;
use crate::io::sim::fault::Moment;

/// A change that happens once, before or after a request.
pub(crate) struct ScheduledEvent {
    pub(crate) moment: Moment,
    pub(crate) operation: &'static str,
    /// The number of requests of this operation to skip first.
    pub(crate) skip: usize,
    pub(crate) act: Box<dyn FnOnce(&mut Estate) + Send>,
}

impl fmt::Debug for ScheduledEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ScheduledEvent");
        shown.field("moment", &self.moment).field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Runs the events that are due, oldest first.
pub(crate) fn run(hooks: &mut Vec<ScheduledEvent>, moment: Moment, operation: &str, estate: &mut Estate) {
    let mut waiting = Vec::new();
    for mut hook in std::mem::take(hooks) {
        if hook.moment != moment || hook.operation != operation {
            waiting.push(hook);
        } else if hook.skip > 0 {
            hook.skip -= 1;
            waiting.push(hook);
        } else {
            (hook.act)(estate);
            estate.settle();
        }
    }
    *hooks = waiting;
}
