//! `[[rule]]`: what decides, and that nothing which cannot be established exempts anybody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use config::parse;
use config::rules::{Decision, Facts, Fit, Ground, Key, Place, Rule, Then, decide, fit, may_deny};
use std::path::Path;

/// A login, of which some things may not be known.
#[derive(Clone)]
struct Login {
    name: Result<&'static str, &'static str>,
    groups: Result<Vec<&'static str>, &'static str>,
    service: Option<&'static str>,
    place: Place,
}

impl Facts for Login {
    fn is_user(&self, name: &str) -> Result<bool, String> {
        self.name.map(|own| own == name).map_err(str::to_owned)
    }

    fn is_member(&self, group: &str) -> Result<bool, String> {
        self.groups.as_ref().map(|groups| groups.contains(&group)).map_err(|why| (*why).to_owned())
    }

    fn may_skip(&self) -> bool {
        self.name != Ok("nobody")
    }

    fn service(&self) -> Option<&str> {
        self.service
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

fn alice() -> Login {
    let place = Place::Address("192.0.2.7".parse().unwrap());
    Login { name: Ok("alice"), groups: Ok(vec!["alice", "staff"]), service: Some("sshd"), place }
}

fn rules(text: &str) -> Vec<Rule> {
    parse(Path::new("rules"), text).unwrap_or_else(|error| panic!("{error}\n{text}")).rules
}

fn then(text: &str, login: &Login) -> Then {
    decide(&rules(text), login).then
}

const SKIP_ALL: &str = "\n[[rule]]\nthen = \"skip\"\n";

#[test]
fn without_a_rule_that_fits_a_code_is_required() {
    let none = decide(&[], &alice());
    assert_eq!(none, Decision { then: Then::Require, remember: None, ground: Ground::NoRule });
    assert_eq!(then("[[rule]]\nuser = \"bob\"\nthen = \"skip\"", &alice()), Then::Require);
}

#[test]
fn a_rule_that_says_skip_exempts_nobody_who_may_not_be_exempt() {
    let nobody = Login { name: Ok("nobody"), ..alice() };
    for keys in ["", "user = \"nobody\"\n", "service = \"sshd\"\n", "from = \"192.0.2.0/24\"\n"] {
        let text = format!("[[rule]]\n{keys}then = \"skip\"\n[[rule]]\nthen = \"deny\"\n");
        let decision = decide(&rules(&text), &nobody);
        assert_eq!(
            (decision.then, &decision.ground),
            (Then::Require, &Ground::Unheeded { number: 1, line: 1 })
        );
        assert!(decision.words().unwrap().contains("says skip, which is for accounts alone"));
    }
    assert_eq!(then("[[rule]]\nuser = \"nobody\"\nthen = \"deny\"", &nobody), Then::Deny);
    let remember = rules("[[rule]]\nthen = \"require\"\nremember = \"15m\"\n");
    assert_eq!(decide(&remember, &nobody).remember, None);
    assert_eq!(decide(&remember, &alice()).remember, Some(900));
}

#[test]
fn the_first_rule_that_fits_decides() {
    let text = "[[rule]]\nuser = \"bob\"\nthen = \"deny\"\n[[rule]]\nuser = \"alice\"\nthen = \"require\"\n";
    let decision = decide(&rules(&format!("{text}{SKIP_ALL}")), &alice());
    assert_eq!(
        decision,
        Decision { then: Then::Require, remember: None, ground: Ground::Rule { number: 2, line: 4 } }
    );
    assert_eq!(decision.words().unwrap(), "2 at line 4 says require");
    for (word, wanted) in [("require", Then::Require), ("skip", Then::Skip), ("deny", Then::Deny)] {
        assert_eq!(then(&format!("[[rule]]\nthen = \"{word}\"{SKIP_ALL}"), &alice()), wanted);
    }
}

#[test]
fn a_key_fits_by_any_of_its_values_and_a_rule_by_all_of_its_keys() {
    let fits = |keys: &str| then(&format!("[[rule]]\n{keys}\nthen = \"skip\""), &alice()) == Then::Skip;
    for keys in [
        "user = \"alice\"",
        "user = [\"bob\", \"alice\"]",
        "group = \"staff\"",
        "group = [\"wheel\", \"alice\"]",
        "service = [\"sudo\", \"sshd\"]",
        "service = \"SSHD\"",
        "from = \"192.0.2.7\"",
        "from = [\"local\", \"2001:db8::/32\", \"192.0.2.0/24\"]",
        "user = \"alice\"\ngroup = \"staff\"\nservice = \"sshd\"\nfrom = \"192.0.0.0/16\"",
    ] {
        assert!(fits(keys), "{keys}");
    }
    for keys in [
        "user = \"Alice\"",
        "user = \"alice \"",
        "group = \"wheel\"",
        "service = \"ssh\"",
        "from = \"192.0.3.0/24\"",
        "from = \"local\"",
        "from = \"::/0\"",
        "user = \"alice\"\ngroup = \"staff\"\nservice = \"sudo\"\nfrom = \"192.0.0.0/16\"",
        "user = \"bob\"\ngroup = \"staff\"\nservice = \"sshd\"\nfrom = \"192.0.0.0/16\"",
    ] {
        assert!(!fits(keys), "{keys}");
    }
}

#[test]
fn local_is_what_is_proven_and_nothing_else() {
    let from = |place: Place, from: &str| {
        let text = format!("[[rule]]\nfrom = \"{from}\"\nthen = \"skip\"");
        fit(&rules(&text)[0], &Login { place, ..alice() })
    };
    assert_eq!(from(Place::Local, "local"), Fit::Fits);
    assert_eq!(from(Place::OtherAccount, "local"), Fit::Differs(Key::From));
    assert_eq!(from(Place::Address("127.0.0.1".parse().unwrap()), "local"), Fit::Differs(Key::From));
    assert_eq!(from(Place::Remote("x"), "local"), Fit::Differs(Key::From));
    assert_eq!(from(Place::Unknown("x"), "local"), Fit::Unknown(Key::From, "x".into()));
    for here in [Place::Local, Place::OtherAccount] {
        assert_eq!(from(here, "0.0.0.0/0"), Fit::Differs(Key::From));
    }
}

/// Everything that can be missing, and a rule of each key that is reached then.
fn gaps() -> Vec<(&'static str, Login)> {
    vec![
        ("user = \"alice\"", Login { name: Err("no answer"), ..alice() }),
        ("user = [\"alice\", \"bob\"]", Login { name: Err("no answer"), ..alice() }),
        ("group = \"wheel\"", Login { groups: Err("no answer"), ..alice() }),
        ("group = [\"wheel\", \"staff\"]", Login { groups: Err("no answer"), ..alice() }),
        ("service = \"sshd\"", Login { service: None, ..alice() }),
        ("from = \"local\"", Login { place: Place::Unknown("nothing is known"), ..alice() }),
        ("from = \"10.0.0.0/8\"", Login { place: Place::Unknown("nothing is known"), ..alice() }),
        ("from = \"::/0\"", Login { place: Place::Remote("no address"), ..alice() }),
        ("from = [\"local\", \"0.0.0.0/0\"]", Login { place: Place::Remote("no address"), ..alice() }),
        ("user = \"alice\"\ngroup = \"staff\"", Login { groups: Err("no answer"), ..alice() }),
        ("user = \"alice\"\nservice = \"sshd\"", Login { service: None, ..alice() }),
    ]
}

#[test]
fn what_cannot_be_evaluated_ends_the_search_and_never_skips() {
    for (keys, login) in gaps() {
        for (word, wanted) in [("require", Then::Require), ("skip", Then::Require), ("deny", Then::Deny)] {
            let text = format!("[[rule]]\n{keys}\nthen = \"{word}\"{SKIP_ALL}");
            let decision = decide(&rules(&text), &login);
            assert_eq!(decision.then, wanted, "{text}");
            assert!(matches!(decision.ground, Ground::Unknown { number: 1, line: 1, .. }), "{decision:?}");
            assert!(!decision.heeds_nullok(), "{text}");
            let words = decision.words().unwrap();
            assert!(words.contains("cannot be evaluated by") && words.contains(": "), "{words}");
        }
    }
}

#[test]
fn what_cannot_be_evaluated_does_not_matter_where_another_key_does_not_fit() {
    for (keys, login) in gaps() {
        let other = if keys.contains("user") { "" } else { "user = \"bob\"\n" };
        let other =
            if other.is_empty() && !keys.contains("from") { "from = \"10.0.0.0/8\"\n" } else { other };
        let text = format!("[[rule]]\n{other}{keys}\nthen = \"deny\"\n[[rule]]\nthen = \"skip\"");
        assert_eq!(then(&text, &login), Then::Skip, "{text}");
    }
}

#[test]
fn one_value_that_fits_outweighs_one_that_cannot_be_evaluated() {
    let local = Login { place: Place::Remote("no address"), ..alice() };
    assert_eq!(then("[[rule]]\nfrom = [\"10.0.0.0/8\"]\nthen = \"deny\"", &local), Then::Deny);
    struct Half;
    impl Facts for Half {
        fn is_user(&self, _: &str) -> Result<bool, String> {
            Ok(true)
        }
        fn is_member(&self, group: &str) -> Result<bool, String> {
            if group == "known" { Ok(true) } else { Err("no answer".into()) }
        }
        fn service(&self) -> Option<&str> {
            None
        }
        fn place(&self) -> &Place {
            &Place::Local
        }
    }
    for groups in ["[\"known\", \"lost\"]", "[\"lost\", \"known\"]"] {
        let rule = &rules(&format!("[[rule]]\ngroup = {groups}\nthen = \"skip\""))[0];
        assert_eq!(fit(rule, &Half), Fit::Fits, "{groups}");
    }
}

#[test]
fn a_rule_that_fits_says_for_how_long_a_code_is_remembered() {
    let remembered = |text: &str| decide(&rules(text), &alice()).remember;
    let whoever = "then = \"require\"\nremember = ";
    assert_eq!(remembered(&format!("[[rule]]\n{whoever}\"15m\"")), Some(900));
    assert_eq!(remembered(&format!("[[rule]]\n{whoever}\"1s\"")), Some(1));
    assert_eq!(remembered(&format!("[[rule]]\n{whoever}\"24h\"")), Some(86_400));
    assert_eq!(remembered(""), None);
    assert_eq!(remembered("[[rule]]\nthen = \"require\""), None);
    // The first rule that fits, and no other.
    assert_eq!(remembered(&format!("[[rule]]\nthen = \"require\"\n[[rule]]\n{whoever}\"15m\"")), None);
    assert_eq!(remembered(&format!("[[rule]]\nuser = \"bob\"\n{whoever}\"15m\"")), None);
}

#[test]
fn a_rule_that_cannot_be_evaluated_remembers_nothing() {
    for (keys, login) in gaps() {
        let text = format!("[[rule]]\n{keys}\nthen = \"require\"\nremember = \"15m\"{SKIP_ALL}");
        assert_eq!(decide(&rules(&text), &login).remember, None, "{text}");
    }
}

#[test]
fn nullok_is_heeded_wherever_a_code_is_required_by_what_is_established() {
    for (text, heeded) in
        [("", true), ("[[rule]]\nthen = \"require\"", true), ("[[rule]]\nthen = \"deny\"", false)]
    {
        assert_eq!(decide(&rules(text), &alice()).heeds_nullok(), heeded, "{text}");
    }
}

#[test]
fn a_rule_may_deny_that_decides_or_would_if_what_is_unknown_turned_out_so() {
    let known = "[[rule]]\nuser = \"alice\"\nthen = \"";
    let unknown = "[[rule]]\ngroup = \"staff\"\nthen = \"";
    let other = "[[rule]]\nuser = \"bob\"\nthen = \"";
    let login = Login { groups: Err("down"), ..alice() };
    for (lines, expected) in [
        (vec![], false),
        (vec![(known, "deny")], true),
        (vec![(other, "deny")], false),
        (vec![(known, "require"), (known, "deny")], false),
        (vec![(unknown, "deny"), (known, "skip")], true),
        (vec![(unknown, "skip"), (known, "deny")], true),
        (vec![(unknown, "require"), (known, "require"), (unknown, "deny")], false),
        (vec![(other, "require"), (unknown, "require"), (other, "deny")], false),
    ] {
        let text: String = lines.iter().map(|(keys, then)| format!("{keys}{then}\"\n")).collect();
        assert_eq!(may_deny(&rules(&text), &login), expected, "{text}");
    }
}

#[test]
fn a_rule_is_named_by_the_line_of_its_heading() {
    let text = "# one\n[login]\necho = true\n\n[[rule]]\n# why\nuser = \"git\"\nthen = \"skip\"\n\n  [[rule]]\nthen = \"deny\"\n";
    assert_eq!(rules(text).iter().map(|rule| rule.line).collect::<Vec<_>>(), [5, 10]);
    let inline = "rule = [{ then = \"skip\" },\n  { user = \"git\", then = \"deny\" }]\n";
    assert_eq!(rules(inline).iter().map(|rule| rule.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_mistake_in_a_rule_is_named_with_its_line_and_column() {
    let rows = [
        ("[[rule]]", "1:1", "missing field `then`"),
        ("[rule]\nthen = \"skip\"", "1:1", "expected an array of tables"),
        (
            "[[rule]]\nthen = \"allow\"",
            "2:8",
            "\"allow\" is unknown, expected \"require\", \"skip\" or \"deny\"",
        ),
        ("[[rule]]\nthen = true", "2:8", "expected a string"),
        ("[[rule]]\nthen = \"skip\"\nusers = \"git\"", "3:1", "unknown field `users`"),
        ("[[rule]]\nthen = \"skip\"\nremember = \"15m\"", "3:12", "only beside then = \"require\""),
        ("[[rule]]\nremember = \"15m\"\nthen = \"deny\"", "2:12", "only beside then = \"require\""),
        ("[[rule]]\nremember = \"15m\"", "1:1", "missing field `then`"),
        ("[[rule]]\nthen = \"require\"\nremember = \"0s\"", "3:12", "expected \"1s\" to \"24h\""),
        ("[[rule]]\nthen = \"require\"\nremember = \"86401s\"", "3:12", "86401 s is out of bounds"),
        ("[[rule]]\nthen = \"require\"\nremember = \"2d\"", "3:12", "expected \"1s\" to \"24h\""),
        ("[[rule]]\nthen = \"require\"\nremember = \"-1s\"", "3:12", "\"-1s\" is no duration"),
        ("[[rule]]\nthen = \"require\"\nremember = 900", "3:12", "expected a string"),
        ("[[rule]]\nthen = \"require\"\nremember = true", "3:12", "expected a string"),
        ("[[rule]]\nuser = []\nthen = \"skip\"", "2:8", "an empty array fits nobody"),
        ("[[rule]]\nuser = 7\nthen = \"skip\"", "2:8", "expected a string or an array of strings"),
        ("[[rule]]\nuser = [7]\nthen = \"skip\"", "2:8", "expected a string"),
        ("[[rule]]\nuser = \"\"\nthen = \"skip\"", "2:8", "\"\" is no name"),
        ("[[rule]]\nuser = \"a/b\"\nthen = \"skip\"", "2:8", "is no name"),
        ("[[rule]]\nuser = \"a\\nb\"\nthen = \"skip\"", "2:8", "is no name"),
        ("[[rule]]\ngroup = \"!staff\"\nthen = \"skip\"", "2:9", "put a rule of its own before this one"),
        ("[[rule]]\ngroup = [\"a\", \"%wheel\"]\nthen = \"skip\"", "2:9", "put a rule of its own before"),
        ("[[rule]]\nuser = \"*\"\nthen = \"skip\"", "2:8", "is no name"),
        ("[[rule]]\nservice = \"*\"\nthen = \"skip\"", "2:11", "is no name"),
        ("[[rule]]\nservice = \"/etc/pam.d/sshd\"\nthen = \"skip\"", "2:11", "is no service"),
        ("[[rule]]\nfrom = \"example.org\"\nthen = \"skip\"", "2:8", "\"example.org\" is no network"),
        ("[[rule]]\nfrom = \"10.0.0.1/8\"\nthen = \"skip\"", "2:8", "expected \"10.0.0.0/8\""),
        ("[[rule]]\nfrom = \"::ffff:10.0.0.0/104\"\nthen = \"skip\"", "2:8", "write it as IPv4"),
        ("[[rule]]\nfrom = [\"local\", \"\"]\nthen = \"skip\"", "2:8", "\"\" is no network"),
        ("[[rule]]\nthen = \"skip\"\n[[rule]]\nthen = \"skipp\"", "4:8", "\"skipp\" is unknown"),
    ];
    for (text, place, message) in rows {
        let error = parse(Path::new("/x.toml"), text).map(|_| ()).expect_err(text).to_string();
        assert!(error.starts_with(&format!("/x.toml:{place}: ")), "{text:?} gave {error}");
        assert!(error.contains(message) && !error.contains('\n'), "{text:?} gave {error}");
    }
}
