//! The bytes of a ledger: two slots, written alternately, so that a torn write leaves one whole.

use crate::Id;
use crate::format::VERSION;
use otp::{
    Bucket, Chance, Delay, Known, Ledger, MAX_BYPASSES, MAX_NETWORKS, MAX_SPENT, MAX_TOKENS, NetworkKey,
    Time, TokenState,
};
use sha2::{Digest, Sha256};

/// Bytes of a slot: what a device writes at once, or more.
pub const SLOT_LEN: usize = 4096;
/// Bytes of a ledger file.
pub const LEDGER_LEN: usize = 2 * SLOT_LEN;

/// What a slot of any format begins with; its format's digit follows.
const TITLE: &[u8; 7] = b"TOTPLDG";
const MAGIC: &[u8; 8] = b"TOTPLDG1";
const HEADER: usize = 40;
const CHECKSUM: usize = 32;
const CONFIRMED: u32 = 1;
/// The first of a bit for each token that takes two successive codes alone. A version that knows no such tokens
/// takes no record with such a flag, and so opens to none of their single codes.
const PAIRS_ONLY: u32 = 1 << 8;

/// One record of a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Which record this is: one more than the last. It chooses the slot: even ones 0, odd ones 1.
    pub generation: u64,
    /// The enrollment it belongs to.
    pub enrollment: Id,
    /// Whether the folder was synced after the enrollment was put in place. A new ledger is born
    /// unconfirmed, and whoever writes it first syncs the folder before saying otherwise.
    pub confirmed: bool,
    /// What was spent.
    pub ledger: Ledger,
}

/// Both slots of a ledger file, as read. Not on the stack, where a login would fault in, and wipe, a page for
/// every half of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Slots(pub Box<[u8; LEDGER_LEN]>);

/// What the two slots say together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Both are whole: this is the newer.
    Whole(Slot),
    /// One is not, and it may have been the newer: this is the other.
    Half(Slot),
    /// Neither is.
    Lost,
    /// At least one is whole and of a later format, this one: the other may be older than all that counts.
    Newer(u32),
}

impl Slots {
    /// A new ledger file: the same record in both slots, so that none is ever empty.
    #[must_use]
    pub fn new(slot: &Slot) -> Self {
        let mut bytes = Box::new([0; LEDGER_LEN]);
        let (first, second) = bytes.split_at_mut(SLOT_LEN);
        let older = Slot { generation: slot.generation & !1, ..slot.clone() };
        let newer = Slot { generation: slot.generation | 1, ..slot.clone() };
        first.copy_from_slice(&older.encode());
        second.copy_from_slice(&newer.encode());
        Self(bytes)
    }

    /// Reads both slots, as those of `enrollment` with `tokens` tokens.
    #[must_use]
    pub fn read(&self, enrollment: Id, tokens: usize) -> Read {
        let ours = |index: usize| {
            let slot = Slot::decode(self.slot(index))?;
            let fits = slot.enrollment == enrollment
                && slot.ledger.tokens.len() == tokens
                && slot.generation % 2 == index as u64;
            fits.then_some(slot)
        };
        if let Some(newer) = [0, 1].into_iter().find_map(|index| later_format(self.slot(index))) {
            return Read::Newer(newer);
        }
        match (ours(0), ours(1)) {
            (Some(a), Some(b)) => Read::Whole(if a.generation > b.generation { a } else { b }),
            (Some(whole), None) | (None, Some(whole)) => Read::Half(whole),
            (None, None) => Read::Lost,
        }
    }

    /// The bytes of slot 0 or 1.
    #[must_use]
    pub fn slot(&self, index: usize) -> &[u8] {
        let (first, second) = self.0.split_at(SLOT_LEN);
        if index == 0 { first } else { second }
    }
}

impl Slot {
    /// Which slot of the file this record goes to.
    #[must_use]
    pub fn index(&self) -> usize {
        usize::from(self.generation % 2 == 1)
    }

    /// The record that follows this one.
    #[must_use]
    pub fn following(&self, ledger: Ledger) -> Self {
        Self { generation: self.generation.saturating_add(1), ledger, confirmed: true, ..*self }
    }

