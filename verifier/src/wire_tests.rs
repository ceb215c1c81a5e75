//! What one side writes the other reads, and nothing else is taken for an answer.

use super::*;

const ALICE: Owner = Owner::Uid(2001);
const CHECK: &str = "{\"method\":\"org.pamtotp.enrolld1.Check\",\"parameters\":";

fn mistake(text: &str) -> Mistake {
    match Request::parse(text.as_bytes()) {
        Err(mistake) => mistake,
        Ok(_) => panic!("taken for a request: {text}"),
    }
}

fn name(name: &str) -> TokenName {
    TokenName::new(name).unwrap()
}

fn accepted(method: Method, backup_left: usize) -> Verdict {
    Verdict::Accepted { method, backup_left, announced: Vec::new() }
}

fn notices() -> Vec<Notice> {
    let token = || name("fob");
    let changes = [
        Announced::Enrolled { token: token() },
        Announced::Replaced { token: token() },
        Announced::Added { token: token() },
        Announced::Removed { token: token() },
        Announced::BackupCodes,
    ];
    let numbered = changes.into_iter().zip(1_800_000_000..);
    numbered.map(|(change, at)| Notice { change, at: Time(at), by_root: at % 2 == 0 }).collect()
}

fn verdicts() -> Vec<Verdict> {
    let mut all = vec![
        accepted(Method::Code(name("phone")), 3),
        accepted(Method::Pair(name("phone")), 0),
        accepted(Method::Backup, 9),
        accepted(Method::Scratch { left: 4 }, 0),
        Verdict::Wrong { counted: true },
        Verdict::Wrong { counted: false },
        Verdict::Replayed { token: Some(name("phone")), ahead: Some(99) },
        Verdict::Replayed { token: None, ahead: None },
        Verdict::PairNeeded { token: name("fob") },
        Verdict::ClockBehind { seconds: 100_000 },
        accepted(Method::Bypass { number: 2, left: 4 }, 9),
        Verdict::Accepted { method: Method::Backup, backup_left: 9, announced: notices() },
        Verdict::Expired { number: 2, since: Time(1_800_000_000) },
    ];
    all.extend(MALFORMED.map(Verdict::Malformed));
    for lane in [Lane::Console, Lane::Others, Lane::Known(0), Lane::Services, Lane::Strangers] {
        all.push(Verdict::Throttled { lane, until: Time(1_800_000_000) });
    }
    all
}

fn read(message: &str) -> Option<Reply<Outcome>> {
    read_checked(message.as_bytes(), &ALICE)
}

#[test]
fn every_verdict_comes_out_as_it_went_in() {
    for verdict in verdicts() {
        let reply = checked(&ALICE, &Outcome::Judged(verdict.clone())).unwrap();
        match read(&reply) {
            Some(Reply::Result(Outcome::Judged(read))) => assert_eq!(read, verdict, "{}", *reply),
            _ => panic!("{}", *reply),
        }
    }
    let reply = checked(&ALICE, &Outcome::NotEnrolled).unwrap();
    assert!(matches!(read(&reply), Some(Reply::Result(Outcome::NotEnrolled))));
    let reply = checked(&ALICE, &Outcome::Suspended(Time(7))).unwrap();
    assert!(matches!(read(&reply), Some(Reply::Result(Outcome::Suspended(Time(7))))));
}

#[test]
fn nothing_but_an_accepted_reply_about_this_account_is_accepted() {
    let accepted = Outcome::Judged(accepted(Method::Code(name("phone")), 3));
    let good = checked(&ALICE, &accepted).unwrap();
    let opens =
        |text: &str| matches!(read(text), Some(Reply::Result(Outcome::Judged(Verdict::Accepted { .. }))));
    assert!(opens(&good));
    assert!(!opens(&checked(&Owner::Uid(2002), &accepted).unwrap()), "about somebody else");
    let by_name = |name: &str| Owner::Name(crate::FoldedName::parse(name).unwrap());
    assert!(!opens(&checked(&by_name("alice"), &accepted).unwrap()), "about somebody without an account");
    let reply = checked(&by_name("vera"), &accepted).unwrap();
    let about = |text: &str, owner: &Owner| {
        matches!(read_checked(text.as_bytes(), owner), Some(Reply::Result(Outcome::Judged(_))))
    };
    assert!(about(&reply, &by_name("vera")));
    assert!(!about(&reply, &by_name("veras")) && !about(&reply, &ALICE) && !about(&good, &by_name("vera")));
    let both = reply.replacen("\"name\"", "\"uid\":2001,\"name\"", 1);
    assert!(!about(&both, &by_name("vera")) && !about(&both, &ALICE), "about one of two");
    for (from, to) in [
        ("accepted", "Accepted"),
        ("accepted", "acceptedx"),
        ("\"accepted\"", "true"),
        ("\"code\"", "\"any\""),
        ("\"code\"", "null"),
        ("phone", "a phone"),
        ("2001", "\"2001\""),
        ("2001", "2001.0"),
        ("\"parameters\"", "\"parameter\""),
        ("{\"parameters\"", "{\"error\":\"x\",\"parameters\""),
        ("{\"parameters\"", "{\"error\":1,\"parameters\""),
        ("\"uid\":2001", "\"uid\":2001,\"uid\":2001"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, *good);
        assert!(!opens(&text), "{text}");
    }
    // Cut anywhere, and with any byte changed into a bracket, a quotation mark or a letter.
    for place in 0..good.len() {
        assert!(!opens(&good[..place]));
    }
}

