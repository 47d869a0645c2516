//! Work in the background, for example while git runs or `doctor` waits for Railway.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A computation in the background. If no thread can be started, it runs immediately.
#[derive(Debug)]
pub struct Background<T> {
    state: BackgroundState<T>,
}

#[derive(Debug)]
enum BackgroundState<T> {
    Running(JoinHandle<T>),
    Done(T),
}

impl<T: Send + 'static> Background<T> {
    /// Starts the computation.
    pub fn start(compute: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let compute = Arc::new(compute);
        let shared = Arc::clone(&compute);
        let state = match thread::Builder::new().spawn(move || shared()) {
            Ok(thread) => BackgroundState::Running(thread),
            Err(_) => BackgroundState::Done(compute()),
        };
        Self { state }
    }

    /// Waits for the result.
    pub fn finish(self) -> T {
        match self.state {
            BackgroundState::Running(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            BackgroundState::Done(result) => result,
        }
    }
}
