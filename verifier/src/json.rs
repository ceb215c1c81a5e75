//! JSON (RFC 8259), as little of it as one interface of flat messages needs.
//!
//! It is read inside sshd's and a screen locker's process, and by a root daemon from whoever asks: no
//! dependency, nothing that grows with what a peer sends, a bounded depth, and text that may be a code is
//! wiped.

use zeroize::Zeroizing;

/// Deepest nesting that is read.
pub(crate) const DEEPEST: u8 = 8;
/// Most members of an object that is looked into.
pub(crate) const MOST_MEMBERS: usize = 64;

/// One well-formed value, as its text.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// A text that is one value and nothing else.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(std::str::from_utf8(text).ok()?);
        let value = cursor.value(DEEPEST)?;
        cursor.blank();
        cursor.0.is_empty().then_some(value)
    }

    /// The members of an object. `None` for anything else, for a key that stands twice, since readers differ
    /// in which one counts, and for more members than any message has.
    pub(crate) fn members(self) -> Option<Vec<(Zeroizing<String>, Value<'a>)>> {
        let mut cursor = Cursor(self.0);
        let mut members: Vec<(Zeroizing<String>, _)> = Vec::new();
        cursor.list(b'{', b'}', |cursor| {
            let (key, value) = cursor.member(DEEPEST)?;
            let key = Value(key).text()?;
            let new = members.len() < MOST_MEMBERS && members.iter().all(|(known, _)| **known != *key);
            new.then(|| members.push((key, value)))
        })?;
        Some(members)
    }

    /// The items of an array.
    pub(crate) fn items(self) -> Option<Vec<Value<'a>>> {
        let mut cursor = Cursor(self.0);
        let mut items = Vec::new();
        cursor.list(b'[', b']', |cursor| {
            items.push(cursor.value(DEEPEST)?);
            Some(())
        })?;
        Some(items)
    }

    /// A string, its escapes resolved.
    pub(crate) fn text(self) -> Option<Zeroizing<String>> {
        // No escape is shorter than what it stands for: this never grows, so no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(self.0.len()));
        Cursor(self.0).string(&mut |letter| text.push(letter))?;
        Some(text)
    }

    /// A whole number that is not negative.
    pub(crate) fn number(self) -> Option<u64> {
        self.0.bytes().all(|byte| byte.is_ascii_digit()).then(|| self.0.parse().ok())?
    }

    pub(crate) fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }
}