#[test]
fn denials_are_told_apart_and_mean_neither_yes_nor_no() {
    for denial in [Denial::NotAllowed, Denial::Unavailable] {
        match read(&denied(denial)) {
            Some(Reply::Denied(read)) => assert_eq!(read, denial),
            _ => panic!("{denial:?}"),
        }
        assert!(matches!(read_standing(denied(denial).as_bytes(), &ALICE), Some(Reply::Denied(_))));
    }
    assert!(checked(&ALICE, &Outcome::Unavailable(crate::StoreError::Changed)).is_none());
}

#[test]
fn a_status_comes_out_as_it_went_in() {
    let token = TokenStatus {
        name: name("phone"),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha256,
        digits: Digits::SIX,
        bits: 160,
        last_used: Some(Time(1_800_000_000)),
        pairs_only: false,
    };
    let fob = name("fob");
    let counter =
        TokenStatus { kind: Kind::Hotp, last_used: None, name: fob, pairs_only: true, ..token.clone() };
    let status = Status {
        invitation: Some(InvitationStatus { expires: Time(8), expired: true }),
        id: Id([7; 16]),
        account: "alice".into(),
        owner: ALICE,
        enrolled: true,
        suspended: None,
        changed: Time(1_799_999_999),
        tokens: vec![token, counter],
        backup: Some((BackupSheet { number: 2, created: Time(1_700_000_000) }, 9)),
        bypasses: vec![BypassStatus {
            number: 3,
            expires: Time(1_800_003_600),
            expired: false,
            left: 2,
            reason: Reason::new("lost phone, \"3 a.m.\"").unwrap(),
        }],
        scratch_left: Some(3),
        announcements: vec![AnnouncementStatus {
            notice: notices().remove(2),
            until: Time(1_800_604_800),
            acknowledged: true,
        }],
        throttled: vec![Waiting { lane: Lane::Strangers, until: Time(1_800_000_030) }],
        warnings: vec!["half of \"it\"\n".into()],
    };
    let suspended = Some(SuspensionStatus { since: Time(1_799_999_000), told: None });
    let suspended = Status { suspended, ..status.clone() };
    for status in
        [suspended, status.clone(), Status { enrolled: false, tokens: vec![], backup: None, ..status }]
    {
        let reply = known(&ALICE, Some(&status));
        match read_status(reply.as_bytes(), &ALICE) {
            Some(Reply::Result(Some(read))) => assert_eq!(format!("{read:?}"), format!("{status:?}")),
            _ => panic!("{}", *reply),
        }
        match read_standing(reply.as_bytes(), &ALICE) {
            Some(Reply::Result(standing)) => assert_eq!(
                standing,
                match (&status.suspended, status.enrolled) {
                    (Some(_), _) => Standing::Suspended,
                    (None, true) => Standing::Enrolled,
                    (None, false) => Standing::NotEnrolled,
                }
            ),
            _ => panic!("{}", *reply),
        }
    }
    let nothing = known(&ALICE, None);
    assert!(matches!(read_status(nothing.as_bytes(), &ALICE), Some(Reply::Result(None))));
    assert!(matches!(read_standing(nothing.as_bytes(), &ALICE), Some(Reply::Result(Standing::NotEnrolled))));
    assert!(read_standing(nothing.as_bytes(), &Owner::Uid(2002)).is_none());
    assert!(read_standing(nothing.replace("false", "0").as_bytes(), &ALICE).is_none());
}

#[test]
fn a_check_carries_what_was_typed_and_what_is_claimed() {
    let claims = Claims { service: "i3lock".into(), rhost: Some("x\n".repeat(5000)), tty: Some(":0".into()) };
    for (typed, sent) in
        [("592691", "592691"), ("592 691 606107", "592691 606107"), ("0123-abcd-EFGH", "0123-abcd-efgh")]
    {
        let call = check("alice", &Typed::parse(typed.as_bytes()), &claims, Origin::Others).unwrap();
        assert!(call.len() < LONGEST_REQUEST, "{}", call.len());
        match Request::parse(call.as_bytes()) {
            Ok(Request::Check { user, typed, claims: read, origin, tail }) => {
                assert_eq!((origin, tail), (Some(Origin::Others), None));
                assert_eq!((user.as_str(), typed.as_str()), ("alice", sent));
                assert_eq!((read.service.as_str(), read.tty.as_deref()), ("i3lock", Some(":0")));
                assert!(read.rhost.unwrap().starts_with("x\nx\n"));
            }
            _ => panic!("{}", *call),
        }
    }
    for origin in [Origin::Console, Origin::Owner, Origin::Others, Origin::Stranger] {
        let call = check("alice", &Typed::parse(b"592691"), &claims, origin).unwrap();
        let read = Request::parse(call.as_bytes());
        assert!(
            matches!(read, Ok(Request::Check { origin: Some(read), .. }) if read == origin),
            "{origin:?}"
        );
    }
    assert!(check("alice", &Typed::parse(b"password"), &claims, Origin::Console).is_none());
}

