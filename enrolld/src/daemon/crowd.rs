//! Who has a seat: how many there are, how many for each, and who has to go when there is none left.
//!
//! Seats are few, so that memory is bounded, and whoever holds most loses first, so that no number of peers of
//! one uid, or of a few, keeps another uid out.

/// Seats in all, but for uids that have none when there is none left.
pub(crate) const SEATS: usize = 64;
/// Of these, kept for root.
const FOR_ROOT: usize = 8;
/// For each uid.
const EACH: usize = 8;
/// Threads for each uid, and in all: those whose seats were taken away may still be on their way out. A name
/// service that does not answer holds them, and must not let them pile up.
const THREADS_EACH: usize = 2 * EACH;
const THREADS: usize = 4 * SEATS;
/// Threads for all subordinate uids together. A directory that is slow to say that it knows none of them holds
/// a thread for each, and one account has 65536.
const THREADS_FOR_SUBORDINATES: usize = SEATS / 2;

/// The seats, each with what it takes to ask its peer to leave.
pub(crate) struct Crowd<T> {
    seats: Vec<Seat<T>>,
    /// The seat's number and the peer of each.
    threads: Vec<(u64, Who)>,
    next: u64,
    hours: Hours,
}

/// Who may still be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hours {
    Open,
    /// Whoever was admitted and has not been answered yet: such a peer is between connecting and asking.
    LastOrders,
    /// Nobody beyond what is under way.
    Closed,
}

/// Whose seat it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Who {
    pub(crate) uid: u32,
    /// A uid that may be one of somebody's containers, and not an account's.
    pub(crate) subordinate: bool,
}

struct Seat<T> {
    number: u64,
    who: Who,
    /// When it began to wait for a request, as a count.
    since: u64,
    /// A complete request of its is being answered.
    busy: bool,
    /// A request of its was taken before.
    heard: bool,
    handle: T,
}

/// A seat that was given.
pub(crate) struct Seated<T> {
    pub(crate) number: u64,
    /// Who has to leave for it.
    pub(crate) evicted: Option<T>,
}

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self {
            seats: Vec::with_capacity(SEATS),
            threads: Vec::with_capacity(THREADS),
            next: 0,
            hours: Hours::Open,
        }
    }
}

impl<T> Crowd<T> {
    /// A seat for a peer, if need be in the place of one that has had an answer, or else of the one that has
    /// waited longest without a complete request. `None` where this uid has its share, or others have taken
    /// every thread.
    pub(crate) fn admit(&mut self, who: Who, handle: T) -> Option<Seated<T>> {
        let uid = who.uid;
        if self.hours != Hours::Open || self.has_its_threads(who) || self.is_exhausted_for(uid) {
            return None;
        }
        let evicted = if self.held_by(uid) >= EACH {
            Some(self.evict(|_, seat| seat.who.uid == uid)?)
        } else if self.is_full_for(uid) {
            match self.evict(|crowd, seat| crowd.yields(seat, who)) {
                None if self.held_by(uid) > 0 => return None,
                // Whoever has no seat at all gets one more: a few uids that have all others' requests answered
                // slowly must not keep another out. The number of threads is the bound then.
                evicted => evicted,
            }
        } else {
            None
        };
        let number = self.tick();
        self.seats.push(Seat { number, who, since: number, busy: false, heard: false, handle });
        self.threads.push((number, who));
        Some(Seated { number, evicted })
    }

    /// A complete request has come; whether it may still be answered.
    pub(crate) fn begin(&mut self, number: u64) -> bool {
        let hours = self.hours;
        self.seat(number).is_some_and(|seat| {
            seat.busy = match hours {
                Hours::Open => true,
                Hours::LastOrders => !seat.heard,
                Hours::Closed => false,
            };
            seat.heard = true;
            seat.busy
        })
    }

    /// It was answered; whether its peer may ask again.
    pub(crate) fn end(&mut self, number: u64) -> bool {
        let since = self.tick();
        if let Some(seat) = self.seat(number) {
            (seat.busy, seat.since) = (false, since);
        }
        self.hours == Hours::Open
    }

    /// A peer's thread is at its end.
    pub(crate) fn leave(&mut self, number: u64) {
        self.seats.retain(|seat| seat.number != number);
        self.threads.retain(|(thread, _)| *thread != number);
    }

    /// Admits nobody any more, and answers only those who have not been answered yet. Gives the others.
    pub(crate) fn call_last_orders(&mut self) -> impl Iterator<Item = &T> {
        self.hours = Hours::LastOrders;
        self.seats.iter().filter(|seat| seat.heard && !seat.busy).map(|seat| &seat.handle)
    }

    /// Whether somebody has not asked yet.
    pub(crate) fn awaits_orders(&self) -> bool {
        self.seats.iter().any(|seat| !seat.heard)
    }

    /// Answers only what is under way. Gives the others.
    pub(crate) fn close(&mut self) -> impl Iterator<Item = &T> {
        self.hours = Hours::Closed;
        self.seats.iter().filter(|seat| !seat.busy).map(|seat| &seat.handle)
    }

