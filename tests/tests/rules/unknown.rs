//! What cannot be established exempts nobody, whatever stands behind it.

use acceptance::faults::{fail_at, system_calls};
use acceptance::lab::{Lab, SETTINGS_PATH};
use acceptance::pam::{Code, Limit, Login, Report};
use acceptance::sandbox;

use crate::{SKIP_ALL, door, rule, rules};

#[test]
fn the_callers_environment_and_a_name_that_looks_near_say_nothing_of_the_address() {
    sandbox::within(|lab| {
        door(lab, "");
        rules(lab, &rule("from = [\"127.0.0.1\", \"10.0.0.0/8\"]", "skip"));
        let connection = "10.1.1.1 1 10.1.1.2 22";
        let asked = |login: Login| {
            let mut command = login.code("123456").command();
            command.env("SSH_CONNECTION", connection).env("SSH_CLIENT", connection);
            assert_ne!(Report::of(command.output().unwrap()).followed().verdict(), Code::Success);
            let line = lab.decision();
            assert!(line.contains("cannot be evaluated by from"), "{line}");
        };
        for name in ["localhost", "web1", "UNKNOWN", "", "10.1.1.1.example.org", "10.1.1.1%lo", "10.1.1"] {
            asked(Login::new("door", "alice").from(name));
        }
        asked(Login::new("door", "alice"));
        let claim = |address: &str| format!("SSH_CONNECTION={address} 1 10.1.1.2 22");
        asked(Login::new("door", "alice").from("192.0.2.7").knowing(&claim("10.1.1.1")));
        asked(Login::new("door", "alice").from("10.1.1.1").knowing("SSH_CONNECTION="));
        for login in [
            Login::new("door", "alice").from("10.1.1.1"),
            Login::new("door", "alice").from("::ffff:10.1.1.1"),
            Login::new("door", "alice").from("localhost").knowing(&claim("10.1.1.1")),
        ] {
            assert_eq!(login.run().verdict(), Code::Success);
        }
    });
}

/// Plays a login behind a rule that is reached and cannot be evaluated, and a rule that skips everybody.
fn never_skips(lab: &Lab, keys: &str, key: &str, login: &Login) {
    for (then, verdict) in [("skip", "not-enrolled"), ("require", "not-enrolled"), ("deny", "denied")] {
        rules(lab, &format!("{}{SKIP_ALL}", rule(keys, then)));
        lab.syslog.clear();
        let report = login.clone().code("123456").run();
        assert_eq!(report.verdict(), Code::AuthErr, "{keys} {then}");
        let line = lab.decision();
        assert!(line.contains(&format!("verdict={verdict} ")), "{keys} {then}: {line}");
        assert!(line.contains(&format!("cannot be evaluated by {key}, so ")), "{keys} {then}: {line}");
    }
}

#[test]
fn where_a_login_comes_from_is_never_guessed() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        lab.service("su", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        lab.service("polkit-1", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let at = |service: &str| Login::new(service, "bob");
        for keys in ["from = \"10.0.0.0/8\"", "from = [\"local\", \"::/0\"]"] {
            for rhost in ["UNKNOWN", "localhost", "", "evil\nhost", "10.1.1.1,10.1.1.2", &"1".repeat(3000)] {
                never_skips(lab, keys, "from", &at("door").from(rhost));
            }
            never_skips(lab, keys, "from", &at("door"));
            never_skips(lab, keys, "from", &at("polkit-1").asked_by("bob"));
            never_skips(lab, keys, "from", &at("su").asked_by("nobody-here"));
            never_skips(lab, keys, "from", &at("su").asked_by(""));
        }
        never_skips(lab, "from = \"local\"", "from", &at("door"));
        never_skips(lab, "from = \"local\"", "from", &at("door").from(""));
        never_skips(lab, "from = \"local\"", "from", &at("su").asked_by("a/b"));
    });
}

