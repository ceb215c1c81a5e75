//! An application of Linux-PAM with a scripted person in front of it.
//!
//! A [`Login`] says which service is entered by whom, what the application calls and what the person
//! answers. [`Login::run`] plays it in a fresh process, as sshd and sudo would; [`Login::play`] in this one.
//! Both give a [`Report`], which panics over a script that the conversation did not follow to its end.

mod conversation;
mod ffi;
mod login;
mod report;
mod transaction;

pub use conversation::{Conversation, Event, Message, Reply, Style, Texts, monotonic};
pub use login::{Call, Limit, Login};
pub use report::{Barrier, Code, OUT_OF_MEMORY, Report, Waiting};
