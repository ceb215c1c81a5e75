//! Everything unsafe of this module: the calls into libpam that the bindings lack, the signals that
//! must not come amid a judgement, and memory for the moment when there is none.

use crate::remembered::Taken;
use nix::unistd::{geteuid, getuid};
use otp::Time;
use pam::constants::PamResultCode;
use pam::module::PamHandle;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{mem, ptr};
use verifier::{below, wipe_stack};
use zeroize::Zeroizing;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_syslog(handle: *const PamHandle, priority: libc::c_int, format: *const libc::c_char, ...);
    fn pam_getenv(handle: *mut PamHandle, name: *const libc::c_char) -> *const libc::c_char;
    fn pam_fail_delay(handle: *mut PamHandle, microseconds: libc::c_uint) -> libc::c_int;
    fn pam_set_item(handle: *mut PamHandle, item: libc::c_int, value: *const libc::c_void) -> libc::c_int;
}

unsafe extern "C" {
    fn pthread_setcancelstate(state: libc::c_int, former: *mut libc::c_int) -> libc::c_int;
}

/// pthread.h, the same on every Linux libc.
const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;

/// While this lives, pthread_cancel(3) of this thread waits: it unwinds by force, which neither Rust's frames
/// nor `extern "C"` let pass, and the host would be aborted.
struct NotCancelled(libc::c_int);

impl NotCancelled {
    fn new() -> Self {
        let mut former = 0;
        // SAFETY: pthread_setcancelstate(3) takes a state and where to put the former one.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut former) };
        Self(former)
    }
}

impl Drop for NotCancelled {
    fn drop(&mut self) {
        // SAFETY: as above; the manual allows null.
        unsafe { pthread_setcancelstate(self.0, ptr::null_mut()) };
    }
}

/// Runs `login`. A panic in it prints nothing, unwinds no further, and gives `None`.
pub(crate) fn guarded<T>(login: impl FnOnce() -> T) -> Option<T> {
    static SILENCE: Once = Once::new();
    // This is the hook of this library's own copy of the standard library, not the host's. The default one
    // would print to the host's stderr and, with RUST_BACKTRACE set, read its memory map.
    SILENCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let _cancellation = NotCancelled::new();
    let answer = catch_unwind(AssertUnwindSafe(|| below(login)));
    wipe_stack();
    match answer {
        Ok(answer) => Some(answer),
        Err(payload) => {
            // Dropping it could panic once more.
            mem::forget(payload);
            None
        }
    }
}

/// Writes a line to authpriv, with the prefix of Linux-PAM's own modules.
pub(crate) fn log(handle: &PamHandle, priority: libc::c_int, line: &str) {
    let Ok(line) = CString::new(line) else { return };
    // SAFETY: pam_syslog(3) takes a handle, here a live one, a priority, and a format with its arguments:
    // "%s" takes one string that ends in NUL, and `line` is one.
    unsafe { pam_syslog(handle, priority, c"%s".as_ptr(), line.as_ptr()) };
}