    fn flags(&self) -> u32 {
        let tokens = self.ledger.tokens.iter().take(MAX_TOKENS).enumerate();
        let pairs_only = tokens.filter(|(_, token)| token.pairs_only).map(|(place, _)| PAIRS_ONLY << place);
        pairs_only.fold(u32::from(self.confirmed) * CONFIRMED, |flags, flag| flags | flag)
    }

    /// The bytes of this record, as many as [`SLOT_LEN`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer(Vec::new());
        body.ledger(&self.ledger);
        let mut header = Writer(Vec::with_capacity(SLOT_LEN));
        header.0.extend_from_slice(MAGIC);
        header.u32((HEADER + CHECKSUM + body.0.len()) as u32);
        header.u32(self.flags());
        header.u64(self.generation);
        header.0.extend_from_slice(&self.enrollment.0);
        let checksum = checksum(&header.0, &body.0);
        let mut bytes = header.0;
        bytes.extend_from_slice(&checksum);
        bytes.extend_from_slice(&body.0);
        bytes.resize(SLOT_LEN, 0);
        bytes
    }

    /// The record in these bytes; `None` if a single bit of it is not as it was written.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, body) = whole(bytes)?;
        let mut reader = Reader(header);
        if reader.take(8)? != MAGIC {
            return None;
        }
        let _length = reader.u32()?;
        let flags = reader.u32()?;
        let generation = reader.u64()?;
        let enrollment = Id(reader.take(16)?.try_into().ok()?);
        let mut reader = Reader(body);
        let mut ledger = reader.ledger()?;
        for (place, token) in ledger.tokens.iter_mut().enumerate() {
            token.pairs_only = flags & PAIRS_ONLY << place != 0;
        }
        let slot = Self { generation, enrollment, confirmed: flags & CONFIRMED != 0, ledger };
        (reader.0.is_empty() && flags == slot.flags()).then_some(slot)
    }
}

/// Header and body of a slot whose checksum holds. In every format these stand in the same places.
fn whole(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (stored, body) = rest.split_at_checked(CHECKSUM)?;
    let length = Reader(header.get(MAGIC.len()..)?).u32()? as usize;
    let body = body.get(..length.checked_sub(HEADER + CHECKSUM)?)?;
    (checksum(header, body) == *stored).then_some((header, body))
}

/// The format of a slot that a later version wrote. A rotten bit in the digit is no later version: the
/// checksum covers it.
fn later_format(bytes: &[u8]) -> Option<u32> {
    let digit = *bytes.strip_prefix(TITLE)?.first()?;
    let format = char::from(digit).to_digit(10).filter(|format| *format > VERSION)?;
    whole(bytes).map(|_| format)
}

fn checksum(header: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    Sha256::new().chain_update(header).chain_update(body).finalize().into()
}

