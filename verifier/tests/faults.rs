//! The store in real files, with every fault that a file, a folder, a limit or another process can have.
//! Whatever it is, the answer is "unavailable" with its reason: never "not enrolled", never an open door.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "faults/changes.rs"]
mod changes;
#[path = "faults/init.rs"]
mod init;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/locks.rs"]
mod locks;
#[path = "faults/place.rs"]
mod place;
#[path = "faults/rot.rs"]
mod rot;
#[path = "faults/shapes.rs"]
mod shapes;
