//! Invitations of [`Local`]: they stand in the place of an enrollment until there is one.

use crate::person::{Change, Current};
use crate::{Account, Id, InvitationStatus, Local, NewInvitation, Refusal, State, Store};
use otp::{Invitation, Ledger, Life, Time};

impl<S: Store> Local<S> {
    /// An invitation, in place of one that was there.
    pub(crate) fn put_invitation(
        &self,
        account: &Account,
        from: Option<Id>,
        new: &NewInvitation,
    ) -> Result<InvitationStatus, Refusal> {
        self.vet_name(account)?;
        self.store.change(&account.owner, from, |person| {
            let former = person.map(|person| &person.record);
            if former.is_some_and(|record| record.enrollment().is_some()) {
                return Err(Refusal::AlreadyEnrolled);
            }
            if former.is_some_and(|record| record.suspended.is_some()) {
                return Err(Refusal::Suspended);
            }
            // It exists from here on, and with it the latest time on record, by which an invitation ends too.
            let ledger = match person.map(|person| &person.ledger) {
                Some(Current::Whole(ledger) | Current::Half(ledger)) => ledger.without_tokens(),
                Some(Current::Lost) | None => Ledger::default(),
            };
            let now = self.now();
            let lasts = new.lasts.clamp(Invitation::SHORTEST, Invitation::LONGEST);
            let life = Life::new(now, ledger.latest, lasts);
            let mut record = self.renewed(former, account, State::Revoked(now))?;
            let invitation = Invitation::new(life, self.random()?, new.code);
            let status = invitation_status(&invitation, ledger.latest, now);
            record.state = State::Invited(invitation);
            Ok((Change { record, ledger }, status))
        })
    }
}

/// What is known of an invitation.
pub(crate) fn invitation_status(invitation: &Invitation, latest: Time, now: Time) -> InvitationStatus {
    InvitationStatus { expires: invitation.life.expires, expired: invitation.has_expired(latest, now) }
}
