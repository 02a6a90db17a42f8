//! End to end: the program as people run it.

mod cases;
mod front;
mod program;
mod watch;
mod world;