/// A variable of PAM's environment, which is not that of this process.
pub(crate) fn environment(handle: &PamHandle, name: &CStr) -> Option<String> {
    // SAFETY: pam_getenv(3) takes a live handle, which it does not change, and a name that ends in NUL.
    let value = unsafe { pam_getenv(ptr::from_ref(handle).cast_mut(), name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: what it gives ends in NUL and belongs to the handle, which nobody changes before it is copied.
    Some(unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
}

/// Asks libpam to delay a failure.
pub(crate) fn fail_delay(handle: &mut PamHandle, seconds: u64) {
    let microseconds = blurred(seconds).try_into().unwrap_or(libc::c_uint::MAX);
    // SAFETY: pam_fail_delay(3) takes a live handle and a number.
    unsafe { pam_fail_delay(handle, microseconds) };
}

/// So many seconds and up to half as much more, in microseconds. libpam varies a delay too, but before 1.6 by what
/// the second of the login makes of it (libpam/pam_delay.c), which everybody knows. More and not less, since
/// pam_unix asks for two seconds whatever was typed, and the longest delay counts. The sum of three draws has no
/// edge that the shortest of many answers would show.
fn blurred(seconds: u64) -> u64 {
    let mut draws = [0_u16; 3];
    // SAFETY: getrandom(2) fills as many bytes as these are.
    let filled =
        unsafe { libc::getrandom(draws.as_mut_ptr().cast(), size_of_val(&draws), libc::GRND_NONBLOCK) };
    if usize::try_from(filled) != Ok(size_of_val(&draws)) {
        // In a sandbox without that call. The nanoseconds of a clock are known to nobody far away either.
        draws = [since_boot().map_or(0, |since| since.subsec_nanos() as u16); 3];
    }
    let part = draws.into_iter().map(u64::from).sum::<u64>();
    let least = seconds.saturating_mul(1_000_000);
    least.saturating_add(least.saturating_mul(part) / (6 * u64::from(u16::MAX)))
}

/// Makes `password` the `PAM_AUTHTOK` of the modules behind this one; whether that worked.
pub(crate) fn hand_on(handle: &mut PamHandle, password: &[u8]) -> bool {
    /// security/_pam_types.h.
    const PAM_AUTHTOK: libc::c_int = 6;
    let mut text = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    text.extend_from_slice(password);
    text.push(0);
    let Ok(text) = CStr::from_bytes_with_nul(&text) else { return false };
    // SAFETY: pam_set_item(3) takes a live handle and, for this item, a string that ends in NUL, which it
    // copies; what it held before it wipes and frees.
    unsafe { pam_set_item(handle, PAM_AUTHTOK, text.as_ptr().cast()) == 0 }
}

/// What this handle holds for `pam_sm_setcred`.
pub(crate) fn taken(handle: &PamHandle) -> Option<Taken> {
    // SAFETY: under this name, which has an address of this library in it, nobody stores but `hold`, and that is
    // an `Option<Taken>`. libpam keeps it until the next `hold` or the handle's end; the copy is our own.
    unsafe { handle.get_data::<Option<Taken>>(&data_name()) }.ok().cloned().flatten()
}

/// Makes this handle hold `taken`, until the application ends it; whether it does.
pub(crate) fn hold(handle: &mut PamHandle, taken: Option<Taken>) -> bool {
    handle.set_data(&data_name(), Box::new(taken)).is_ok()
}

/// Two modules in one stack share the names of their data (pam_set_data(3)), two builds of this one too, which
/// may lay it out in two ways.
fn data_name() -> String {
    format!("pam_totp {:p}", &raw const ALLOCATOR)
}

/// A copy of a code: the binding's enum is not `Copy`, though it is a number.
pub(crate) fn copy(code: &PamResultCode) -> PamResultCode {
    // SAFETY: a field-less enum without destructor, read from a valid reference.
    unsafe { ptr::read(code) }
}

/// Whether malloc(3) has 64 KiB left, whatever the reserve below holds.
pub(crate) fn has_heap() -> bool {
    let layout = Layout::new::<[u8; 64 * 1024]>();
    // SAFETY: the layout is not empty, nobody touches what comes, and it goes back to where it came from.
    unsafe {
        // Otherwise both calls may be left out.
        let memory = black_box(System.alloc(layout));
        if !memory.is_null() {
            System.dealloc(memory, layout);
        }
        !memory.is_null()
    }
}

/// Whether this process may map so many bytes more: an address space that is full (`ulimit -v`, `-d`) says no. Not
/// asked of malloc(3), which would adapt to blocks of that size for good (mallopt(3), M_MMAP_THRESHOLD).
pub(crate) fn has_room(bytes: usize) -> bool {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: mmap(2) chooses the place, nobody touches what comes, and all of it goes back.
    unsafe {
        let memory = libc::mmap(ptr::null_mut(), bytes, access, flags | libc::MAP_NORESERVE, -1, 0);
        memory != libc::MAP_FAILED && libc::munmap(memory, bytes) == 0
    }
}

/// This machine's clock: the one place where this module reads it.
#[allow(clippy::disallowed_methods)] // The edge.
pub(crate) fn now() -> Time {
    // A clock before 1970 is as wrong as one in 1970.
    Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// How long ago this machine was started, its sleep included: what no clock that is set can change. `None`
/// where the kernel does not say.
pub(crate) fn since_boot() -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) fills a struct that lives on this stack.
    let answered = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) } == 0;
    let (seconds, nanoseconds) = (time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    answered.then(|| Duration::new(seconds, nanoseconds))
}

/// Runs `work`, which holds a person's lock, so that nobody but root can stop, end or divert this thread amid
/// it: neither a handler of the host that jumps out of it, nor Ctrl-Z, nor the account that called su, whose
/// SIGSTOP would keep the lock for ever and the owner out of their account.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    let _mask = Blocked::all();
    // Given back first: a handler that jumps away from here must not find itself as root.
    let _real = RealRoot::take();
    work()
}

