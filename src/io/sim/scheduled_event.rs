//! What somebody else does between two of `doctor`'s steps.

use std::fmt;

use crate::io::sim::estate::Estate;
use crate::io::sim::fault::Moment;

/// Something that happens once, before or after a request.
pub(crate) struct ScheduledEvent {
    pub(crate) moment: Moment,
    pub(crate) operation: &'static str,
    /// So many requests of that operation go by first.
    pub(crate) skip: usize,
    pub(crate) act: Box<dyn FnOnce(&mut Estate) + Send>,
}

impl fmt::Debug for ScheduledEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Hook");
        shown.field("moment", &self.moment).field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Does what is due, oldest first.
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
