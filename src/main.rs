//! Starts `doctor`; everything else is in the library.

fn main() {}
