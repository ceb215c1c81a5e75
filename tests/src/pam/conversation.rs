//! The person at the prompt, and everything a conversation function can do to a module.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ffi::{self, PAM_BUF_ERR, PAM_CONV_ERR, PAM_SUCCESS, PamConv, PamHandle, PamMessage, PamResponse};

/// `msg_style`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Linux-PAM's")]
pub enum Style {
    EchoOff,
    EchoOn,
    Error,
    Info,
    Other(c_int),
}

impl Style {
    fn of(number: c_int) -> Self {
        match number {
            1 => Self::EchoOff,
            2 => Self::EchoOn,
            3 => Self::Error,
            4 => Self::Info,
            other => Self::Other(other),
        }
    }
}

/// What a module said or asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// How it wants to be shown.
    pub style: Style,
    /// Its text, with what is no UTF-8 replaced.
    pub text: String,
}

/// What the conversation function answers to one prompt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// These bytes and a NUL; they may hold NULs of their own.
    Bytes(Vec<u8>),
    /// The same, as [`Reply::hidden`] makes it: they stand nowhere in the application but in its response.
    Hidden(Vec<u8>),
    /// The application sets `PAM_USER` to this name meanwhile, then answers with these bytes.
    As(String, Vec<u8>),
    /// What this file holds, as soon as there is one: a code that nobody has yet.
    From(String),
    /// A response whose text is a null pointer.
    Null,
    /// PAM_SUCCESS without any response.
    NoArray,
    /// This code of Linux-PAM instead of a response (19 is PAM_CONV_ERR).
    Fail(c_int),
    /// The process ends here, as sshd's child does when the client hangs up.
    Exit,
}

/// What hides the bytes of a [`Reply::Hidden`]: each is exclusive-or'ed with it.
const HIDING: u8 = 0xff;

impl Reply {
    /// These bytes, hidden: what is found of them in the application's memory was left there by others.
    pub fn hidden(bytes: impl AsRef<[u8]>) -> Self {
        Self::Hidden(bytes.as_ref().iter().map(|byte| byte ^ HIDING).collect())
    }
}

/// A prompt that must come next, and what happens then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// How the prompt must ask.
    pub style: Style,
    /// Its exact text.
    pub prompt: String,
    /// The answer.
    pub reply: Reply,
    /// Whether to wait before the answer until standard input has ended: a gate for many processes.
    pub gate: bool,
}

/// What the application does with information and error texts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Texts {
    /// Takes them.
    #[default]
    Take,
    /// Answers each with PAM_CONV_ERR.
    Fail,
    /// Takes them, and sets `PAM_USER` to bob meanwhile.
    BecomeBob,
}

/// A conversation in progress.
#[derive(Default, Debug)]
pub struct Conversation {
    /// What must still come.
    pub script: VecDeque<Event>,
    /// What is done with texts.
    pub texts: Texts,
    /// Everything that was said, in order.
    pub heard: Vec<Message>,
    /// How often the conversation function was called.
    pub calls: usize,
    /// What was asked against the script.
    pub surprises: Vec<String>,
    /// When the last prompt was answered, by [`monotonic`].
    pub(super) answered: Option<u64>,
    /// For how many microseconds the application was to delay an answer, where it takes that upon itself.
    pub(super) delay: Option<u32>,
    /// The transaction that this belongs to, once it has begun.
    pub(super) handle: Option<NonNull<PamHandle>>,
}

impl Conversation {
    /// The structure that `pam_start` wants; it leans on `self`, which must stay where it is.
    pub(super) fn as_pam_conv(&mut self) -> PamConv {
        PamConv { conv: Some(converse), appdata_ptr: (&raw mut *self).cast() }
    }

    fn answer(&mut self, message: Message) -> Reply {
        self.heard.push(message.clone());
        match message.style {
            Style::Error | Style::Info => return self.take_text(),
            _ => {}
        }
        let Some(event) = self.script.pop_front() else {
            self.surprises.push(format!("nobody expected {message:?}"));
            return Reply::Fail(PAM_CONV_ERR);
        };
        if (event.style, &event.prompt) != (message.style, &message.text) {
            self.surprises.push(format!("{message:?} came instead of {event:?}"));
            return Reply::Fail(PAM_CONV_ERR);
        }
        if event.gate {
            wait_at_gate();
        }
        let reply = match event.reply {
            Reply::From(path) => Reply::Bytes(wait_for_file(&path)),
            other => other,
        };
        self.answered = Some(monotonic());
        reply
    }

