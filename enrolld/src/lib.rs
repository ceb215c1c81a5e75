//! The verbs behind the binaries `totpctl` and `enrolld`: everything they do, without their arguments.
#![forbid(unsafe_code)]

pub mod qr;
