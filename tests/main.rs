//! End to end: the program as people run it.

mod cases;
mod front;
mod program;
mod world;