#[test]
fn who_is_in_a_group_or_goes_by_a_name_is_never_guessed() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let bob = Login::new("door", "bob");
        never_skips(lab, "group = \"no-such-group\"", "group", &bob);
        never_skips(lab, "group = [\"bob2\", \"carol\"]", "group", &bob);
        let group = "group ops 5000 alice\n";
        // EIO; EAGAIN; ENOENT and ESRCH, which getgrnam(3) also uses for "not found"; EMFILE; ECONNREFUSED.
        for errno in [5, 11, 2, 3, 24, 111] {
            lab.group_service(&format!("groups_unavailable {errno}\n"));
            never_skips(lab, "group = \"ops\"", "group", &bob);
        }
        // The group is known, and who is in it is not: getgrouplist(3) has no way to say so.
        for errno in [2, 3, 5, 6, 11, 24, 34, 41, 71, 111] {
            lab.group_service(&format!("members_unavailable {errno}\n{group}"));
            never_skips(lab, "group = \"ops\"", "group", &bob);
        }
        // In the first place ENOENT, ESRCH and ERANGE would be taken for those of a search that found nothing.
        for errno in [5, 6, 41, 71, 111] {
            lab.first_group_service(&format!("members_unavailable {errno}\n{group}"));
            never_skips(lab, "group = \"ops\"", "group", &bob);
        }
        for errno in [5, 11, 111] {
            lab.group_service(&format!("unavailable {errno}\n"));
            never_skips(lab, "user = \"robert\"", "user", &bob);
        }
        // All of them answer, and then it is as it should be.
        lab.group_service(&format!("{group}group ops 5000 bob\n"));
        rules(lab, &rule("group = \"ops\"", "skip"));
        assert_eq!(bob.run().verdict(), Code::Success);
        assert_eq!(Login::new("door", "carol").mute().run().verdict(), Code::Success, "nullok");
        assert!(!lab.syslog.module().last().unwrap().contains("rule="));
    });
}

/// Where the library of a source cannot be loaded, glibc goes on as if that source knew nobody.
#[test]
fn too_little_memory_for_the_sources_of_the_name_service_makes_no_rule_skip() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        lab.add_group("ops", 5000, "");
        lab.group_service("robert bob 2002 2002\ngroup ops 5000 bob\n");
        let bob = Login::new("door", "bob");
        for (keys, key) in [("group = \"ops\"", "group"), ("user = \"robert\"", "user")] {
            rules(lab, &format!("{}{SKIP_ALL}", rule(keys, "deny")));
            assert_eq!(bob.clone().code("123456").run().verdict(), Code::AuthErr, "{keys}");
            let line = lab.decision();
            assert!(line.contains(" says deny\""), "{keys}: {line}");
            for left in [200_000, 1 << 20, 16 << 20] {
                never_skips(lab, keys, key, &bob.clone().limited(Limit::Memory(left)));
            }
        }
    });
}

#[test]
fn no_error_at_any_system_call_and_no_lack_of_descriptors_makes_a_rule_skip() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let text = format!("{}{}", rule("user = \"robert\"", "deny"), rule("group = \"ops\"", "require"));
        rules(lab, &format!("{text}{SKIP_ALL}"));
        // Whether alice is in the group, only her own list of groups tells.
        lab.group_service("group ops 5000 alice\n");
        lab.enroll("alice");
        let login = Login::new("door", "alice").code("123456");
        let calls = system_calls(&login.command());
        let first = calls.iter().position(|call| call.shown.contains(SETTINGS_PATH)).unwrap();
        let last = calls.iter().position(|call| call.shown.contains("FORMAT")).unwrap();
        assert!(calls[first..last].iter().filter(|call| call.shown.contains("nss_double")).count() >= 3);
        for point in &calls[first..last] {
            for error in ["EIO", "EMFILE"] {
                let output = fail_at(&login.command(), &point.call, point.number, error);
                assert_ne!(Report::of(output).verdict(), Code::Success, "{error} at {point:?}");
            }
        }
        for count in 0..16 {
            let output = login.clone().limited(Limit::Descriptors(count)).command().output().unwrap();
            assert_ne!(Report::of(output).verdict(), Code::Success, "{count} descriptors");
        }
        // Bob is in no such group: so far the rule is one that skips.
        assert_eq!(Login::new("door", "bob").mute().run().verdict(), Code::Success);
    });
}
