//! A disk of its own for the store: a file system in a file. An ext4 can lose its power.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::lab::{STORE, run};
use crate::mounts::LAB;

/// How many loop devices the sandbox's /dev names.
const LOOPS: u64 = 64;
/// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`.
const EXT4_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: what is not on the disk yet never gets there.
const NOLOGFLUSH: u32 = 2;

/// A mounted disk; it is detached with the sandbox.
pub struct Disk {
    image: String,
}

impl Disk {
    /// Makes a disk with an ext4 and mounts it where the store is.
    pub fn under_store(megabytes: u64) -> Self {
        Self::made_by(&["mkfs.ext4", "-q", "-m", "0", "-O", "^resize_inode"], megabytes)
    }

    /// The same with the file system that this command makes.
    pub fn made_by(words: &[&str], megabytes: u64) -> Self {
        name_loop_devices();
        let image = format!("{LAB}/disk.img");
        File::create(&image).and_then(|file| file.set_len(megabytes << 20)).expect("room in memory");
        run(Command::new(words[0]).args(&words[1..]).arg(&image));
        let disk = Self { image };
        run(Command::new("mkdir").args(["-p", STORE]));
        disk.mount();
        run(Command::new("chmod").args(["700", STORE]));
        disk
    }

    /// Cuts the power of a disk with any file system: what it had given to its device by now is all that is
    /// left. The disk is mounted again afterwards.
    pub fn lose_power_between(&mut self) {
        let left = format!("{}.left", self.image);
        run(Command::new("cp").args(["--sparse=always", &self.image, &left]));
        run(Command::new("umount").arg(STORE));
        std::fs::rename(&left, &self.image).expect("both are in memory");
        self.mount();
    }

    fn mount(&self) {
        // The loop device frees itself when the last mount of it is gone.
        run(Command::new("mount").args(["-o", "loop", &self.image, STORE]));
    }

    /// Cuts the power: whatever was not synced is lost. The disk is mounted again afterwards.
    pub fn lose_power(&self) {
        let root = File::open(Path::new(STORE)).expect("the store is mounted");
        let flag = NOLOGFLUSH;
        // SAFETY: this ioctl(2) reads a number of 32 bits.
        let done = unsafe { libc::ioctl(root.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const flag) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        drop(root);
        run(Command::new("umount").arg(STORE));
        self.mount();
    }
}

fn name_loop_devices() {
    let mode = Mode::from_bits_truncate(0o600);
    let _ = mknod("/dev/loop-control", SFlag::S_IFCHR, mode, makedev(10, 237));
    for number in 0..LOOPS {
        let _ = mknod(format!("/dev/loop{number}").as_str(), SFlag::S_IFBLK, mode, makedev(7, number));
    }
}
