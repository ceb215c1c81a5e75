//! Bypasses of [`Local`]: issued, shown, taken away, as any other change is made.

use crate::{Account, BypassStatus, Id, Issued, Local, NewBypass, Refusal, State, Store};
use otp::{Bypass, Enrollment, Ledger, Life, Time};

impl<S: Store> Local<S> {
    /// A bypass more, in place of those that are over.
    pub(crate) fn issue(&self, account: &Account, from: Id, new: &NewBypass) -> Result<Issued, Refusal> {
        self.rewrite(account, from, |person, present, ledger| {
            if person.record.suspended.is_some() {
                return Err(Refusal::Suspended);
            }
            let now = self.now();
            let mut record = self.keeping(&person.record, account)?;
            record.bypasses = record.bypasses.saturating_add(1);
            let lasts = new.lasts.clamp(Bypass::SHORTEST, Bypass::LONGEST);
            let salt = self.random()?;
            let bypass = Bypass {
                number: record.bypasses,
                life: Life::new(now, ledger.latest, lasts),
                uses: new.uses,
                reason: new.reason.clone(),
                salt,
                hash: Bypass::hash(&salt, new.code),
            };
            let before = bypasses_of(present, ledger, now);
            let numbered = present.bypasses().iter().zip(&before).enumerate();
            let unused = numbered.filter(|(place, (bypass, _))| ledger.bypass_unused(bypass, *place) > 0);
            let expired =
                unused.filter(|(_, (_, status))| status.expired).map(|(_, (_, status))| status.clone());
            let expired = expired.collect();
            let standing = present.bypasses().iter().zip(&before).filter(|(_, status)| status.left > 0);
            let mut bypasses: Vec<_> = standing.map(|(bypass, _)| bypass.clone()).collect();
            bypasses.push(bypass);
            let enrollment = present.clone().with_bypasses(bypasses).map_err(Refusal::Tokens)?;
            let ledger = ledger.carried(present, &enrollment);
            let bypass = bypasses_of(&enrollment, &ledger, now).pop().ok_or(Refusal::NoBypass)?;
            record.state = State::Enrolled(enrollment);
            Ok((record, ledger, Issued { bypass, expired }))
        })
    }

    /// None any more.
    pub(crate) fn withdraw(&self, account: &Account, from: Id) -> Result<Vec<BypassStatus>, Refusal> {
        self.rewrite(account, from, |person, present, ledger| {
            let before = bypasses_of(present, ledger, self.now());
            if before.is_empty() {
                return Err(Refusal::NoBypass);
            }
            let mut record = self.keeping(&person.record, account)?;
            let enrollment = present.clone().with_bypasses(Vec::new()).map_err(Refusal::Tokens)?;
            let ledger = ledger.carried(present, &enrollment);
            record.state = State::Enrolled(enrollment);
            Ok((record, ledger, before))
        })
    }
}

/// What is known of each bypass.
pub(crate) fn bypasses_of(enrollment: &Enrollment, ledger: &Ledger, now: Time) -> Vec<BypassStatus> {
    let numbered = enrollment.bypasses().iter().enumerate();
    let status = numbered.map(|(place, bypass)| BypassStatus {
        number: bypass.number,
        expires: bypass.life.expires,
        expired: ledger.has_expired(bypass, now),
        left: ledger.bypass_left(enrollment, place, now),
        reason: bypass.reason.clone(),
    });
    status.collect()
}
