//! What of a process a module could change, to compare before and after.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::ptr;

/// Everything of the process at hand that outlives a call, one fact a line.
#[derive(Debug)]
pub struct State(BTreeSet<String>);

impl State {
    /// Looks at the process at hand.
    pub fn now() -> Self {
        let mut facts = BTreeSet::new();
        facts.extend(descriptors());
        facts.extend(std::env::vars_os().map(|pair| format!("environment {pair:?}")));
        facts.extend((1..=64).map(disposition));
        facts.extend([
            format!("blocked {:?} pending {:?}", blocked(), pending()),
            format!("folder {:?}", std::env::current_dir()),
            format!("locale {}", locale()),
            format!("threads {}", fs::read_dir("/proc/self/task").expect("proc is mounted").count()),
            format!("children {}", children()),
            // SAFETY: getpriority(2) takes numbers.
            format!("priority {}", unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }),
        ]);
        for file in ["comm", "limits", "oom_score_adj", "timerslack_ns"] {
            facts.insert(fs::read_to_string(format!("/proc/self/{file}")).expect("proc is mounted"));
        }
        let status = fs::read_to_string("/proc/self/status").expect("proc is mounted");
        let kept = ["Umask", "Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp"];
        let lines = status.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
        facts.extend(lines.map(str::to_owned));
        Self(facts)
    }

    /// What is different now, as lines that begin with `-` (gone) or `+` (new). A thread that has been
    /// joined takes a moment to vanish, so what differs is looked at again for a while.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        for _ in 0..100 {
            let now = Self::now();
            let gone = self.0.difference(&now.0).map(|fact| format!("- {fact}"));
            changes = gone.chain(now.0.difference(&self.0).map(|fact| format!("+ {fact}"))).collect();
            if changes.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        changes
    }
}

fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("proc is mounted").flatten();
    // The folder that is being read is itself among them, and gone when it is asked for.
    let named = entries.filter_map(|entry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?)));
    let lasting = named.filter(|(_, target)| !target.starts_with("/proc"));
    lasting.map(|(number, target)| format!("descriptor {number:?} {target:?}")).collect()
}

fn disposition(signal: i32) -> String {
    // SAFETY: sigaction(2) with no new action fills a struct that lives here.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(signal, ptr::null(), &mut action);
        let mask = members(&action.sa_mask);
        format!("signal {signal} {:x} {:x} {mask:?}", action.sa_sigaction, action.sa_flags)
    }
}

fn blocked() -> Vec<i32> {
    // SAFETY: as above, of pthread_sigmask(3).
    unsafe {
        let mut set = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut set);
        members(&set)
    }
}

fn pending() -> Vec<i32> {
    // SAFETY: as above, of sigpending(2).
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigpending(&mut set);
        members(&set)
    }
}

fn members(set: &libc::sigset_t) -> Vec<i32> {
    // SAFETY: sigismember(3) reads the set.
    (1..=64).filter(|&signal| unsafe { libc::sigismember(set, signal) } == 1).collect()
}

fn locale() -> String {
    // SAFETY: setlocale(3) without a locale gives the present one, a string of the library's.
    unsafe { CStr::from_ptr(libc::setlocale(libc::LC_ALL, ptr::null())) }.to_string_lossy().into_owned()
}

fn children() -> String {
    let tasks = fs::read_dir("/proc/self/task").expect("proc is mounted").flatten();
    tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect()
}

/// Forks; the child does `work` and ends with the code that it gives.
pub fn in_fork(work: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: fork(2); the child leaves by _exit and never returns into the test.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(work()),
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            child => child,
        }
    }
}

/// Waits for a child of [`in_fork`]: its exit code, or `None` if a signal ended it.
pub fn wait_for(child: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    // SAFETY: waitpid(2) fills a number that lives here.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(waited, child);
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

/// A shared object, loaded and unloaded as libpam does it.
pub struct Loaded(*mut libc::c_void);

impl Loaded {
    /// dlopen(3) with RTLD_NOW.
    pub fn open(path: &std::path::Path) -> Self {
        let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("a path");
        // SAFETY: dlopen(3) takes a string; the module's initialisers are under test.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        // SAFETY: dlerror(3) after a failure gives a string.
        assert!(!handle.is_null(), "{}", unsafe { CStr::from_ptr(libc::dlerror()) }.to_string_lossy());
        Self(handle)
    }

    /// Whether it exports a symbol.
    pub fn has(&self, symbol: &CStr) -> bool {
        // SAFETY: the handle is open.
        !unsafe { libc::dlsym(self.0, symbol.as_ptr()) }.is_null()
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and not used again.
        unsafe { libc::dlclose(self.0) };
    }
}

/// Opens the C library's connection to the log, which stays open from the first line of any module on.
pub fn open_log() {
    // SAFETY: openlog(3) may be given no name.
    unsafe { libc::openlog(ptr::null(), libc::LOG_NDELAY, libc::LOG_AUTHPRIV) };
}

/// Takes the standard streams away, as some daemons do.
pub fn close_standard_streams() {
    for descriptor in 0..=2 {
        // SAFETY: close(2) takes a number.
        unsafe { libc::close(descriptor) };
    }
}

/// Whether all standard streams are closed.
pub fn are_standard_streams_closed() -> bool {
    // SAFETY: fcntl(2) with F_GETFD takes numbers.
    (0..=2).all(|descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1)
}

/// Sets every category to a locale of the environment's choice.
pub fn set_locale(name: &CStr) {
    // SAFETY: setlocale(3) takes a string.
    unsafe { libc::setlocale(libc::LC_ALL, name.as_ptr()) };
}

/// Bytes of address space in use.
pub fn memory() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("proc is mounted");
    pages.split(' ').next().and_then(|size| size.parse::<u64>().ok()).expect("statm begins with it") * 4096
}

/// Where `needle` stands in the writable memory of a process.
pub fn find_in_memory(process: u32, needle: &[u8]) -> Vec<String> {
    search_memory(process, &[("it".to_owned(), needle.to_vec())])
}

/// Which of `needles`, named, stand in the writable memory of a process, and where: what its core would show.
pub fn search_memory(process: u32, needles: &[(String, Vec<u8>)]) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("our own child");
    let memory = fs::File::open(format!("/proc/{process}/mem")).expect("our own child");
    // Few bytes of a process begin a needle: only there are the needles looked at.
    let mut begins = [false; 256];
    needles.iter().for_each(|(_, needle)| begins[usize::from(needle[0])] = true);
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (begin, rest) = line.split_once('-').expect("a range");
        let (end, _) = rest.split_once(' ').expect("a range");
        let address = |hex| u64::from_str_radix(hex, 16).expect("hexadecimal");
        let mut bytes = vec![0; usize::try_from(address(end) - address(begin)).expect("memory fits")];
        if memory.read_exact_at(&mut bytes, address(begin)).is_ok() {
            let places = bytes.iter().enumerate().filter(|(_, byte)| begins[usize::from(**byte)]);
            for (place, _) in places {
                let here = needles.iter().filter(|(_, needle)| bytes[place..].starts_with(needle));
                found.extend(here.map(|(name, _)| format!("{name} at {place:x} of {line}")));
            }
        }
    }
    found
}
