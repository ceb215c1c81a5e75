//! One file a verb.

pub(crate) mod adopt;
pub(crate) mod backup_codes;
pub(crate) mod bypass;
pub(crate) mod code;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod enroll;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod forget;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod invite;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod prune;
pub(crate) mod rehearse;
pub(crate) mod remove_token;
pub(crate) mod rename_token;
pub(crate) mod restored;
pub(crate) mod revoke;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod suspend;
pub(crate) mod unlock;
pub(crate) mod verify;
