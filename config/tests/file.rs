//! The settings file: what is read, and what is refused with its place.

#![allow(clippy::unwrap_used, clippy::panic)]

use config::rules::{Rule, Then};
use config::{ConfigError, Settings, Unenrolled, load, parse};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SHIPPED: &str = include_str!("../pam_totp.toml");

/// Where the rule that the shipped file shows begins: there is none by default.
const RULE: &str = "\n#[[rule]]\n";

fn read(text: &str) -> Result<Settings, ConfigError> {
    parse(Path::new("/etc/security/pam_totp.toml"), text)
}

#[test]
fn the_shipped_file_is_the_defaults() {
    let defaults = format!("{:?}", Settings::default());
    assert_eq!(format!("{:?}", read(SHIPPED).unwrap()), defaults);
}

#[test]
fn every_commented_key_of_the_shipped_file_shows_its_default() {
    // All keys at once, so that a value which is no default, or a key that does not exist, is found.
    let (defaults, _) = SHIPPED.split_once(RULE).unwrap();
    let uncommented: String = defaults
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') || rest.starts_with("    ") => rest,
            _ => line,
        })
        .filter(|line| !["issuer", "id ", "skip_until"].iter().any(|key| line.starts_with(key)))
        .map(|line| format!("{line}\n"))
        .collect();
    let settings = read(&uncommented).unwrap_or_else(|error| panic!("{error}\n{uncommented}"));
    assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    assert!(uncommented.contains("\nfail_delay"), "{uncommented}");
}

#[test]
fn the_rule_that_the_shipped_file_shows_has_every_key() {
    let (_, rule) = SHIPPED.split_once(RULE).unwrap();
    let keys = rule.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
    let text = format!("[[rule]]\n{}\n", keys.collect::<Vec<_>>().join("\n"));
    // One of them stands beside another `then` alone, as is said there.
    let remembering = text.replace("\"skip\"", "\"require\"");
    assert_eq!(read(&remembering).unwrap().rules[0].remember, Some(900));
    let text = text.replace("remember = \"15m\"\n", "");
    let settings = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let [Rule { users, groups, services, from, then, .. }] = &settings.rules[..] else { panic!("{text}") };
    assert!(users.is_some() && groups.is_some() && services.is_some() && from.is_some());
    assert_eq!(*then, Then::Skip);
}

#[test]
fn every_key_is_read() {
    let text = r#"
        issuer = "example.org"
        [store]
        directory = "/srv/totp"
        id = "0123456789abcdef0123456789abcdef"
        [new_tokens]
        algorithm = "SHA256"
        digits = 8
        period = "1m"
        [accept]
        window = 2
        look_ahead = 20
        drift = 0
        resync = 1000
        [throttle]
        free_failures = 3
        first_delay = "10s"
        longest_delay = "5m"
        yearly_risk = 0.0005
        [login]
        unenrolled = "skip"
        skip_until = 2027-01-31
        local_services = ["su"]
        prompt = "Code: "
        echo = true
        hints = true
        fail_delay = "0s"
        [backup_codes]
        count = 0
        [daemon]
        checkers = [{ uid = 26, service = "postgresql" }, { uid = 33, service = "www-data_1.x" }]
    "#;
    let settings = read(text).unwrap();
    assert_eq!(settings.issuer.as_deref(), Some("example.org"));
    assert_eq!(settings.store.directory, Path::new("/srv/totp"));
    assert_eq!(settings.new_tokens.period.seconds(), 60);
    assert_eq!(settings.login.unenrolled, Unenrolled::Skip);
    assert_eq!(settings.login.skip_until.unwrap().0, 1_801_353_600);
    assert_eq!(settings.policy().throttle.yearly_risk.0, 500_000_000_000_000);
    assert_eq!((settings.policy().drift, settings.policy().resync), (0, 1000));
    assert!(settings.login.echo && settings.login.hints);
    assert_eq!(settings.backup_codes.count, 0);
    let checkers = settings.daemon.checkers.iter().map(|checker| (checker.uid, checker.service.as_str()));
    assert_eq!(checkers.collect::<Vec<_>>(), [(26, "postgresql"), (33, "www-data_1.x")]);
}

