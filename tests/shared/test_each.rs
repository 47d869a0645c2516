//! Tests many cases at once, because they mostly wait.

use std::thread;

/// Tests each case in its own thread; fails if one of them fails.
pub(crate) fn test_each<C: Send>(cases: impl IntoIterator<Item = C>, test: impl Fn(C) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            let test = &test;
            scope.spawn(move || test(case));
        }
    });
}
