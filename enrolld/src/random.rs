//! The one place of the command line that draws randomness.

use crate::failure::Failure;
use otp::{BackupCode, Secret};
use zeroize::Zeroizing;

/// Fills `bytes` from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::from)
}

fn draw<const N: usize>() -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice())
        .map_err(|error| Failure::new(format!("no randomness from the system: {error}")))?;
    Ok(bytes)
}

/// Random bytes that are no secret of anybody's for long: a new store's id and key.
pub(crate) fn store_seed() -> Result<Zeroizing<[u8; 48]>, Failure> {
    draw()
}

/// A new token's key.
pub(crate) fn secret() -> Result<Secret, Failure> {
    let bytes = draw::<{ Secret::NEW_BYTES }>()?;
    Secret::new(bytes.as_slice()).map_err(|error| Failure::new(error.to_string()))
}

/// `count` new backup codes.
pub(crate) fn backup_codes(count: usize) -> Result<Vec<BackupCode>, Failure> {
    let mut codes = Vec::with_capacity(count);
    while codes.len() < count {
        codes.push(backup_code()?);
    }
    Ok(codes)
}

/// A new backup code, or bypass.
pub(crate) fn backup_code() -> Result<BackupCode, Failure> {
    loop {
        // One draw in a million is of digits alone, which would read like two one-time codes.
        if let Some(code) = BackupCode::from_random(*draw()?) {
            return Ok(code);
        }
    }
}