/// While this lives, this thread of a set-uid program has root's real uid. kill(2) asks for no more than that
/// real uid, which is the caller's: su asks under it, and even SIGSTOP can be sent to it.
struct RealRoot(Option<libc::uid_t>);

#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SETRESUID: libc::c_long = libc::SYS_setresuid32;
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SETRESUID: libc::c_long = libc::SYS_setresuid;

impl RealRoot {
    fn take() -> Self {
        let real = getuid();
        let is_to_change = geteuid().is_root() && !real.is_root();
        Self((is_to_change && set_real_uid(0)).then_some(real.as_raw()))
    }
}

impl Drop for RealRoot {
    fn drop(&mut self) {
        if let Some(real) = self.0 {
            set_real_uid(real);
        }
    }
}

/// By the system call itself: setresuid(3) would change every thread of the host.
fn set_real_uid(uid: libc::uid_t) -> bool {
    const KEEP: libc::uid_t = libc::uid_t::MAX;
    // SAFETY: setresuid(2) takes three numbers.
    unsafe { libc::syscall(SETRESUID, uid, KEEP, KEEP) == 0 }
}

/// While this lives, no signal is delivered to this thread but those that a fault of its own raises. SIGXFSZ
/// is among those that wait: under `ulimit -f 0` a write then fails, and is answered like any failed write,
/// instead of killing the host.
struct Blocked {
    former: Option<libc::sigset_t>,
    size_was_pending: bool,
}