#[test]
fn a_mistake_is_named_with_its_line_and_column() {
    let rows = [
        ("isuer = \"x\"", "1:1", "unknown field `isuer`"),
        ("\n[login]\nunenroled = \"skip\"", "3:1", "unknown field `unenroled`"),
        ("[login]\nunenrolled = \"maybe\"", "2:14", "\"maybe\" is unknown"),
        ("[new_tokens]\ndigits = 9", "2:10", "9 is out of bounds, expected 6 to 8"),
        ("[new_tokens]\nperiod = \"10s\"", "2:10", "a period of 10 s is out of bounds"),
        ("[new_tokens]\nperiod = 30", "2:10", "expected a string"),
        ("[new_tokens]\nalgorithm = \"md5\"", "2:13", "\"md5\" is no algorithm"),
        ("[store]\ndirectory = \"totp\"", "2:13", "expected an absolute path"),
        ("[store]\ndirectory = \"/srv/../x\"", "2:13", "expected an absolute path"),
        ("[store]\nid = \"XYZ\"", "2:6", "expected the id"),
        ("[accept]\nwindow = -1", "2:10", "-1 is out of bounds"),
        ("[accept]\nwindow = 11", "2:10", "11 is out of bounds"),
        ("[accept]\ndrift = 21", "2:9", "21 is out of bounds"),
        ("[accept]\nresync = 1001", "2:10", "1001 is out of bounds"),
        ("[throttle]\nyearly_risk = 1.0", "2:15", "1.0 is out of bounds"),
        ("[throttle]\nfirst_delay = \"soon\"", "2:15", "\"soon\" is no duration"),
        ("[login]\nskip_until = \"soon\"", "2:14", "expected"),
        ("[login]\nskip_until = 10:00:00", "2:14", "expected a date"),
        ("[login]\nprompt = \"a\\nb\"", "2:10", "without control characters"),
        ("[login]\nprompt = \"\"", "2:10", "1 to 200 bytes"),
        ("[login]\nfail_delay = \"1h\"", "2:14", "3600 s is out of bounds"),
        ("[backup_codes]\ncount = 101", "2:9", "101 is out of bounds"),
        ("[login]\necho = 1", "2:8", "expected a boolean"),
        ("[daemon]\ncheckers = 26", "2:12", "expected an array of tables"),
        ("[daemon]\ncheckers = [26]", "2:13", "expected a table"),
        ("[daemon]\ncheckers = [{ uid = 26 }]", "2:13", "missing field `service`"),
        ("[daemon]\ncheckers = [{ service = \"x\" }]", "2:13", "missing field `uid`"),
        ("[daemon]\ncheckers = [{ uid = \"postgres\", service = \"x\" }]", "2:21", "expected a whole number"),
        ("[daemon]\ncheckers = [{ uid = 0, service = \"x\" }]", "2:21", "uid 0 cannot be given this"),
        ("[daemon]\ncheckers = [{ uid = 65534, service = \"x\" }]", "2:21", "cannot be given this"),
        ("[daemon]\ncheckers = [{ uid = 4294967295, service = \"x\" }]", "2:21", "cannot be given this"),
        ("[daemon]\ncheckers = [{ uid = 4294967296, service = \"x\" }]", "2:21", "out of bounds"),
        ("[daemon]\ncheckers = [{ uid = -26, service = \"x\" }]", "2:21", "out of bounds"),
        ("[daemon]\ncheckers = [{ uid = 26, service = \"\" }]", "2:35", "expected 1 to 64 of"),
        ("[daemon]\ncheckers = [{ uid = 26, service = \"a b\" }]", "2:35", "expected 1 to 64 of"),
        ("[daemon]\ncheckers = [{ uid = 26, service = \"x\", lane = 1 }]", "2:40", "unknown field `lane`"),
        (
            "[daemon]\ncheckers = [{ uid = 26, service = \"x\" },\n{ uid = 26, service = \"y\" }]",
            "3:9",
            "uid 26 stands here twice",
        ),
        ("[login\necho = true", "1:7", ""),
        ("é = 1", "1:1", ""),
        ("[[rules]]\nthen = \"skip\"", "1:3", "unknown field `rules`"),
    ];
    for (text, place, message) in rows {
        let error = read(text).map(|_| ()).expect_err(text).to_string();
        let start = format!("/etc/security/pam_totp.toml:{place}: ");
        assert!(error.starts_with(&start), "{text:?} gave {error}");
        assert!(error.contains(message), "{text:?} gave {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pam_totp.toml");
    std::fs::write(&path, "").unwrap();
    assert!(load(Some(&path)).is_ok());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    assert!(matches!(load(Some(&path)), Err(ConfigError::Unsafe(..))));
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(load(Some(&folder.path().join("none"))), Err(ConfigError::Missing(_))));
}

#[test]
fn a_folder_a_fifo_and_an_endless_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let long = folder.path().join("long");
    std::fs::write(&long, "#".repeat(70_000)).unwrap();
    std::fs::set_permissions(&long, std::fs::Permissions::from_mode(0o600)).unwrap();
    for path in [folder.path(), &fifo, &long, Path::new("/dev/zero")] {
        let error = load(Some(path)).map(|_| ()).expect_err("refused");
        assert!(matches!(error, ConfigError::Unsafe(..) | ConfigError::Io(..)), "{error}");
    }
}
