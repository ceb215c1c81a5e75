//! Bytes and names as small numbers, so that states of the model are small and quick to compare.

use std::collections::HashMap;
use verifier::SLOT_LEN;

/// Bytes of a file, or of one slot of a ledger.
pub(crate) type Text = u16;
/// A name in the person's folder.
pub(crate) type Name = u8;

/// Every content and every name that was ever seen.
#[derive(Default)]
pub(crate) struct Table {
    texts: Vec<Vec<u8>>,
    text_ids: HashMap<Vec<u8>, Text>,
    names: Vec<String>,
}

impl Table {
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Text {
        if let Some(id) = self.text_ids.get(bytes) {
            return *id;
        }
        let id = Text::try_from(self.texts.len()).unwrap();
        self.texts.push(bytes.to_vec());
        self.text_ids.insert(bytes.to_vec(), id);
        id
    }

    pub(crate) fn bytes(&self, text: Text) -> &[u8] {
        &self.texts[usize::from(text)]
    }

    pub(crate) fn name(&mut self, name: &str) -> Name {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Name::try_from(place).unwrap()
    }

    pub(crate) fn spelled(&self, name: Name) -> &str {
        &self.names[usize::from(name)]
    }

    /// A slot whose writing was cut short: the new header over the old body. A small record fits one sector
    /// of 512 bytes, so this is worse than what a device does.
    pub(crate) fn torn(&mut self, old: Text, new: Text) -> Text {
        let mut bytes = self.bytes(old).to_vec();
        let cut = bytes.len().min(80);
        bytes[..cut].copy_from_slice(&self.bytes(new)[..cut]);
        self.text(&bytes)
    }

    /// What may be found where a new file was never synced: nothing of it, the half of it, other bytes.
    pub(crate) fn wrecks(&mut self, whole: Text) -> Vec<Text> {
        let bytes = self.bytes(whole).to_vec();
        let garbage = vec![0xa5; bytes.len()];
        let half = bytes[..bytes.len() / 2].to_vec();
        let mut wrecks = vec![self.text(&garbage)];
        if bytes.len() != SLOT_LEN {
            wrecks.extend([self.text(&[]), self.text(&half)]);
        }
        wrecks
    }
}
