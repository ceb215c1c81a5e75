//! A file system of one person's folder that keeps apart what is visible and what would survive a power cut.

use crate::calls::{Call, Flaw, Res};
use crate::table::{Name, Table, Text};
use std::collections::BTreeMap;
use verifier::LEDGER_LEN;

/// A file, whatever names it has.
pub(crate) type Ino = u8;

/// What is visible, what is durable, who holds the lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Fs {
    /// Whether the person's folder is there.
    pub(crate) folder: bool,
    pub(crate) folder_durable: bool,
    pub(crate) names: BTreeMap<Name, Ino>,
    pub(crate) durable: BTreeMap<Name, Ino>,
    pub(crate) pending: Vec<Entry>,
    pub(crate) files: BTreeMap<Ino, Vec<Part>>,
    pub(crate) lock: Option<u8>,
}

/// A change of the folder that is not durable yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Entry {
    Made(Name, Ino),
    Renamed(Name, Name, Ino),
    Removed(Name),
}

/// A whole enrollment, or one slot of a ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Part {
    pub(crate) cached: Text,
    pub(crate) durable: Durable,
}

/// What a power cut leaves of a part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Durable {
    Is(Text),
    /// Of a new file: anything.
    Never,
    /// In flight: old, new, or a mixture.
    Either(Text, Text),
}

impl Fs {
    /// Whether a call can be made now: a held lock is waited for.
    pub(crate) fn is_enabled(&self, call: &Call, flaw: Option<Flaw>) -> bool {
        !matches!(call, Call::Lock) || self.lock.is_none() || flaw == Some(Flaw::LockForAll)
    }

    /// Makes a call that is one step.
    pub(crate) fn perform(&mut self, pid: u8, call: &Call, table: &mut Table, flaw: Option<Flaw>) -> Res {
        match call {
            Call::Folder => Res::Flag(self.folder),
            Call::MakeFolder => {
                self.folder = true;
                Res::Unit
            }
            Call::SyncPeople => {
                self.folder_durable |= self.folder && flaw != Some(Flaw::NoPeopleSync);
                Res::Unit
            }
            Call::Lock => {
                self.lock = Some(pid);
                Res::Unit
            }
            Call::Unlock => {
                self.release(pid);
                Res::Unit
            }
            Call::IsLinked => Res::Flag(true),
            Call::Enrollment(name) => {
                let ino = self.names.get(name).copied();
                Res::Enrollment(ino.map(|ino| (ino, self.files[&ino][0].cached)))
            }
            Call::IsCurrent(name, ino) => {
                Res::Flag(self.names.get(name) == Some(ino) || flaw == Some(Flaw::AlwaysCurrent))
            }
            Call::Ledger(name) => match self.names.get(name) {
                Some(ino) if self.files[ino].len() != 2 => Res::Failed("size"),
                found => Res::Ledger(found.copied()),
            },
            Call::Slots(ino) => Res::Slots(self.files[ino][0].cached, self.files[ino][1].cached),
            Call::Create(name, texts) => {
                let texts = if flaw == Some(Flaw::BornConfirmed) { confirmed(texts, table) } else { *texts };
                self.create(pid, *name, texts)
            }
            Call::SyncFile(ino) => {
                if flaw != Some(Flaw::NoFileSync) {
                    self.sync_file(*ino);
                }
                Res::Unit
            }
            Call::SyncFolder => {
                if flaw != Some(Flaw::NoFolderSync) {
                    self.durable = self.names.clone();
                    self.pending.clear();
                }
                Res::Unit
            }
            Call::SyncAll => {
                if flaw != Some(Flaw::NoSyncAll) {
                    self.sync_all();
                }
                Res::Unit
            }
            Call::Rename(from, to) => match self.names.remove(from) {
                None => Res::Failed("missing"),
                Some(ino) => {
                    self.names.insert(*to, ino);
                    self.pending.push(Entry::Renamed(*from, *to, ino));
                    Res::Unit
                }
            },
            Call::Remove(name) => match self.names.remove(name) {
                None => Res::Failed("missing"),
                Some(_) => {
                    self.pending.push(Entry::Removed(*name));
                    Res::Unit
                }
            },
            Call::Names => Res::Names(self.names.keys().copied().collect()),
            Call::Overwrite(..) => unreachable!("two steps: begin and end"),
        }
    }

    /// The first half of an overwrite: whoever reads now sees a mixture.
    pub(crate) fn begin_overwrite(&mut self, ino: Ino, slot: usize, new: Text, table: &mut Table) {
        let part = self.part(ino, slot);
        let old = part.cached;
        let kept = match part.durable {
            Durable::Is(text) | Durable::Either(text, _) => text,
            Durable::Never => unreachable!("an overwritten ledger was synced"),
        };
        *part = Part { cached: table.torn(old, new), durable: Durable::Either(kept, new) };
    }