impl Blocked {
    fn all() -> Self {
        let mut former = empty_set();
        // SAFETY: sigfillset(3), sigdelset(3) and pthread_sigmask(3) are given sets that live on this stack.
        let blocked = unsafe {
            let mut all = empty_set();
            libc::sigfillset(&raw mut all);
            for fault in
                [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS]
            {
                libc::sigdelset(&raw mut all, fault);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut former) == 0
        };
        Self { former: blocked.then_some(former), size_was_pending: is_pending() }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let Some(former) = self.former else { return };
        // SAFETY: sigaddset(3), sigtimedwait(2) and pthread_sigmask(3) are given sets that live here, and null
        // where the manual allows it. SIGXFSZ from write(2) goes to the writing thread, so what another thread
        // does to its own mask cannot matter.
        unsafe {
            if !self.size_was_pending && is_pending() {
                let mut size = empty_set();
                libc::sigaddset(&raw mut size, libc::SIGXFSZ);
                let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
                libc::sigtimedwait(&raw const size, ptr::null_mut(), &raw const at_once);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const former, ptr::null_mut());
        }
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset(3) initializes the set that it is given.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn is_pending() -> bool {
    let mut pending = empty_set();
    // SAFETY: sigpending(2) fills a set that lives on this stack; sigismember(3) reads it.
    unsafe {
        libc::sigpending(&raw mut pending) == 0 && libc::sigismember(&raw const pending, libc::SIGXFSZ) == 1
    }
}

/// A write that no optimisation takes for useless. Miri does not know explicit_bzero(3).
///
/// # Safety
/// `memory` is the caller's, and has `size` bytes.
unsafe fn wipe(memory: *mut u8, size: usize) {
    // SAFETY: see above.
    unsafe {
        if cfg!(miri) {
            memory.write_bytes(0, size);
        } else {
            libc::explicit_bzero(memory.cast(), size);
        }
    }
}

/// Under `ulimit -v` an allocation may fail at any place, and Rust answers that by aborting the process: the
/// host. This reserve, mapped with the module, is far more than a login takes.
const RESERVE: usize = 256 * 1024;

/// Whether there is memory for parsing so many bytes of settings. Of little text the reserve bears it.
pub(crate) fn can_parse(length: usize) -> bool {
    // Each byte was seen to take 120 in all, and 420 where the text is wrong and read twice. The reserve counts all.
    let need = length.saturating_mul(512);
    need <= RESERVE || has_room(need)
}

struct WithReserve {
    memory: UnsafeCell<[u8; RESERVE]>,
    /// How many bytes are given away (upper half), in how many pieces (lower half).
    state: AtomicU64,
}

// SAFETY: bytes of `memory` are handed out by `claim`, which gives no byte to two callers, and are touched by
// nobody else.
unsafe impl Sync for WithReserve {}

#[global_allocator]
static ALLOCATOR: WithReserve =
    WithReserve { memory: UnsafeCell::new([0; RESERVE]), state: AtomicU64::new(0) };

impl WithReserve {
    fn claim(&self, layout: Layout) -> *mut u8 {
        let base = self.memory.get().cast::<u8>();
        let mut piece = ptr::null_mut();
        let claimed = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            let used = (state >> 32) as usize;
            // Rounded up from the address, whatever the array's own alignment is.
            let start = (base as usize + used).next_multiple_of(layout.align()) - base as usize;
            let end = start.checked_add(layout.size()).filter(|&end| end <= RESERVE)?;
            piece = base.wrapping_add(start);
            Some((end as u64) << 32 | ((state & 0xffff_ffff) + 1))
        });
        claimed.map_or(ptr::null_mut(), |_| piece)
    }

    /// Whether `piece` was of the reserve, and is now given back. The last piece returns all of it.
    fn release(&self, piece: *mut u8) -> bool {
        let offset = (piece as usize).wrapping_sub(self.memory.get() as usize);
        if offset >= RESERVE {
            return false;
        }
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            let pieces = (state & 0xffff_ffff) - 1;
            Some(if pieces == 0 { 0 } else { state & !0xffff_ffff | pieces })
        });
        true
    }
}