/// Makes the checksum of a slot hold, for the bytes that it says it has.
#[cfg(any(test, fuzzing))]
pub(crate) fn seal(slot: &mut [u8]) {
    let length =
        Reader(slot.get(MAGIC.len()..).unwrap_or_default()).u32().map_or(0, |length| length as usize);
    let Some(body) = slot.get(HEADER + CHECKSUM..length) else { return };
    let sum = slot.get(..HEADER).map(|header| checksum(header, body));
    if let (Some(stored), Some(sum)) = (slot.get_mut(HEADER..HEADER + CHECKSUM), sum) {
        stored.copy_from_slice(&sum);
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn delay(&mut self, delay: Delay) {
        self.u32(delay.failures);
        self.u64(delay.last_failure.0);
    }

    fn bucket(&mut self, bucket: Bucket) {
        self.u64(bucket.spent.0);
        self.u64(bucket.at.0);
    }

    fn ledger(&mut self, ledger: &Ledger) {
        self.u64(ledger.latest.0);
        self.0.extend_from_slice(&ledger.spent_backup.to_le_bytes());
        self.0.extend_from_slice(&ledger.spent_scratch.to_le_bytes());
        self.0.extend_from_slice(&ledger.bypass_uses);
        self.0.push(ledger.acknowledged);
        self.delay(ledger.console);
        self.delay(ledger.others);
        self.delay(ledger.strangers);
        self.delay(ledger.services);
        self.bucket(ledger.console_budget);
        self.bucket(ledger.others_budget);
        self.bucket(ledger.strangers_budget);
        self.bucket(ledger.known_budget);
        // Once the services' own: FILEFORMAT.md.
        self.bucket(Bucket::default());
        self.u32(ledger.tokens.len() as u32);
        self.u32(ledger.known.len() as u32);
        for token in &ledger.tokens {
            self.u64(token.next);
            self.u64(token.last_used.map_or(0, |time| time.0));
            self.u32(token.drift.cast_unsigned());
            self.u32(token.spent.len() as u32);
            for index in 0..MAX_SPENT {
                self.u64(token.spent.get(index).copied().unwrap_or(0));
            }
        }
        for known in &ledger.known {
            self.0.extend_from_slice(&known.network.0);
            self.delay(known.delay);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn count(&mut self, most: usize) -> Option<usize> {
        usize::try_from(self.u32()?).ok().filter(|&count| count <= most)
    }

    fn delay(&mut self) -> Option<Delay> {
        Some(Delay { failures: self.u32()?, last_failure: Time(self.u64()?) })
    }

    fn bucket(&mut self) -> Option<Bucket> {
        Some(Bucket { spent: Chance(self.u64()?), at: Time(self.u64()?) })
    }

    fn ledger(&mut self) -> Option<Ledger> {
        let mut ledger = Ledger {
            latest: Time(self.u64()?),
            spent_backup: u128::from_le_bytes(self.take(16)?.try_into().ok()?),
            spent_scratch: u128::from_le_bytes(self.take(16)?.try_into().ok()?),
            bypass_uses: self.take(MAX_BYPASSES)?.try_into().ok()?,
            acknowledged: *self.take(1)?.first()?,
            console: self.delay()?,
            others: self.delay()?,
            strangers: self.delay()?,
            services: self.delay()?,
            console_budget: self.bucket()?,
            others_budget: self.bucket()?,
            strangers_budget: self.bucket()?,
            known_budget: self.bucket()?,
            ..Ledger::default()
        };
        ledger.others_budget = ledger.others_budget.joined(self.bucket()?);
        let tokens = self.count(MAX_TOKENS)?;
        let known = self.count(MAX_NETWORKS)?;
        for _ in 0..tokens {
            ledger.tokens.push(self.token()?);
        }
        for _ in 0..known {
            let network = NetworkKey(self.take(16)?.try_into().ok()?);
            ledger.known.push(Known { network, delay: self.delay()? });
        }
        Some(ledger)
    }

    fn token(&mut self) -> Option<TokenState> {
        let next = self.u64()?;
        let last_used = Some(self.u64()?).filter(|&time| time != 0).map(Time);
        let drift = self.u32()?.cast_signed();
        let count = self.count(MAX_SPENT)?;
        let mut spent = Vec::with_capacity(MAX_SPENT);
        for index in 0..MAX_SPENT {
            let step = self.u64()?;
            if index < count {
                spent.push(step);
            }
        }
        Some(TokenState { next, spent, last_used, drift, pairs_only: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        let last_used = Some(Time(3));
        let token = TokenState { next: 9, spent: (0..16).collect(), last_used, drift: -2, pairs_only: false };
        let delay = Delay { failures: 5, last_failure: Time(77) };
        let known = Known { network: NetworkKey([9; 16]), delay };
        let ledger = Ledger {
            latest: Time(1_800_000_000),
            tokens: vec![token; MAX_TOKENS],
            spent_backup: 1 << 99,
            spent_scratch: 1 << 127,
            bypass_uses: [1, 2, 3, 4, 5, 6, 7, 255],
            acknowledged: 0b1000_0101,
            console: delay,
            known: vec![known; MAX_NETWORKS],
            known_budget: Bucket { spent: Chance(5), at: Time(6) },
            services: Delay { failures: 7, last_failure: Time(8) },
            others_budget: Bucket { spent: Chance(9), at: Time(10) },
            ..Ledger::default()
        };
        Slot { generation: 4, enrollment: Id([3; 16]), confirmed: true, ledger }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Slot::decode(&slot().encode()), Some(slot()));
        let empty = Slot { ledger: Ledger::default(), confirmed: false, ..slot() };
        assert_eq!(Slot::decode(&empty.encode()), Some(empty));
    }

    #[test]
    fn what_services_were_charged_apart_is_charged_to_other_accounts() {
        let mut bytes = slot().encode();
        let length = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
        bytes[233..241].copy_from_slice(&4u64.to_le_bytes());
        bytes[241..249].copy_from_slice(&20u64.to_le_bytes());
        let sum = checksum(&bytes[..HEADER], &bytes[HEADER + CHECKSUM..length]);
        bytes[HEADER..HEADER + CHECKSUM].copy_from_slice(&sum);
        let read = Slot::decode(&bytes).unwrap();
        assert_eq!(read.ledger.others_budget, Bucket { spent: Chance(9 + 4), at: Time(20) });
        assert_eq!(Slot::decode(&read.encode()), Some(read));
    }

    #[test]
    fn which_tokens_take_pairs_alone_stands_in_flags_and_a_flag_of_nothing_makes_no_record() {
        let mut marked = slot();
        (marked.ledger.tokens[0].pairs_only, marked.ledger.tokens[7].pairs_only) = (true, true);
        let bytes = marked.encode();
        assert_eq!(bytes[12..16], [1, 0b1000_0001, 0, 0]);
        assert_eq!(Slot::decode(&bytes), Some(marked.clone()));
        // As an earlier version reads it: a flag that nobody knows is in no record that counts.
        for unknown in [0x0000_0002, 0x0001_0000, 0x8000_0000, PAIRS_ONLY << 2] {
            let mut slot = marked.clone();
            slot.ledger.tokens.truncate(2);
            slot.ledger.tokens[0].pairs_only = false;
            let mut bytes = slot.encode();
            bytes[12..16].copy_from_slice(&(CONFIRMED | unknown).to_le_bytes());
            seal(&mut bytes);
            assert_eq!(Slot::decode(&bytes), None, "{unknown:#x}");
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let bytes = slot().encode();
        let used = 72 + 8 + 16 + 16 + 8 + 1 + 48 + 80 + 8 + 8 * 152 + 8 * 28;
        for bit in 0..used * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Slot::decode(&flipped), None, "bit {bit}");
        }
        assert!(bytes[used..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_truncated_slot_is_no_slot() {
        let bytes = slot().encode();
        for length in 0..1700 {
            assert_eq!(Slot::decode(&bytes[..length]).is_some(), length >= 1697, "{length}");
        }
    }

    #[test]
    fn the_newer_slot_counts_and_a_rotten_one_is_noticed() {
        let slots = Slots::new(&slot());
        let newer = Slot { generation: 5, ..slot() };
        assert_eq!(slots.read(Id([3; 16]), 8), Read::Whole(newer.clone()));
        assert_eq!(slots.read(Id([4; 16]), 8), Read::Lost);
        assert_eq!(slots.read(Id([3; 16]), 7), Read::Lost);
        let mut rotten = slots.clone();
        rotten.0[100] ^= 1;
        assert_eq!(rotten.read(Id([3; 16]), 8), Read::Half(newer));
        rotten.0[SLOT_LEN + 100] ^= 1;
        assert_eq!(rotten.read(Id([3; 16]), 8), Read::Lost);
    }

    #[test]
    fn a_slot_of_a_later_format_is_no_damage() {
        let mut later = Slots::new(&slot());
        let (first, _) = later.0.split_at_mut(SLOT_LEN);
        first[7] = b'2';
        assert_eq!(later.read(Id([3; 16]), 8), Read::Half(Slot { generation: 5, ..slot() }), "a rotten bit");
        seal(&mut later.0[..SLOT_LEN]);
        assert_eq!(later.read(Id([3; 16]), 8), Read::Newer(2));
    }

    #[test]
    fn a_slot_in_the_other_ones_place_is_refused() {
        let mut slots = Slots::new(&slot());
        slots.0.rotate_left(SLOT_LEN);
        assert_eq!(slots.read(Id([3; 16]), 8), Read::Lost);
    }
}