    /// The second half: visible, and on stable storage.
    pub(crate) fn end_overwrite(&mut self, ino: Ino, slot: usize, new: Text, flaw: Option<Flaw>) {
        let part = self.part(ino, slot);
        part.cached = new;
        if flaw != Some(Flaw::NoDsync) {
            part.durable = Durable::Is(new);
        }
    }

    /// Every way in which an overwrite may fail: nothing written; visible alone; both; torn.
    pub(crate) fn failed_overwrites(&self, ino: Ino, slot: usize, new: Text, table: &mut Table) -> Vec<Self> {
        let (Durable::Is(old) | Durable::Either(old, _)) = self.files[&ino][slot].durable else {
            unreachable!("an overwritten ledger was synced")
        };
        let torn = table.torn(old, new);
        [(old, old), (new, old), (new, new), (new, torn), (torn, torn)]
            .map(|(cached, durable)| {
                let mut fs = self.clone();
                *fs.part(ino, slot) = Part { cached, durable: Durable::Is(durable) };
                fs
            })
            .into()
    }

    /// Every way in which another call may fail: without effect, with its effect, half done.
    pub(crate) fn failures(&self, pid: u8, call: &Call, table: &mut Table) -> Vec<(Self, Res)> {
        let failed = Res::Failed("io");
        let mut ways =
            vec![(self.clone(), if *call == Call::Lock { Res::Failed("busy") } else { failed.clone() })];
        match call {
            Call::MakeFolder
            | Call::SyncPeople
            | Call::SyncFile(_)
            | Call::SyncFolder
            | Call::SyncAll
            | Call::Rename(..)
            | Call::Remove(_) => {
                let mut fs = self.clone();
                fs.perform(pid, call, table, None);
                ways.push((fs, failed));
            }
            Call::Create(name, texts) => {
                let wreck = table.wrecks(texts[0])[0];
                let mut fs = self.clone();
                if fs.create(pid, *name, [wreck, wreck]) != Res::Failed("exists") {
                    ways.push((fs, failed));
                }
            }
            _ => {}
        }
        ways
    }

    /// All is durable.
    fn sync_all(&mut self) {
        self.folder_durable = self.folder;
        self.durable = self.names.clone();
        self.pending.clear();
        for part in self.files.values_mut().flatten() {
            part.durable = Durable::Is(part.cached);
        }
    }

    /// Time passes.
    pub(crate) fn settle(&mut self) {
        self.sync_all();
        let names = &self.names;
        self.files.retain(|ino, _| names.values().any(|named| named == ino));
    }

    /// The names in the folder, in order.
    pub(crate) fn listing(&self, table: &Table) -> Vec<String> {
        let mut names: Vec<_> = self.names.keys().map(|name| table.spelled(*name).to_owned()).collect();
        names.sort();
        names
    }

    /// A process that dies gives its lock back.
    pub(crate) fn release(&mut self, pid: u8) {
        if self.lock == Some(pid) {
            self.lock = None;
        }
    }

    /// Damages a slot of the only ledger, as a rotten sector does.
    pub(crate) fn rot(&mut self, slot: usize, table: &mut Table) {
        let garbage = table.text(&[0xa5; LEDGER_LEN / 2]);
        let ledger = self.files.values_mut().find(|parts| parts.len() == 2).unwrap();
        ledger[slot] = Part { cached: garbage, durable: Durable::Is(garbage) };
    }

    fn create(&mut self, pid: u8, name: Name, [first, second]: [Text; 2]) -> Res {
        if self.names.contains_key(&name) {
            return Res::Failed("exists");
        }
        // Numbered by whoever made it, so that the order in which others work does not matter.
        let ino = (pid << 4..).find(|ino| !self.files.contains_key(ino)).unwrap();
        let part = |cached| Part { cached, durable: Durable::Never };
        let parts = if first == second { vec![part(first)] } else { vec![part(first), part(second)] };
        self.files.insert(ino, parts);
        self.names.insert(name, ino);
        self.pending.push(Entry::Made(name, ino));
        Res::New(ino)
    }

    fn sync_file(&mut self, ino: Ino) {
        for part in self.files.get_mut(&ino).unwrap() {
            part.durable = Durable::Is(part.cached);
        }
    }

    fn part(&mut self, ino: Ino, slot: usize) -> &mut Part {
        &mut self.files.get_mut(&ino).unwrap()[slot]
    }
}

/// The slots of a ledger that claims to be confirmed from the start.
fn confirmed(texts: &[Text; 2], table: &mut Table) -> [Text; 2] {
    texts.map(|text| match verifier::Slot::decode(table.bytes(text)) {
        Some(slot) => table.text(&verifier::Slot { confirmed: true, ..slot }.encode()),
        None => text,
    })
}