    /// Whether no peer's thread is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Whether a peer finds no room because of others, some of whom will soon be gone.
    pub(crate) fn crowds_out(&self, who: Who) -> bool {
        self.hours == Hours::Open && self.is_exhausted_for(who.uid) && !self.has_its_threads(who)
    }

    /// Root has its seats whatever others have.
    fn is_full_for(&self, uid: u32) -> bool {
        uid != 0 && self.seats.iter().filter(|seat| seat.who.uid != 0).count() >= SEATS - FOR_ROOT
    }

    /// Whether nobody but root gets in before a thread has ended.
    fn is_exhausted_for(&self, uid: u32) -> bool {
        uid != 0 && self.threads.len() >= THREADS
    }

    fn has_its_threads(&self, who: Who) -> bool {
        let own = self.threads.iter().filter(|(_, of)| of.uid == who.uid).count();
        let subordinates = || self.threads.iter().filter(|(_, of)| of.subordinate).count();
        own >= THREADS_EACH || (who.subordinate && subordinates() >= THREADS_FOR_SUBORDINATES)
    }

    fn held_by(&self, uid: u32) -> usize {
        self.seats.iter().filter(|seat| seat.who.uid == uid).count()
    }

    /// Whether a seat may be taken away for this newcomer: its own uid's, a container's, or one of a uid that
    /// has more than that of the newcomer. Nobody's only seat goes to an account.
    fn yields(&self, seat: &Seat<T>, to: Who) -> bool {
        let has_more = || self.held_by(seat.who.uid) > self.held_by(to.uid).max(1);
        seat.who.uid != 0 && (seat.who.uid == to.uid || seat.who.subordinate || has_more())
    }

    fn evict(&mut self, among: impl Fn(&Self, &Seat<T>) -> bool) -> Option<T> {
        let waiting = self.seats.iter().enumerate().filter(|(_, seat)| !seat.busy && among(self, seat));
        // Among those of one uid, whoever has had an answer goes before whoever has not been heard yet.
        let (place, _) = waiting.max_by_key(|(_, seat)| {
            let held = self.held_by(seat.who.uid);
            (seat.who.subordinate, held, seat.heard, std::cmp::Reverse(seat.since))
        })?;
        Some(self.seats.swap_remove(place).handle)
    }

    fn seat(&mut self, number: u64) -> Option<&mut Seat<T>> {
        self.seats.iter_mut().find(|seat| seat.number == number)
    }

    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uids from 100000 on are those of containers.
    fn who(uid: u32) -> Who {
        Who { uid, subordinate: uid >= 100_000 }
    }

    /// A crowd whose handles are the order of admission.
    struct Door {
        crowd: Crowd<u64>,
        came: u64,
    }

    impl Door {
        fn new() -> Self {
            Self { crowd: Crowd::default(), came: 0 }
        }

        /// The number of a newcomer, and who had to leave.
        fn admit(&mut self, uid: u32) -> Option<(u64, Option<u64>)> {
            self.came += 1;
            self.crowd.admit(who(uid), self.came).map(|seated| (seated.number, seated.evicted))
        }

        fn evicted_threads_end(&mut self) {
            let seats: Vec<u64> = self.crowd.seats.iter().map(|seat| seat.number).collect();
            self.crowd.threads.retain(|(number, _)| seats.contains(number));
        }

        /// One whose request is being answered.
        fn busy(&mut self, uid: u32) {
            let (number, _) = self.admit(uid).unwrap();
            assert!(self.crowd.begin(number));
        }
    }

    #[test]
    fn the_ninth_of_a_uid_takes_the_place_of_its_oldest() {
        let mut door = Door::new();
        door.admit(2002);
        for _ in 0..8 {
            assert_eq!(door.admit(2001).unwrap().1, None);
        }
        assert_eq!(door.admit(2001).unwrap().1, Some(2));
        assert_eq!(door.admit(2001).unwrap().1, Some(3));
        assert_eq!(door.crowd.held_by(2002), 1);
    }

    #[test]
    fn whoever_has_had_an_answer_leaves_before_whoever_has_not_been_heard() {
        let mut door = Door::new();
        (0..7).for_each(|_| assert!(door.admit(2001).is_some()));
        let (answered, _) = door.admit(2001).unwrap();
        assert!(door.crowd.begin(answered));
        door.crowd.end(answered);
        assert_eq!(door.admit(2001).unwrap().1, Some(8));
        assert_eq!(door.admit(2001).unwrap().1, Some(1));
    }

    #[test]
    fn nobody_whose_request_is_being_answered_has_to_leave() {
        let mut door = Door::new();
        (0..7).for_each(|_| door.busy(2001));
        let (number, _) = door.admit(2001).unwrap();
        assert_eq!(door.admit(2001).unwrap().1, Some(8));
        assert!(!door.crowd.begin(number), "whoever was evicted is not answered");
        let (number, _) = door.admit(2001).unwrap();
        assert!(door.crowd.begin(number));
        assert_eq!(door.admit(2001), None);
        door.crowd.end(number);
        assert_eq!(door.admit(2001).unwrap().1, Some(10));
    }

