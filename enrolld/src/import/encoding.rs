//! Percent and base64: how secrets travel in URIs. What held one is wiped.

use zeroize::Zeroizing;

/// RFC 3986, section 2.1, with the `+` that forms make of a space.
pub(super) fn percent_decoded(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = (rest.next().and_then(hex_digit), rest.next().and_then(hex_digit));
                let (Some(high), Some(low)) = digits else {
                    return Err("a % without two hexadecimal digits");
                };
                high << 4 | low
            }
            other => other,
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "bytes that are not text")?;
    // Of its whole size at once: a string that grows leaves a copy behind.
    let mut decoded = Zeroizing::new(String::with_capacity(text.len()));
    decoded.push_str(text);
    Ok(decoded)
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// RFC 4648, sections 4 and 5: both alphabets, with or without padding. `None` for anything else.
pub(super) fn base64_decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_end_matches('=');
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            // The space is a `+` that a form took apart.
            b'+' | b'-' | b' ' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_read_once_and_never_in_part() {
        assert_eq!(percent_decoded("a%2Bb+c%253D%C3%BC").unwrap().as_str(), "a+b c%3Dü");
        for broken in ["%", "%4", "%4g", "%-1", "%ff"] {
            assert!(percent_decoded(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn base64_of_either_alphabet_is_read_and_nothing_else() {
        for text in ["+/8A", "-_8A", " /8A"] {
            assert_eq!(base64_decoded(text).unwrap().as_slice(), [0xfb, 0xff, 0x00], "{text}");
        }
        assert_eq!(base64_decoded("Zm8=").unwrap().as_slice(), b"fo");
        assert_eq!(base64_decoded("Zg").unwrap().as_slice(), b"f");
        assert!(base64_decoded("Zm9v*").is_none() && base64_decoded("Z").is_none());
    }
}
