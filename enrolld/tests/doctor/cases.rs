//! What went wrong for people, and what the doctor says about it now.

use crate::stacks::{command, examine, found};

fn ids(name: &str) -> Vec<String> {
    found(&examine(name, &[]).0)
}

#[test]
fn nullok_alone_lets_nobody_in_and_a_sufficient_permit_is_no_remedy() {
    assert_eq!(ids("nullok_is_the_only_answer"), ["vpn nothing-says-yes"]);
    assert_eq!(ids("sufficient_permit_behind_us"), ["vpn asks-nothing", "vpn permit-after"]);
    assert_eq!(ids("note_nullok_and_a_required_permit"), ["vpn asks-nothing"]);
    // sshd asks for a key before that, or is found.
    assert_eq!(ids("healthy_sshd_robots_by_a_rule"), [""; 0]);
}

#[test]
fn another_module_passes_our_line_by_sufficient_or_by_a_jump() {
    let (value, _) = examine("faillock_sufficient_before_us", &[]);
    let finding = &value["findings"][0];
    assert_eq!(
        (finding["id"].as_str(), finding["place"].as_str()),
        (Some("skipped"), Some("/etc/pam.d/door:3"))
    );
    let (value, _) = examine("duo_jumps_over_our_line", &[]);
    let finding = &value["findings"][0];
    assert_eq!(
        (finding["id"].as_str(), finding["place"].as_str()),
        (Some("jumped-over"), Some("/etc/pam.d/door:2"))
    );
}

#[test]
fn the_first_prompt_gets_the_saved_password() {
    let (value, status) = examine("code_before_the_password", &[]);
    let finding = &value["findings"][0];
    assert_eq!((finding["id"].as_str(), status), (Some("code-first"), Some(1)));
    assert!(finding["why"].as_str().unwrap().contains("WinSCP"), "who breaks is named: {finding}");
}

#[test]
fn su_asks_and_su_dash_does_not_whichever_is_looked_at() {
    for (fixture, service, lacking) in
        [("su_l_lacks_the_line", "su", "su-l"), ("sudo_i_lacks_the_line", "sudo", "sudo-i")]
    {
        let (value, status) = examine(fixture, &["--service", service]);
        assert_eq!((found(&value), status), (vec![format!("{lacking} sibling")], Some(1)));
    }
    // Debian's su-l includes su, and Fedora's sudo-i sudo.
    assert_eq!(ids("healthy_debian_su_which_su_l_includes"), [""; 0]);
}

#[test]
fn the_module_is_gone_and_the_line_left() {
    let (value, _) = examine("module_is_gone_and_the_line_left", &[]);
    let missing =
        value["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == "module-missing");
    let missing = missing.unwrap();
    assert_eq!(missing["place"], "/etc/pam.d/door:2");
    assert_eq!(missing["what"], "/lib/security/pam_totp.so is not there");
}

#[test]
fn a_service_that_is_asked_about_and_has_no_line_is_a_fault() {
    let (value, status) = examine("healthy_fedora", &["--service", "su"]);
    assert_eq!((found(&value), status), (vec!["su no-line".to_owned()], Some(1)));
}

#[test]
fn before_a_line_is_written_its_reach_and_what_each_program_can_do_are_told() {
    let (value, status) = examine("reach", &["--before", "common-auth"]);
    assert_eq!(status, Some(0));
    let reached: Vec<_> = value["reaches"].as_array().unwrap().iter().collect();
    let told: Vec<_> = reached
        .iter()
        .map(|one| (one["service"].as_str().unwrap(), one["class"].as_str().unwrap()))
        .collect();
    let expected = [
        ("cron", "no-conversation"),
        ("i3lock", "single-answer"),
        ("lightdm-autologin", "not-reached"),
        ("our-own-tool", "unknown"),
        ("sshd", "several-prompts"),
        ("vsftpd", "single-answer"),
    ];
    assert_eq!(told, expected);
    assert!(reached[4]["advice"].as_str().unwrap().contains("auth required pam_totp.so"));
    let (value, _) = examine("reach", &["--before", "vsftpd"]);
    assert_eq!(value["reaches"].as_array().unwrap().len(), 1);
}

#[test]
fn a_person_reads_what_is_so_where_why_and_what_to_write() {
    let page = |arguments: &[&str]| {
        let output = command("sufficient_password_before_us").args(arguments).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (told, _) = page(&[]);
    let first = "fault: door, /etc/pam.d/door:1: sufficient pam_unix.so lets logins past our line at /etc/pam.d/door:2 \
                 [skipped]\n  why: the stack ends before our line: no code is asked for\n  fix: write requisite";
    assert!(told.contains(first), "{told}");
    assert!(told.ends_with("\nservices that ask for a code: door\n2 faults\n"), "{told}");
    let (told, _) = page(&["--before", "door"]);
    assert!(
        told.starts_with("a line in door reaches:\n  door: not known, asks for a code already\n"),
        "{told}"
    );
    let (_, complaint) = page(&["--before", "dor"]);
    assert!(complaint.contains("no such file in pam.d: \"dor\""), "{complaint}");
}
