//! The `aftertone` program.

fn main() {}