/// What is still to be read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn blank(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn takes(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    fn letter(&mut self) -> Option<char> {
        let mut letters = self.0.chars();
        let letter = letters.next()?;
        self.0 = letters.as_str();
        Some(letter)
    }

    fn value(&mut self, depth: u8) -> Option<Value<'a>> {
        self.blank();
        let start = self.0;
        match self.peek()? {
            b'"' => self.string(&mut |_| ())?,
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.list(b'{', b'}', |cursor| cursor.member(depth).map(drop))?;
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.list(b'[', b']', |cursor| cursor.value(depth).map(drop))?;
            }
            b't' => self.takes("true")?,
            b'f' => self.takes("false")?,
            b'n' => self.takes("null")?,
            _ => self.numeral()?,
        }
        start.get(..start.len() - self.0.len()).map(Value)
    }

    /// `"key": value`, the key as it is written.
    fn member(&mut self, depth: u8) -> Option<(&'a str, Value<'a>)> {
        self.blank();
        let start = self.0;
        self.string(&mut |_| ())?;
        let key = start.get(..start.len() - self.0.len())?;
        self.blank();
        self.takes(":")?;
        Some((key, self.value(depth)?))
    }

    fn list(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.byte(open)?;
        self.blank();
        if self.byte(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            self.blank();
            if self.byte(close).is_some() {
                return Some(());
            }
            self.byte(b',')?;
        }
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.letter()).flatten().map(drop)
    }

    fn string(&mut self, found: &mut dyn FnMut(char)) -> Option<()> {
        self.byte(b'"')?;
        loop {
            match self.letter()? {
                '"' => return Some(()),
                '\\' => found(self.escape()?),
                letter if letter < ' ' => return None,
                letter => found(letter),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.letter()? {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => match self.unit()? {
                high @ 0xd800..0xdc00 => {
                    self.takes("\\u")?;
                    let low = self.unit().filter(|low| (0xdc00..0xe000).contains(low))?;
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                }
                unit => char::from_u32(unit)?,
            },
            _ => return None,
        })
    }

    /// Four hexadecimal digits: a unit of UTF-16.
    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.letter()?.to_digit(16)?))
    }

    fn numeral(&mut self) -> Option<()> {
        let _ = self.byte(b'-');
        if self.byte(b'0').is_none() {
            self.digits()?;
        }
        if self.byte(b'.').is_some() {
            self.digits()?;
        }
        if self.byte(b'e').or_else(|| self.byte(b'E')).is_some() {
            let _ = self.byte(b'+').or_else(|| self.byte(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.0.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let found = rest.len() < self.0.len();
        self.0 = rest;
        found.then_some(())
    }
}

/// An object that is written. What it holds is wiped, also where it had to grow.
pub(crate) struct Object(Zeroizing<String>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(512)))
    }

    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.quoted(value);
        self
    }

    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        self.raw(key, &value.to_string())
    }

    pub(crate) fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(crate) fn object(self, key: &str, value: Object) -> Self {
        self.raw(key, &value.finish())
    }

    pub(crate) fn objects(mut self, key: &str, values: impl Iterator<Item = Object>) -> Self {
        self.key(key);
        self.array(values, |text, value| text.push(&value.finish()));
        self
    }

    pub(crate) fn texts<'a>(mut self, key: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.key(key);
        self.array(values, |text, value| text.quoted(value));
        self
    }

    /// The text of the object.
    pub(crate) fn finish(mut self) -> Zeroizing<String> {
        self.push(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    fn array<T>(&mut self, values: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.push("[");
        for (place, value) in values.enumerate() {
            if place > 0 {
                self.push(",");
            }
            write(self, value);
        }
        self.push("]");
    }

    fn raw(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.push(value);
        self
    }

    fn key(&mut self, key: &str) {
        self.push(if self.0.is_empty() { "{" } else { "," });
        self.quoted(key);
        self.push(":");
    }

    fn quoted(&mut self, value: &str) {
        self.push("\"");
        for letter in value.chars() {
            match letter {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                letter if letter < ' ' => self.push(&format!("\\u{:04x}", u32::from(letter))),
                letter => self.push(letter.encode_utf8(&mut [0; 4])),
            }
        }
        self.push("\"");
    }

    fn push(&mut self, text: &str) {
        if self.0.capacity() - self.0.len() < text.len() {
            let mut larger = Zeroizing::new(String::with_capacity(2 * (self.0.len() + text.len())));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_json(text: &str) -> bool {
        Value::parse(text.as_bytes()).is_some()
    }

    #[test]
    fn what_is_json_is_read_and_what_is_not_is_refused() {
        for good in [
            "0",
            "-0.5e+7",
            "10E9",
            " [ ] ",
            "{}",
            "[1,2 ,3]",
            "{\"a\" : [true,false,null]}",
            "\"\\u00e9\\n\"",
            "\"\\ud83d\\ude00\"",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "01",
            "+1",
            ".5",
            "1.",
            "1e",
            "-",
            "tru",
            "nullx",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"a\nb\"",
            "1 2",
            "[[[[[[[[[]]]]]]]]]",
            "\u{feff}{}",
            "'a'",
            "{\"a\":1}}",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(Value::parse(b"\"\xff\"").is_none());
    }

    #[test]
    fn nesting_without_end_is_refused_and_takes_no_stack() {
        assert!(!is_json(&"[".repeat(1 << 20)));
        assert!(!is_json(&"{\"a\":".repeat(1 << 18)));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_however_it_is_written() {
        let members =
            |text: &str| Value::parse(text.as_bytes()).and_then(Value::members).map(|all| all.len());
        assert_eq!(members("{\"user\":1,\"uset\":2}"), Some(2));
        assert_eq!(members("{\"user\":1,\"user\":2}"), None);
        assert_eq!(members("{\"user\":1,\"\\u0075ser\":2}"), None);
        let many: Vec<_> = (0..=MOST_MEMBERS).map(|key| format!("\"{key}\":0")).collect();
        assert_eq!(members(&format!("{{{}}}", many.join(","))), None);
    }

    #[test]
    fn numbers_are_whole_and_fit() {
        let number = |text: &str| Value::parse(text.as_bytes()).and_then(Value::number);
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for none in ["18446744073709551616", "-1", "1.0", "1e3", "\"1\"", "true", "[]"] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let hostile = "a\"b\\c\n\u{1f}\u{202e}é\0😀";
        let written = Object::new()
            .text("text", hostile)
            .number("number", u64::MAX)
            .flag("flag", true)
            .object("object", Object::new())
            .objects("objects", [Object::new().number("x", 1), Object::new()].into_iter())
            .texts("texts", [hostile, ""].into_iter())
            .finish();
        let members = Value::parse(written.as_bytes()).unwrap().members().unwrap();
        assert_eq!(*members[0].1.text().unwrap(), hostile);
        assert_eq!(members[1].1.number(), Some(u64::MAX));
        assert_eq!(members[2].1.flag(), Some(true));
        assert_eq!(members[3].1.members().unwrap().len(), 0);
        assert_eq!(members[4].1.items().unwrap().len(), 2);
        assert_eq!(*members[5].1.items().unwrap()[0].text().unwrap(), hostile);
        assert!(!written.contains('\0') && !written.contains('\n'));
    }

    /// Not what stands beyond our bounds, which serde_json has elsewhere: depth, and numbers as f64.
    fn serde_reads(text: &str) -> bool {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => true,
            Err(error) => error.to_string().starts_with("number out of range"),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

        #[test]
        fn serde_json_takes_the_same_texts_for_json(text in r#"[\[\]{}",:01e+.\\ntfu\- é\u{0}]{0,12}"#) {
            proptest::prop_assert_eq!(is_json(&text), serde_reads(&text), "{:?}", text);
        }

        #[test]
        fn a_flaw_in_a_call_is_seen_by_both(place in 0_usize..60, flaw in r#"[\[\]{}",:0\\ ud8é-]{0,2}"#) {
            let mut text = String::from(r#"{"method":"x","parameters":{"a":"\u00e9\\","b":[1,{}]},"more":true}"#);
            let place = (0..=place.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
            let end = (place + 1..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
            text.replace_range(place..end, &flaw);
            proptest::prop_assert_eq!(is_json(&text), serde_reads(&text), "{:?}", text);
        }

        #[test]
        fn every_text_comes_back(text in proptest::prelude::any::<String>()) {
            let written = Object::new().text("text", &text).finish();
            let ours = Value::parse(written.as_bytes()).unwrap().members().unwrap();
            let ours = ours[0].1.text().unwrap();
            proptest::prop_assert_eq!(ours.as_str(), text.as_str());
            let theirs: serde_json::Value = serde_json::from_str(&written).unwrap();
            proptest::prop_assert_eq!(theirs["text"].as_str().unwrap(), text.as_str());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let _ = crate::wire::Request::parse(&bytes);
            let _ = crate::wire::read_checked(&bytes, &crate::Owner::Uid(0));
            let _ = crate::wire::read_status(&bytes, &crate::Owner::Uid(0));
        }
    }
}
