//! The doctor on systems of files, each with one flaw and named for it, and on healthy ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cases;
mod stacks;
