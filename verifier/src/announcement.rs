//! What [`Local`] announces, and what is known of it.

use crate::{AnnouncementStatus, Current, Local, Person, Store};
use otp::{Announced, Announcement, Enrollment, Ledger, Time};

impl<S: Store> Local<S> {
    /// `next` with these `changes` announced, beside what still stands of what `person` has. Every change of tokens
    /// or backup codes goes through here.
    pub(crate) fn announcing(
        &self,
        next: Enrollment,
        person: Option<&Person>,
        changes: impl IntoIterator<Item = Announced>,
        by_root: bool,
    ) -> Enrollment {
        // Where the ledger is lost, nothing is acknowledged.
        let ledger = match person.map(|person| &person.ledger) {
            Some(Current::Whole(ledger) | Current::Half(ledger)) => ledger.clone(),
            Some(Current::Lost) | None => Ledger::default(),
        };
        let now = self.now();
        let new = changes.into_iter().map(|change| Announcement::new(change, by_root, now, ledger.latest));
        let previous = person.and_then(|person| person.record.enrollment());
        next.announcing(new, previous.map(|previous| (previous, &ledger)), now)
    }
}

/// What is known of each announcement that is not over.
pub(crate) fn announcements_of(
    enrollment: &Enrollment,
    ledger: &Ledger,
    now: Time,
) -> Vec<AnnouncementStatus> {
    let placed = enrollment.announcements().iter().enumerate();
    let standing = placed.filter(|(_, told)| !told.life.is_over(ledger.latest, now));
    let status = standing.map(|(place, told)| AnnouncementStatus {
        notice: told.notice(),
        until: told.life.expires,
        acknowledged: ledger.is_acknowledged(place),
    });
    status.collect()
}