#[test]
fn of_a_password_no_more_is_said_than_what_may_be_a_code() {
    let said = |answer: &[u8], need: Need| {
        let tail = otp::Tail::of(answer);
        let tail = if need == Need::Optional { tail.optional() } else { tail };
        let call = check_tail("alice", &tail, &Claims::default(), Origin::Console)?;
        match Request::parse(call.as_bytes()) {
            Ok(Request::Check { typed, tail, .. }) if tail == Some(need) => Some(typed.to_string()),
            _ => panic!("{}", *call),
        }
    };
    for need in [Need::Required, Need::Optional] {
        assert_eq!(said(b"hunter!592691", need).as_deref(), Some("592691"));
        assert_eq!(said(b"hunter!2592691\r", need).as_deref(), Some("2592691\r"));
        assert_eq!(said(b"secret \xff!abcd-efgh-jkmn", need).as_deref(), Some("abcd-efgh-jkmn"));
        assert_eq!(said(b"correct horse", need), None);
    }
    let replies =
        [(Outcome::NotEnrolled, None), (Outcome::Judged(Verdict::Wrong { counted: true }), Some(6))];
    for (outcome, code) in replies {
        let reply = split(&ALICE, &outcome, code).unwrap();
        let read = read_split(reply.as_bytes(), &ALICE);
        assert!(matches!(read, Some(Reply::Result((_, read))) if read == code), "{}", *reply);
        assert!(read_split(reply.as_bytes(), &Owner::Uid(2002)).is_none());
    }
}

#[test]
fn the_longest_check_fits_into_a_request() {
    // Every byte of the texts takes six when it is escaped.
    let long = "\u{1}".repeat(5000);
    let claims = Claims { service: long.clone(), rhost: Some(long.clone()), tty: Some(long) };
    let call = check(&"x".repeat(255), &Typed::parse(b"592691 606107"), &claims, Origin::Stranger).unwrap();
    assert!(call.len() < LONGEST_REQUEST, "{}", call.len());
    assert!(Request::parse(call.as_bytes()).is_ok());
}

#[test]
fn unknown_methods_and_parameters_are_refused_by_their_name() {
    let method = |name: &str| mistake(&format!("{{\"method\":\"{name}\"}}"));
    assert_eq!(method("org.pamtotp.enrolld1.Revoke"), Mistake::Method("org.pamtotp.enrolld1.Revoke".into()));
    assert_eq!(method("org.pamtotp.enrolld2.Check"), Mistake::Interface("org.pamtotp.enrolld2".into()));
    assert_eq!(method("Check"), Mistake::Method("Check".into()));
    assert_eq!(method("org.varlink.service.getinfo"), Mistake::Method("org.varlink.service.getinfo".into()));
    let parameter = |text: &str, name: &str| {
        assert_eq!(mistake(&format!("{CHECK}{text}}}")), Mistake::Parameter(name.into()), "{text}");
    };
    parameter("{}", "user");
    parameter("{\"user\":\"alice\"}", "code");
    parameter("{\"user\":null,\"code\":\"1\"}", "user");
    parameter("{\"user\":2001,\"code\":\"1\"}", "user");
    parameter("{\"user\":[\"alice\"],\"code\":\"1\"}", "user");
    parameter("{\"user\":\"alice\",\"code\":592691}", "code");
    parameter("{\"user\":\"alice\",\"code\":\"1\",\"uid\":0}", "uid");
    parameter("{\"user\":\"alice\",\"code\":\"1\",\"tty\":1}", "tty");
    parameter("[]", "parameters");
    assert_eq!(
        mistake("{\"method\":\"org.varlink.service.GetInfo\",\"user\":\"x\"}"),
        Mistake::Parameter("user".into())
    );
}

#[test]
fn what_is_no_call_or_wants_no_answer_gets_none() {
    for text in
        ["", "x", "[]", "{}", "{\"method\":1}", "{\"parameters\":{}}", "\"method\"", "{\"method\":null}"]
    {
        assert_eq!(mistake(text), Mistake::NoCall, "{text}");
    }
    let oneway = format!("{CHECK}{{\"user\":\"alice\",\"code\":\"1\"}},\"oneway\":true}}");
    assert_eq!(mistake(&oneway), Mistake::NoCall);
    assert!(mistaken(&Mistake::NoCall).is_none());
    assert!(
        Request::parse(b"{\"method\":\"org.varlink.service.GetInfo\",\"more\":true,\"oneway\":false}")
            .is_ok()
    );
}
