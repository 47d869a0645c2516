//! Runs many jobs at once, because they mostly wait.

use std::sync::{Condvar, Mutex};
use std::thread;

/// A name, and a test that returns a failure.
pub(crate) type Job<'j> = (String, Box<dyn FnOnce() -> Result<(), String> + Send + 'j>);

/// How many jobs run at once, on any number of cores.
pub(crate) const PARALLEL_JOBS: usize = 36;

/// How many jobs with a keyring run at once; the keyring serves one request at a time.
pub(crate) const PARALLEL_KEYRING_JOBS: usize = 2;

/// The free slots, shared by all lists and all tests.
static SLOTS: (Mutex<usize>, Condvar) = (Mutex::new(PARALLEL_JOBS), Condvar::new());

/// Runs a job in a free slot.
fn in_free_slot<R>(job: impl FnOnce() -> R) -> R {
    let (free, freed) = &SLOTS;
    *freed.wait_while(free.lock().unwrap(), |free| *free == 0).unwrap() -= 1;
    let result = job();
    *free.lock().unwrap() += 1;
    freed.notify_one();
    result
}

/// Runs all jobs, with a limit for each list, and fails with every failure.
pub(crate) fn run_jobs<'j>(lists: impl IntoIterator<Item = (Vec<Job<'j>>, usize)>) {
    let wrong = Mutex::new(Vec::new());
    let lists: Vec<_> =
        lists.into_iter().map(|(jobs, threads)| (jobs.len(), Mutex::new(jobs.into_iter()), threads)).collect();
    thread::scope(|scope| {
        for (_, jobs, threads) in &lists {
            for _ in 0..*threads {
                scope.spawn(|| {
                    loop {
                        let next = jobs.lock().unwrap().next();
                        let Some((name, job)) = next else { return };
                        if let Err(what) = in_free_slot(job) {
                            wrong.lock().unwrap().push(format!("{name}: {what}"));
                        }
                    }
                });
            }
        }
    });
    let (wrong, count) = (wrong.into_inner().unwrap(), lists.iter().map(|(count, ..)| count).sum::<usize>());
    assert!(wrong.is_empty(), "{} of {count} jobs failed:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Returns an error with this message unless the condition is true.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
pub(crate) use ensure;
