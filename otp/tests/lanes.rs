//! Which network a PAM_RHOST names: a network too many would let strangers into the owner's lane.

#![allow(clippy::unwrap_used)]
mod common;

use common::network;
use otp::{Delay, Known, Lane, Ledger, Network, NetworkKey, Origin, source_address};

fn v4(a: u8, b: u8, c: u8) -> Option<Network> {
    Some(Network::V4([a, b, c]))
}

fn v6(prefix: [u16; 4]) -> Option<Network> {
    let mut bytes = [0; 8];
    for (to, from) in bytes.chunks_exact_mut(2).zip(prefix) {
        to.copy_from_slice(&from.to_be_bytes());
    }
    Some(Network::V6(bytes))
}

#[test]
fn a_remote_host_names_one_network_or_none() {
    let documentation = v6([0x2001, 0xdb8, 1, 2]);
    let table = [
        // IPv4, bare and dressed.
        ("192.0.2.1", v4(192, 0, 2)),
        ("192.0.2.255", v4(192, 0, 2)),
        ("192.0.3.1", v4(192, 0, 3)),
        ("10.1.2.3", v4(10, 1, 2)),
        ("192.168.1.10", v4(192, 168, 1)),
        ("100.64.0.1", v4(100, 64, 0)),
        ("192.0.2.1:22", v4(192, 0, 2)),
        ("192.0.2.1:65535", v4(192, 0, 2)),
        ("[192.0.2.1]", v4(192, 0, 2)),
        ("[192.0.2.1]:2222", v4(192, 0, 2)),
        // IPv6, bare and dressed.
        ("2001:db8:1:2::1", documentation),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", documentation),
        ("2001:DB8:1:2::A", documentation),
        ("2001:0db8:0001:0002:0000:0000:0000:0001", documentation),
        ("2001:db8:1:3::1", v6([0x2001, 0xdb8, 1, 3])),
        ("[2001:db8:1:2::1]", documentation),
        ("[2001:db8:1:2::1]:22", documentation),
        ("2001:db8:1:2::1%eth0", documentation),
        ("[2001:db8:1:2::1%eth0]:22", documentation),
        ("fd00:1:2:3::4", v6([0xfd00, 1, 2, 3])),
        ("2002:c000:201::1", v6([0x2002, 0xc000, 0x201, 0])),
        // IPv4 inside IPv6.
        ("::ffff:192.0.2.1", v4(192, 0, 2)),
        ("::FFFF:C000:0201", v4(192, 0, 2)),
        ("[::ffff:192.0.2.1]:22", v4(192, 0, 2)),
        ("::192.0.2.1", v4(192, 0, 2)),
        ("64:ff9b::192.0.2.1", v4(192, 0, 2)),
        ("64:ff9b::c000:201", v4(192, 0, 2)),
        ("::ffff:10.0.0.1", v4(10, 0, 0)),
        ("64:ff9b::10.0.0.1", v4(10, 0, 0)),
        ("::ffff:127.0.0.1", None),
        ("::ffff:169.254.1.1", None),
        ("::ffff:0.0.0.0", None),
        ("64:ff9b::127.0.0.1", None),
        ("64:ff9b::", None),
        // One /64 for everybody behind a translator or relay.
        ("::ffff:0:192.0.2.1", None),
        ("64:ff9b:1::192.0.2.1", None),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", None),
        // Loopback, link-local, unspecified, multicast, broadcast.
        ("127.0.0.1", None),
        ("127.1.2.3", None),
        ("::1", None),
        ("[::1]:22", None),
        ("169.254.10.1", None),
        ("fe80::1", None),
        ("fe80::1%eth0", None),
        ("febf::1", None),
        ("0.0.0.0", None),
        ("0.1.2.3", None),
        ("::", None),
        ("224.0.0.1", None),
        ("239.255.255.250", None),
        ("ff02::1", None),
        ("255.255.255.255", None),
        // Names and nothing.
        ("", None),
        (" ", None),
        ("UNKNOWN", None),
        ("unknown", None),
        ("localhost", None),
        ("gateway.example.org", None),
        ("host.example.org:22", None),
        ("192.0.2.1.example.org", None),
        // Almost addresses.
        (" 192.0.2.1", None),
        ("192.0.2.1 ", None),
        ("192.0.2.1\n", None),
        ("192.0.2.1\0", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("192.0.2.01", None),
        ("0300.0.2.1", None),
        ("0xc0.0.2.1", None),
        ("3221225985", None),
        ("192.0.2.1/24", None),
        ("192.0.2.1%eth0", None),
        ("192.0.2.1,198.51.100.1", None),
        ("192.0.2.1:", None),
        ("192.0.2.1:ssh", None),
        ("192.0.2.1:65536", None),
        ("192.0.2.1:22:22", None),
        (":22", None),
        ("[192.0.2.1", None),
        ("192.0.2.1]", None),
        ("[]", None),
        ("[]:22", None),
        ("[2001:db8:1:2::1]22", None),
        ("[2001:db8:1:2::1]:", None),
        ("[[2001:db8:1:2::1]]", None),
        ("2001:db8:1:2", None),
        ("2001:db8::1::2", None),
        ("2001:db8:1:2:3:4:5:6:7", None),
        ("12345::1", None),
        (":", None),
        ("%eth0", None),
        ("ü", None),
        ("١٩٢.0.2.1", None),
    ];
    for (rhost, wanted) in table {
        assert_eq!(Network::of_rhost(rhost), wanted, "{rhost:?}");
    }
}

#[test]
fn an_address_is_read_without_what_stands_around_it_and_a_name_is_none() {
    for (rhost, address) in [
        ("192.0.2.1:22", Some("192.0.2.1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("[2001:db8::1%eth0]:22", Some("2001:db8::1")),
        ("::1", Some("::1")),
        ("web1", None),
    ] {
        assert_eq!(source_address(rhost), address.map(|text| text.parse().unwrap()), "{rhost}");
    }
}

#[test]
fn three_hundred_bytes_name_no_network() {
    for filling in ["a", "1", ":", "[", "1.", "::", "ü"] {
        assert_eq!(Network::of_rhost(&filling.repeat(300)), None, "{filling}");
    }
    assert_eq!(Network::of_rhost(&format!("2001:db8::1%{}", "e".repeat(300))), v6([0x2001, 0xdb8, 0, 0]));
}

#[test]
fn a_network_is_kept_under_the_key_of_its_store() {
    let home = Network::of_rhost("192.0.2.1").unwrap();
    assert_eq!(home.key(&[1; 32]), home.key(&[1; 32]));
    assert_ne!(home.key(&[1; 32]), home.key(&[2; 32]));
    let v4 = Network::V4([1, 2, 3]);
    let v6 = Network::V6([1, 2, 3, 0, 0, 0, 0, 0]);
    assert_ne!(v4.key(&[1; 32]), v6.key(&[1; 32]));
}

#[test]
fn only_a_learned_network_has_a_lane_of_its_own() {
    let home = network("192.0.2.1");
    let other = NetworkKey([9; 16]);
    let known = [other, home].map(|network| Known { network, delay: Delay::default() });
    let ledger = Ledger { known: known.to_vec(), ..Ledger::default() };
    assert_eq!(Lane::of(Origin::Network(home), &ledger), Lane::Known(1));
    assert_eq!(Lane::of(Origin::Network(network("192.0.2.77")), &ledger), Lane::Known(1));
    assert_eq!(Lane::of(Origin::Network(network("192.0.3.1")), &ledger), Lane::Strangers);
    assert_eq!(Lane::of(Origin::Stranger, &ledger), Lane::Strangers);
    assert_eq!(Lane::of(Origin::Console, &ledger), Lane::Console);
    assert_eq!(Lane::of(Origin::Owner, &ledger), Lane::Console);
    assert_eq!(Lane::of(Origin::Others, &ledger), Lane::Others);
    assert_eq!(Lane::of(Origin::Service, &ledger), Lane::Services);
}
