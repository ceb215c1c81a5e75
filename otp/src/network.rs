//! Which network a remote login comes from, as far as an address says so.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network a person may become known from: an IPv4 /24 or an IPv6 /64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Network {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The first eight bytes of an IPv6 address.
    V6([u8; 8]),
}

/// A network under the store's random key, so that a ledger tells nobody where its owner lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NetworkKey(pub [u8; 16]);

impl Network {
    /// The network of a `PAM_RHOST`. `None` for whatever names no network that could be learned: host
    /// names, `UNKNOWN`, loopback, link-local, unspecified, multicast, and addresses of which everybody
    /// behind a translator or relay shares the /64.
    ///
    /// Brackets, a port and a scope are stripped; IPv4 inside IPv6 (`::ffff:a.b.c.d`, `::a.b.c.d`) and
    /// NAT64 (`64:ff9b::/96`, RFC 6052) are mapped to the IPv4 address first.
    #[must_use]
    pub fn of_rhost(rhost: &str) -> Option<Self> {
        match address(rhost)? {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => match embedded_v4(v6) {
                Some(v4) => of_v4(v4),
                None => of_v6(v6),
            },
        }
    }

    /// Its name in a ledger: HMAC-SHA-256 under the store's key, the first 16 bytes.
    #[must_use]
    pub fn key(self, store_key: &[u8; 32]) -> NetworkKey {
        let mut key = [0u8; 16];
        // HMAC takes a key of any length, so the else-branch is never taken.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(store_key) {
            match self {
                Self::V4(prefix) => {
                    mac.update(b"4");
                    mac.update(&prefix);
                }
                Self::V6(prefix) => {
                    mac.update(b"6");
                    mac.update(&prefix);
                }
            }
            for (to, from) in key.iter_mut().zip(mac.finalize().into_bytes()) {
                *to = from;
            }
        }
        NetworkKey(key)
    }
}

/// The address in a `PAM_RHOST`, if it is one: without brackets, port or scope, and as IPv4 where it is IPv4
/// mapped into IPv6 (`::ffff:a.b.c.d`), as a socket for both has it. A name is never resolved. Other ways to
/// write IPv4 inside IPv6 stay what they are: anybody with an IPv6 address may come by one.
#[must_use]
pub fn source_address(rhost: &str) -> Option<IpAddr> {
    address(rhost).map(|address| address.to_canonical())
}

/// The address in `rhost`, without brackets, port or scope.
fn address(rhost: &str) -> Option<IpAddr> {
    let host = match rhost.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            if !after.is_empty() && !is_port(after) {
                return None;
            }
            inside
        }
        None => match rhost.split_once(':') {
            // One colon alone is a port; more are an IPv6 address.
            Some((host, port)) if !port.contains(':') => {
                if !is_port(&rhost[host.len()..]) {
                    return None;
                }
                host
            }
            _ => rhost,
        },
    };
    match host.split_once('%') {
        // Only IPv6 has scopes (RFC 4007).
        Some((address, _scope)) => address.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    // `::` and `::1` are read as 0.0.0.0 and 0.0.0.1, which name no network either.
    let [.., a, b, c, d] = v6.octets();
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

fn of_v4(v4: Ipv4Addr) -> Option<Network> {
    let [a, b, c, _] = v4.octets();
    let unusable = v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || a == 0;
    (!unusable).then_some(Network::V4([a, b, c]))
}

fn of_v6(v6: Ipv6Addr) -> Option<Network> {
    // One /64 for the whole IPv4 internet, so that a stranger would stand in the owner's lane: below ::/64
    // (loopback and unspecified too), NAT64 under the local prefix (RFC 8215), Teredo (RFC 4380).
    let shared = matches!(v6.segments(), [0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..]);
    let unusable = shared || v6.is_multicast() || v6.is_unicast_link_local();
    let [a, b, c, d, e, f, g, h, ..] = v6.octets();
    (!unusable).then_some(Network::V6([a, b, c, d, e, f, g, h]))
}
