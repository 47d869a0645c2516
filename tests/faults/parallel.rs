//! Many cells at once: they wait most of the time.

use std::sync::{Condvar, Mutex};
use std::thread;

/// What is to be played: its name, and what finds something wrong with it.
pub(crate) type Job<'j> = (String, Box<dyn FnOnce() -> Result<(), String> + Send + 'j>);

/// How many run at once, on however few cores.
pub(crate) const MANY: usize = 36;

/// How many of those run at once that ask a keyring, which does one thing after another.
pub(crate) const FEW: usize = 2;

/// How many run at once of all lists and all tests.
static FREE: (Mutex<usize>, Condvar) = (Mutex::new(MANY), Condvar::new());

/// Takes one of them for a job.
fn in_turn<R>(job: impl FnOnce() -> R) -> R {
    let (free, freed) = &FREE;
    *freed.wait_while(free.lock().unwrap(), |free| *free == 0).unwrap() -= 1;
    let result = job();
    *free.lock().unwrap() += 1;
    freed.notify_one();
    result
}

/// Plays them all, so many of each list at once, and fails with everything that is wrong.
pub(crate) fn play<'j>(lists: impl IntoIterator<Item = (Vec<Job<'j>>, usize)>) {
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
                        if let Err(what) = in_turn(job) {
                            wrong.lock().unwrap().push(format!("{name}: {what}"));
                        }
                    }
                });
            }
        }
    });
    let (wrong, count) = (wrong.into_inner().unwrap(), lists.iter().map(|(count, ..)| count).sum::<usize>());
    assert!(wrong.is_empty(), "{} of {count} cells:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Fails with these words if it does not hold.
macro_rules! hold {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
pub(crate) use hold;
