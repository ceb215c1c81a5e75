//! The conversation: what modules ask, and whoever answers.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr;
use zeroize::Zeroizing;

const PAM_SUCCESS: c_int = 0;
const PAM_BUF_ERR: c_int = 5;
const PAM_CONV_ERR: c_int = 19;

/// How a message wants to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Hidden,
    Shown,
    Error,
    Info,
}

/// Whoever answers the modules' questions.
pub(crate) trait Converser {
    /// The answer to a prompt, or nothing to an information; `None` aborts.
    fn answer(&mut self, style: Style, text: &str) -> Option<Zeroizing<Vec<u8>>>;
}

/// `struct pam_message`.
#[repr(C)]
pub(super) struct Message {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response`: allocated with malloc(3), freed by the module.
#[repr(C)]
pub(super) struct Response {
    text: *mut c_char,
    code: c_int,
}

pub(super) type Converse =
    unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
pub(super) struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

/// A conversation and whoever answers in it. libpam keeps pointers to both: they are boxed, and the boxes given
/// up, for to move a box would end what those pointers may be used for.
pub(super) struct Answering<'c> {
    conversation: *mut Conversation,
    _converser: PhantomData<Box<dyn Converser + 'c>>,
}

impl<'c> Answering<'c> {
    pub(super) fn new(converser: impl Converser + 'c) -> Self {
        let converser: Box<dyn Converser + 'c> = Box::new(converser);
        let data = Box::into_raw(Box::new(converser)).cast();
        let conversation = Box::into_raw(Box::new(Conversation { converse, data }));
        Self { conversation, _converser: PhantomData }
    }

    /// What a transaction is begun with, which must end before this is dropped.
    pub(super) fn as_ptr(&self) -> *const Conversation {
        self.conversation
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        // SAFETY: both were boxes of these types, and nobody has another pointer to them by now.
        unsafe {
            let conversation = Box::from_raw(self.conversation);
            drop(Box::from_raw(conversation.data.cast::<Box<dyn Converser>>()));
        }
    }
}

/// # Safety
/// Called by libpam as pam_conv(3) says: an array of `count` pointers to messages, room for one pointer to
/// responses, and the data that was handed over with this function.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the box of `Answering`, which outlives the transaction, and libpam calls from the thread that called it.
    let converser = unsafe { &mut *data.cast::<Box<dyn Converser>>() };
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: zeroed responses, as many as there are messages; whoever asked frees them.
    let array = unsafe { libc::calloc(count.max(1), size_of::<Response>()) }.cast::<Response>();
    if array.is_null() {
        return PAM_BUF_ERR;
    }
    for index in 0..count {
        // SAFETY: there are `count` messages, each with a text that ends with NUL.
        let (style, text) = unsafe {
            let message = &**messages.add(index);
            (message.style, CStr::from_ptr(message.text).to_string_lossy())
        };
        let style = match style {
            1 => Style::Hidden,
            2 => Style::Shown,
            3 => Style::Error,
            _ => Style::Info,
        };
        let Some(answer) = converser.answer(style, &text) else {
            // SAFETY: the array, and the answers that lie in it so far, are of malloc(3) and still ours.
            unsafe { discard(array, index) };
            return PAM_CONV_ERR;
        };
        if matches!(style, Style::Hidden | Style::Shown) {
            // SAFETY: `index` lies within the array.
            unsafe { (*array.add(index)).text = copy(&answer) };
        }
    }
    // SAFETY: `responses` has room for one pointer.
    unsafe { *responses = array };
    PAM_SUCCESS
}

/// A string for the module to free. What stands behind a NUL would not be seen.
fn copy(bytes: &[u8]) -> *mut c_char {
    // SAFETY: calloc(3) gives room for the bytes and a NUL behind them, or nothing.
    unsafe {
        let block = libc::calloc(bytes.len() + 1, 1).cast::<u8>();
        if !block.is_null() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
        }
        block.cast()
    }
}

/// # Safety
/// `array` has at least `count` responses; it and their texts are of malloc(3), and nobody else's.
unsafe fn discard(array: *mut Response, count: usize) {
    for index in 0..count {
        // SAFETY: see above; explicit_bzero(3) wipes what was typed.
        unsafe {
            let text = (*array.add(index)).text;
            if !text.is_null() {
                libc::explicit_bzero(text.cast(), libc::strlen(text));
                libc::free(text.cast());
            }
        }
    }
    // SAFETY: see above.
    unsafe { libc::free(array.cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::MaybeUninit;

    struct Echo(Vec<String>);

    impl Converser for Echo {
        fn answer(&mut self, style: Style, text: &str) -> Option<Zeroizing<Vec<u8>>> {
            self.0.push(format!("{style:?} {text}"));
            (text != "no more").then(|| Zeroizing::new(text.to_uppercase().into_bytes()))
        }
    }

    /// As libpam asks: an array of pointers. The answers are freed as a module frees them.
    fn asked(
        conversation: *const Conversation,
        questions: &[(c_int, &CStr)],
    ) -> (c_int, Vec<Option<String>>) {
        let messages: Vec<_> =
            questions.iter().map(|(style, text)| Message { style: *style, text: text.as_ptr() }).collect();
        let mut pointers: Vec<_> = messages.iter().map(|message| &raw const *message).collect();
        let mut responses = MaybeUninit::uninit();
        let count = c_int::try_from(questions.len()).unwrap();
        // SAFETY: pam_conv(3), as above; a success gives as many responses as there were messages.
        unsafe {
            let Conversation { converse, data } = &*conversation;
            let code = converse(count, pointers.as_mut_ptr(), responses.as_mut_ptr(), *data);
            if code != PAM_SUCCESS {
                return (code, Vec::new());
            }
            let array = responses.assume_init();
            let texts = (0..questions.len()).map(|index| {
                let text = (*array.add(index)).text;
                let owned = (!text.is_null()).then(|| CStr::from_ptr(text).to_str().unwrap().to_owned());
                libc::free(text.cast());
                owned
            });
            let texts = texts.collect();
            libc::free(array.cast());
            (code, texts)
        }
    }

    #[test]
    fn each_question_gets_its_answer_however_the_conversation_has_moved() {
        let answering = Answering::new(Echo(Vec::new()));
        let conversation = answering.as_ptr();
        let moved = Box::new(answering);
        let answers = asked(conversation, &[(1, c"code"), (4, c"hello"), (2, c"name")]);
        assert_eq!(answers, (PAM_SUCCESS, vec![Some("CODE".into()), None, Some("NAME".into())]));
        assert_eq!(asked(moved.as_ptr(), &[]), (PAM_SUCCESS, vec![]));
    }

    #[test]
    // Miri has no explicit_bzero(3).
    #[cfg_attr(miri, ignore)]
    fn who_answers_no_more_ends_the_conversation_and_leaves_no_answer_behind() {
        let answering = Answering::new(Echo(Vec::new()));
        assert_eq!(asked(answering.as_ptr(), &[(1, c"code"), (1, c"no more")]), (PAM_CONV_ERR, vec![]));
    }
}
