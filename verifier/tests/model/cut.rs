//! What a power cut leaves: what is durable, and any part of what is not. Of the folder's changes each by
//! itself or not; of a file that was never synced nothing, a part, other bytes or all; of a slot that was
//! being overwritten the old bytes, the new or a mixture.

use crate::fs::{Durable, Entry, Fs, Ino, Part};
use crate::table::{Table, Text};
use std::collections::BTreeMap;

impl Fs {
    /// Everything that a power cut at this instant may leave.
    pub(crate) fn after_power_cut(&self, table: &mut Table) -> Vec<Self> {
        if !self.folder_durable {
            // The folder itself may be gone, or be there with any part of what is in it.
            let mut ways = vec![Self::default()];
            if self.folder {
                ways.extend(self.entries_after_cut(table));
            }
            return ways;
        }
        self.entries_after_cut(table)
    }

    fn entries_after_cut(&self, table: &mut Table) -> Vec<Self> {
        let mut ways = Vec::new();
        for subset in 0..1u32 << self.pending.len() {
            let mut names = self.durable.clone();
            for (index, entry) in self.pending.iter().enumerate() {
                if subset >> index & 1 == 0 {
                    continue;
                }
                match *entry {
                    Entry::Made(name, ino) => {
                        names.insert(name, ino);
                    }
                    Entry::Renamed(from, to, ino) => {
                        if names.get(&from) == Some(&ino) {
                            names.remove(&from);
                        }
                        names.insert(to, ino);
                    }
                    Entry::Removed(name) => {
                        names.remove(&name);
                    }
                }
            }
            let booted = Self {
                folder: true,
                folder_durable: true,
                durable: names.clone(),
                names,
                pending: Vec::new(),
                files: BTreeMap::new(),
                lock: None,
            };
            ways.extend(self.contents_after_cut(booted, table));
        }
        ways
    }

    /// `booted` with every combination of contents that its files may have.
    fn contents_after_cut(&self, booted: Self, table: &mut Table) -> Vec<Self> {
        let mut inos: Vec<Ino> = booted.names.values().copied().collect();
        inos.sort_unstable();
        inos.dedup();
        let mut ways = vec![booted];
        for ino in inos {
            let parts = &self.files[&ino];
            let mut files: Vec<Vec<Text>> = vec![Vec::new()];
            for part in parts {
                let texts = match part.durable {
                    Durable::Is(text) => vec![text],
                    Durable::Never => [vec![part.cached], table.wrecks(part.cached)].concat(),
                    Durable::Either(old, new) => vec![old, new, table.torn(old, new)],
                };
                files = files.iter().flat_map(|f| texts.iter().map(|t| [&f[..], &[*t]].concat())).collect();
            }
            if parts.len() == 2 && parts.iter().all(|part| part.durable == Durable::Never) {
                // A ledger of another length.
                files.push(vec![table.text(&[])]);
            }
            let grown = ways.iter().flat_map(|fs| {
                files.iter().map(move |texts| {
                    let mut fs = fs.clone();
                    let kept = |&text: &Text| Part { cached: text, durable: Durable::Is(text) };
                    fs.files.insert(ino, texts.iter().map(kept).collect());
                    fs
                })
            });
            ways = grown.collect();
        }
        ways
    }
}
