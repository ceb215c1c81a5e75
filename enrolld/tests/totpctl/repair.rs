//! What broke, and what is done about it.

use crate::bench::{Bench, NOW, phone};
use serde_json::{Value, json};
use std::fs;

/// No account has this uid.
const GONE: u32 = 3_999_999_999;

fn of<'a>(list: &'a Value, user: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|person| person["user"] == user).unwrap_or_else(|| panic!("{list}"))
}

#[test]
fn one_broken_file_hides_nobody_else() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.copy_to(GONE, "somebody");
    bench.copy_to(GONE + 1, "other");
    fs::write(bench.person(GONE).join("enrollment.toml"), "secret = \"JVQWWZJANF\"\n").unwrap();
    let list = bench.run(["list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 3);
    let broken = of(&list, &GONE.to_string());
    assert_eq!(broken["enrolled"], json!(null), "what cannot be read is not \"not enrolled\"");
    assert!(broken["warnings"][0].as_str().unwrap().contains("enrollment.toml:"), "{broken}");
    assert_eq!(of(&list, &bench.user)["enrolled"], json!(true));
    let table = bench.run(["list"]).done().out;
    assert!(table.contains("unreadable") && !table.contains("JVQW"), "{table}");
    bench.run(["status", &GONE.to_string()]).refused("cannot be read\nhint: put it back from a backup");
}

#[test]
fn an_account_that_is_gone_is_listed_by_uid_and_can_be_taken_away() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.copy_to(GONE, "somebody");
    let list = bench.run(["list", "--json"]).json();
    let gone = of(&list, &GONE.to_string());
    assert_eq!(gone["enrolled"], json!(true));
    let warnings = gone["warnings"].to_string();
    assert!(
        warnings.contains(&format!("no account has uid {GONE} any more: totpctl revoke {GONE}")),
        "{warnings}"
    );
    bench.run(["status", &GONE.to_string()]).done();
    bench.run(["status", "somebody"]).refused(&format!("hint: uid {GONE} was enrolled under this name"));
    bench.run(["revoke", &GONE.to_string(), "--yes"]).done();
    assert_eq!(bench.run(["list", "--json"]).json().as_array().unwrap().len(), 1);
    let own = bench.uid.to_string();
    bench.run(["revoke", &own, "--yes"]).refused(&format!("hint: uid {own} is {}", bench.user));
}

#[test]
fn a_renamed_account_is_refused_until_it_is_adopted() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let code = phone(printed["secret"].as_str().unwrap(), NOW);
    bench.edit(bench.uid, &format!("account = {:?}", bench.user), "account = \"former-name\"");
    let hint =
        format!("if this is the same person: totpctl adopt {0}; if not: totpctl revoke {0}", bench.user);
    bench.verify(&code).refused("was enrolled as \"former-name\"").refused(&format!("hint: {hint}"));
    assert!(bench.status()["warnings"][0].as_str().unwrap().ends_with(&hint));
    for more in [["enroll", "--no-confirm", "--add", "--token=x"].as_slice(), &["backup-codes", "--yes"]] {
        bench.run(more.iter().chain(&[bench.user.as_str()])).refused("was enrolled as");
    }
    let said = bench.run(["adopt", &bench.user]).done().out;
    assert_eq!(said, format!("{}: took over what was enrolled as former-name\n", bench.user));
    bench.verify(&code).done();
    let again = bench.run(["adopt", &bench.user]).done().out;
    assert!(again.ends_with("nothing to adopt\n"), "{again}");
}

#[test]
fn a_lost_ledger_is_repaired_and_its_backup_codes_are_void() {
    let mut bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let secret = printed["secret"].as_str().unwrap();
    for entry in fs::read_dir(bench.person(bench.uid)).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("ledger.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let hint = format!("hint: repair it with: totpctl unlock {}", bench.user);
    bench.verify(phone(secret, NOW)).refused("the ledger is missing").refused(&hint);
    assert!(bench.status()["warnings"][0].as_str().unwrap().contains("totpctl unlock"));
    let said = bench.run(["unlock", &bench.user]).done().out;
    assert!(said.contains("the ledger was damaged and is repaired"), "{said}");
    assert!(said.contains(&format!("all are void: totpctl backup-codes {}\n", bench.user)), "{said}");
    bench.verify(phone(secret, NOW)).refused("was used before");
    bench.verify(printed["backup_codes"][0].as_str().unwrap()).refused("there is no set");
    assert!(said.contains("that takes at most 6 minutes"), "{said}");
    bench.set_clock(NOW + 360);
    bench.verify(phone(secret, NOW + 360)).done();
}

#[test]
fn a_store_in_foreign_hands_is_refused_with_its_fault() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.enroll(&[]);
    let file = bench.person(bench.uid).join("enrollment.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    bench.run(["status", &bench.user]).refused("enrollment.toml: open to group or others");
    bench
        .run(["enroll", &bench.user, "--replace", "--yes", "--no-confirm"])
        .refused("open to group or others");
    assert_eq!(bench.run(["list", "--json"]).json()[0]["enrolled"], json!(null));
}
