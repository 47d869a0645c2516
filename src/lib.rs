//! `doctor`, the config-drift doctor for Railway: compares each service's variables with the local `.env`, says what is
//! wrong and why without showing a value, and what to type next.
//!
//! Four rooms, and who may know whom (`tests/house.rs` holds every file to it):
//!
//! ```text
//! command  →  drift, report, outside     the verbs, each a straight list of steps
//! outside  →  drift                      the only room that touches the world
//! report   →  drift                      the saying: a report in, bytes out
//! drift                                  the thinking: both sides in, findings out
//! ```
//!
//! The words: a *target* is one service of one environment and the `.env` layers that should agree with it; its variables
//! are *stored* (perhaps as a *reference*) and *rendered*, or *sealed* and unknowable; a *survey* is both sides of every
//! target; a *finding* is one thing that is wrong under a *rule*; the *wire* is one POST to Railway; the *world* is
//! everything that `doctor` can touch.

pub mod cli;
pub mod command;
pub mod drift;
pub mod error;
pub mod outside;
pub mod report;
