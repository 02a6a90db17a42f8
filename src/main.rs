//! terrace
fn main() {}
