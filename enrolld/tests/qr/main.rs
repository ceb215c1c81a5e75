//! What a phone sees of our QR codes: drawn as terminals draw them, read by readers that are not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod choice;
mod files;
mod layout;
mod reader;
mod screen;
mod terminal;

use enrolld::qr::Code;

/// The ordinary enrollment: alice at web1, 160 bits (K1 of the shared cases).
const ORDINARY: &str = "otpauth://totp/web1:alice%40web1?secret=JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU&issuer=web1";

/// Names as they come: long, and with everything in them that has to be encoded.
const LONG: &str = "otpauth://totp/Example%20Corporation%20Production%20%28Frankfurt%29:maximilian.mustermann\
    %40db-primary-07.eu-central.example.org%20yubikey?secret=JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU\
    &issuer=Example%20Corporation%20Production%20%28Frankfurt%29&algorithm=SHA256&digits=8&period=60";
const NON_ASCII: &str = "otpauth://totp/R%26D%20%231%20100%25%20Z%C3%BCrich:%E6%84%9B%E9%BA%97%E7%B5%B2%40web1\
    ?secret=JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU&issuer=R%26D%20%231%20100%25%20Z%C3%BCrich";

fn code(uri: &str) -> Code {
    Code::new(uri).unwrap()
}
