//! Railway, in doctor's words.

pub mod wire;
