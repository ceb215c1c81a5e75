//! SELinux and AppArmor. Where no kernel enforces them, as in a container, nothing shows whether a policy is
//! right. So they are compiled by their own compilers, and what they allow is compared with what the module and
//! the daemon do, as strace saw it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod apparmor;
mod selinux;
mod traced;
