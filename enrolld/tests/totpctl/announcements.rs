//! Changes that are told at logins: what an administrator sees of them.

use crate::bench::{Bench, NOW, phone};
use serde_json::{Value, json};

fn add(bench: &Bench, name: &str) -> Value {
    bench.enroll(&["--add", "--token", name])
}

#[test]
fn status_tells_each_change_since_the_first_and_until_when_it_is_told() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    add(&bench, "fob");
    bench.set_clock(NOW + 60);
    bench.run(["backup-codes", &bench.user, "--yes", "--json"]).json();
    let row = |what: &str, token: Value, at: &str, until: &str| json!({ "what": what, "token": token, "at": at, "by_root": true, "until": until, "acknowledged": false });
    let rows = [
        row("added", json!("fob"), "2027-01-15T08:00:00Z", "2027-01-22T08:00:00Z"),
        row("backup-codes", Value::Null, "2027-01-15T08:01:00Z", "2027-01-22T08:01:00Z"),
    ];
    assert_eq!(bench.status()["announcements"], json!(rows));
    let page = bench.run(["status", &bench.user]).done().out;
    let lines = "\nToken fob was added on 2027-01-15 08:00 UTC by an administrator. Told at each login until \
                 2027-01-22 08:00:00 UTC.\nThe backup codes were changed on 2027-01-15 08:01 UTC by an \
                 administrator. Told";
    assert!(page.contains(lines), "{page}");
    bench.set_clock(NOW + 7 * 86_400 + 30);
    assert_eq!(bench.status()["announcements"], json!(rows[1..]), "the other is over");
}

#[test]
fn verify_is_no_login_and_acknowledges_nothing() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let secret = add(&bench, "fob")["secret"].as_str().unwrap().to_owned();
    let ran = bench.verify(phone(&secret, NOW)).done();
    assert_eq!(ran.out, "accepted: a code of token fob\n");
    assert_eq!(bench.status()["announcements"][0]["acknowledged"], false);
}