    #[test]
    fn however_many_uids_crowd_in_another_one_gets_a_seat_and_keeps_it() {
        let mut door = Door::new();
        for uid in (3000..3009).cycle().take(200) {
            door.admit(uid);
            door.evicted_threads_end();
        }
        assert_eq!(door.crowd.seats.len(), SEATS - FOR_ROOT);
        let (mine, evicted) = door.admit(2001).unwrap();
        assert!(evicted.is_some());
        for uid in (3000..3009).cycle().take(500) {
            door.admit(uid);
            door.evicted_threads_end();
        }
        assert!(door.crowd.begin(mine));
        assert_eq!(door.crowd.seats.len(), SEATS - FOR_ROOT);
    }

    #[test]
    fn no_number_of_uids_of_containers_takes_the_seat_of_an_account() {
        let mut door = Door::new();
        assert_eq!((3000..3040).filter(|uid| door.admit(*uid).is_some()).count(), 40);
        let (mine, _) = door.admit(2001).unwrap();
        let admitted = (100_000..102_000).filter(|uid| {
            let seated = door.admit(*uid);
            door.evicted_threads_end();
            seated.is_some()
        });
        assert!(admitted.count() >= THREADS_FOR_SUBORDINATES / 2);
        assert!(door.crowd.begin(mine));
        assert_eq!(door.crowd.seats.iter().filter(|seat| !seat.who.subordinate).count(), 41);
    }

    #[test]
    fn threads_that_hang_for_containers_leave_room_for_accounts() {
        let mut door = Door::new();
        let admitted = (100_000..102_000).filter(|uid| door.admit(*uid).is_some()).count();
        assert_eq!(admitted, THREADS_FOR_SUBORDINATES);
        assert!(!door.crowd.crowds_out(who(200_000)), "nobody has to wait for them to be refused");
        assert!(door.admit(2001).is_some());
    }

    #[test]
    fn seats_are_kept_for_root() {
        let mut door = Door::new();
        for uid in 3000..3007 {
            (0..8).for_each(|_| door.busy(uid));
        }
        for _ in 0..8 {
            assert_eq!(door.admit(0).unwrap().1, None);
        }
        assert_eq!(door.crowd.seats.len(), SEATS);
        assert!(door.admit(0).unwrap().1.is_some());
    }

    #[test]
    fn where_all_requests_are_being_answered_whoever_has_no_seat_still_gets_one() {
        let mut door = Door::new();
        for uid in 3000..3007 {
            (0..8).for_each(|_| door.busy(uid));
        }
        door.busy(2001);
        assert_eq!(door.admit(2001), None);
        assert_eq!(door.admit(3000), None);
        let (mine, _) = door.admit(2002).unwrap();
        door.crowd.end(1);
        assert_eq!(door.admit(2003).unwrap().1, Some(1));
        assert_eq!(door.admit(2004).unwrap().1, None);
        assert!(door.crowd.begin(mine), "nobody takes the only seat of another");
    }

    #[test]
    fn threads_that_hang_do_not_pile_up() {
        let mut door = Door::new();
        let mut admitted = |uid| (0..1000).filter(|_| door.admit(uid).is_some()).count();
        assert_eq!(admitted(2001), THREADS_EACH);
        assert_eq!((3000..3100).map(&mut admitted).sum::<usize>(), THREADS - THREADS_EACH);
        assert_eq!(admitted(0), THREADS_EACH);
    }

    #[test]
    fn at_last_orders_whoever_was_never_answered_still_is_once() {
        let mut door = Door::new();
        let (answered, _) = door.admit(2001).unwrap();
        assert!(door.crowd.begin(answered));
        door.crowd.end(answered);
        door.busy(2001);
        let (waiting, _) = door.admit(2001).unwrap();
        assert_eq!(door.crowd.call_last_orders().collect::<Vec<_>>(), [&1]);
        assert_eq!(door.admit(2002), None);
        assert!(!door.crowd.begin(answered));
        assert!(door.crowd.awaits_orders());
        assert!(door.crowd.begin(waiting));
        assert!(!door.crowd.awaits_orders());
        assert!(!door.crowd.end(waiting), "once is enough");
        assert!(!door.crowd.begin(waiting));
    }

    #[test]
    fn after_closing_nobody_begins_and_what_is_under_way_stays() {
        let mut door = Door::new();
        door.busy(2001);
        let (waiting, _) = door.admit(2001).unwrap();
        assert_eq!(door.crowd.close().collect::<Vec<_>>(), [&2]);
        assert!(!door.crowd.begin(waiting));
        assert_eq!(door.admit(2002), None);
        assert!(!door.crowd.is_empty());
        door.crowd.leave(1);
        door.crowd.leave(waiting);
        assert!(door.crowd.is_empty());
    }
}