    fn take_text(&self) -> Reply {
        match self.texts {
            Texts::Take => Reply::Null,
            Texts::Fail => Reply::Fail(PAM_CONV_ERR),
            Texts::BecomeBob => Reply::As("bob".to_owned(), Vec::new()),
        }
    }
}

/// Says "here" on standard output, then waits until whoever holds standard input's other end sends a line, or
/// lets go.
pub(super) fn wait_at_gate() {
    println!("{}", super::report::AT_GATE);
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Whoever writes it puts it in place whole.
fn wait_for_file(path: &str) -> Vec<u8> {
    loop {
        match std::fs::read(path) {
            Ok(content) => return content,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Nanoseconds of a clock that all processes share: for who came before whom.
pub fn monotonic() -> u64 {
    // SAFETY: clock_gettime(2) fills a struct that lives here.
    let time = unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        time
    };
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

/// PAM_FAIL_DELAY: takes note, and delays nobody.
///
/// # Safety
/// libpam calls this with the data of [`Conversation::as_pam_conv`].
pub(super) unsafe extern "C" fn note_delay(_status: c_int, microseconds: c_uint, data: *mut c_void) {
    // SAFETY: see above.
    let conversation = unsafe { &mut *data.cast::<Conversation>() };
    conversation.delay = Some(microseconds);
}

/// # Safety
/// Called by libpam as pam_conv(3) says: `count` messages, room for one pointer in `responses`, and `data`
/// the conversation that [`Conversation::as_pam_conv`] was made from.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const PamMessage,
    responses: *mut *mut PamResponse,
    data: *mut c_void,
) -> c_int {
    // SAFETY: see above; libpam calls back from the thread that called it.
    let conversation = unsafe { &mut *data.cast::<Conversation>() };
    conversation.calls += 1;
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: an array of zeroed responses, as many as there are messages; the module frees it.
    let array = unsafe { libc::calloc(count.max(1), size_of::<PamResponse>()) }.cast::<PamResponse>();
    if array.is_null() {
        return PAM_BUF_ERR;
    }
    for index in 0..count {
        // SAFETY: `messages` holds `count` pointers to messages with NUL-terminated texts.
        let (style, text) = unsafe {
            let message = &**messages.add(index);
            (message.msg_style, CStr::from_ptr(message.msg).to_string_lossy().into_owned())
        };
        match conversation.answer(Message { style: Style::of(style), text }) {
            // SAFETY: `index` lies within the array.
            Reply::Bytes(bytes) => unsafe { (*array.add(index)).resp = allocate(&bytes, 0) },
            // SAFETY: as above.
            Reply::Hidden(bytes) => unsafe { (*array.add(index)).resp = allocate(&bytes, HIDING) },
            Reply::As(user, bytes) => {
                let handle = conversation.handle.expect("the transaction has begun");
                let user = CString::new(user).expect("a name");
                // SAFETY: the handle is live, and pam_set_item(3) copies strings.
                unsafe { ffi::pam_set_item(handle.as_ptr(), ffi::PAM_USER, user.as_ptr().cast()) };
                // SAFETY: `index` lies within the array.
                unsafe { (*array.add(index)).resp = allocate(&bytes, 0) };
            }
            Reply::Null | Reply::From(_) => {}
            Reply::NoArray => {
                // SAFETY: the array is ours until it is handed out.
                unsafe { libc::free(array.cast()) };
                return PAM_SUCCESS;
            }
            Reply::Fail(code) => {
                // SAFETY: as above.
                unsafe { libc::free(array.cast()) };
                return code;
            }
            Reply::Exit => std::process::exit(0),
        }
    }
    // SAFETY: `responses` has room for one pointer.
    unsafe { *responses = array };
    PAM_SUCCESS
}

/// A copy for the module to free, each byte exclusive-or'ed with `hiding`, and a NUL behind it.
fn allocate(bytes: &[u8], hiding: u8) -> *mut libc::c_char {
    // SAFETY: the new block has room for the bytes and a NUL, and calloc has laid the NUL.
    unsafe {
        let block = libc::calloc(bytes.len() + 1, 1).cast::<u8>();
        assert!(!block.is_null(), "out of memory");
        for (index, byte) in bytes.iter().enumerate() {
            block.add(index).write(byte ^ hiding);
        }
        block.cast()
    }
}