// SAFETY: memory comes from the system's allocator or, where that has none, from the reserve, which `claim`
// gives out aligned, within bounds and to one caller; each goes back to where it came from. What grows moves, by
// way of these two.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of `System`.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { self.claim(layout) } else { memory }
    }

    /// Wipes first: parsers copy what they read, secrets too, and nobody else can reach those copies.
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller gives it back, and it has this layout.
        unsafe { wipe(memory, layout.size()) };
        if !self.release(memory) {
            // SAFETY: not of the reserve, so it came from `System`, with this layout.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_refusals_take_the_same_time_none_less_than_is_set_and_none_half_as_much_again() {
        let delays: std::collections::BTreeSet<_> = (0..1000).map(|_| blurred(2)).collect();
        assert!(delays.len() > 990, "{}", delays.len());
        assert!(delays.iter().all(|delay| (2_000_000..=3_000_000).contains(delay)), "{delays:?}");
        let middle = delays.iter().filter(|delay| (2_250_000..2_750_000).contains(*delay)).count();
        assert!((800..980).contains(&middle), "{middle} of the sum of three draws");
        assert_eq!(blurred(0), 0);
        assert_eq!(blurred(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_panic_ends_here() {
        assert_eq!(guarded(|| panic!("on purpose")), None::<()>);
        assert_eq!(guarded(|| 7), Some(7));
    }

    #[test]
    fn a_host_cannot_cancel_its_thread_amid_a_login() {
        let state = || NotCancelled::new().0;
        assert_eq!(state(), 0);
        assert_eq!(guarded(state), Some(PTHREAD_CANCEL_DISABLE));
        assert_eq!(guarded(|| panic!("on purpose")), None::<()>);
        assert_eq!(state(), 0);
    }

    #[test]
    fn the_reserve_gives_no_byte_twice_and_takes_all_back() {
        let reserve = WithReserve { memory: UnsafeCell::new([0; RESERVE]), state: AtomicU64::new(0) };
        let layout = Layout::from_size_align(1000, 64).unwrap();
        let mut pieces = Vec::new();
        loop {
            let piece = reserve.claim(layout);
            if piece.is_null() {
                break;
            }
            assert_eq!(piece as usize % 64, 0);
            // SAFETY: a piece is ours, and as large as the layout.
            unsafe { piece.write_bytes(1, layout.size()) };
            pieces.push(piece);
        }
        assert!(pieces.len() >= 255, "{}", pieces.len());
        assert!(pieces.windows(2).all(|pair| pair[1] as usize - pair[0] as usize >= 1000));
        for piece in &pieces {
            assert!(reserve.release(*piece));
        }
        assert_eq!(reserve.claim(layout), pieces[0]);
        assert!(!reserve.release((&raw const layout).cast_mut().cast()));
    }

    /// Under Miri (tests/sanitized) a byte that two threads had without order between them is an error.
    #[test]
    fn threads_take_from_the_reserve_and_give_back_without_a_race() {
        let reserve = WithReserve { memory: UnsafeCell::new([0; RESERVE]), state: AtomicU64::new(0) };
        let layout = Layout::from_size_align(RESERVE / 3, 8).unwrap();
        let take_and_give = &|mark: u8| {
            for _ in 0..20 {
                let piece = reserve.claim(layout);
                if piece.is_null() {
                    continue;
                }
                // SAFETY: a piece is ours until it is given back, and as large as the layout.
                unsafe {
                    piece.write_bytes(mark, 8);
                    assert_eq!(*piece.add(7), mark);
                }
                assert!(reserve.release(piece));
            }
        };
        std::thread::scope(|scope| {
            for mark in 1..=4 {
                scope.spawn(move || take_and_give(mark));
            }
        });
        assert_eq!(reserve.state.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_panic_leaves_the_mask_as_it_was() {
        let blocked = || {
            let mut set = empty_set();
            // SAFETY: pthread_sigmask(3) without a new mask fills the set.
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut set) };
            // SAFETY: sigismember(3) reads the set.
            (1..=64)
                .filter(|&signal| unsafe { libc::sigismember(&raw const set, signal) } == 1)
                .collect::<Vec<_>>()
        };
        let before = blocked();
        let within = guarded(|| undisturbed(blocked)).unwrap();
        assert!([libc::SIGTSTP, libc::SIGALRM, libc::SIGXFSZ].iter().all(|signal| within.contains(signal)));
        assert_eq!(guarded(|| undisturbed(|| panic!("on purpose"))), None::<()>);
        assert_eq!(blocked(), before);
    }

    #[test]
    fn a_write_beyond_the_size_limit_fails_and_leaves_no_signal() {
        use std::io::Write;
        let path = std::env::temp_dir().join(format!("size-{}", std::process::id()));
        let mut file = std::fs::File::create(&path).unwrap();
        // SAFETY: getrlimit(2) and setrlimit(2) with a struct on this stack.
        let limited = unsafe {
            let mut former = mem::zeroed::<libc::rlimit>();
            libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut former);
            let none = libc::rlimit { rlim_cur: 0, ..former };
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const none);
            let written = undisturbed(|| file.write(b"x"));
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const former);
            written
        };
        assert_eq!(limited.unwrap_err().raw_os_error(), Some(libc::EFBIG));
        assert!(!is_pending());
        std::fs::remove_file(path).unwrap();
    }
}
