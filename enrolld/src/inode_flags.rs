//! The flags of a file that chattr(1) sets.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;

/// FS_IOC_GETFLAGS of ioctl_iflags(2); `None` where the file system has none.
pub(crate) fn inode_flags(file: &File) -> Option<libc::c_long> {
    let mut flags: libc::c_long = 0;
    // SAFETY: the request writes an int, for which a long has room, into a number that lives here.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) };
    (answer == 0).then_some(flags)
}
