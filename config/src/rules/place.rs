//! Where a login comes from, as far as it is established.

use otp::source_address;
use std::net::IpAddr;

/// Where a login comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Proven local: no remote host, a local service, and root or the account itself calls.
    Local,
    /// Another account of this machine calls: neither local, as the console is, nor from any network.
    OtherAccount,
    /// This address.
    Address(IpAddr),
    /// A remote host, of which no address is established, for this reason. So it is not local.
    Remote(&'static str),
    /// Nothing is established, for this reason.
    Unknown(&'static str),
}

impl Place {
    /// The place of a login whose service names this `PAM_RHOST` and, as sshd does, this `SSH_CONNECTION` in
    /// PAM's environment: `client port server port`. `None` if it names neither.
    ///
    /// With `UseDNS yes` sshd's `PAM_RHOST` is a name, which whoever owns the reverse zone may choose; it is
    /// never resolved.
    #[must_use]
    pub fn named(rhost: Option<&str>, connection: Option<&str>) -> Option<Self> {
        let connection = connection.map(|text| text.split(' ').next().and_then(source_address));
        let host = rhost.map(source_address);
        Some(match (host, connection) {
            (None, None) => return None,
            // sshd names both. Elsewhere pam_env(8) may have read this from a file of the user's own.
            // So it may come from near or far, and no rule that goes by that is one to pass over.
            (None, Some(_)) => Self::Unknown("SSH_CONNECTION without PAM_RHOST is not sshd's"),
            (Some(Some(one)), Some(Some(other))) if one != other => {
                Self::Remote("PAM_RHOST and SSH_CONNECTION are not the same address")
            }
            (Some(_), Some(None)) => Self::Remote("SSH_CONNECTION holds no address"),
            (Some(_), Some(Some(address))) | (Some(Some(address)), None) => Self::Address(address),
            (Some(None), None) if rhost == Some("") => Self::Unknown("the remote host is named, and empty"),
            (Some(None), None) => Self::Remote("the remote host is named by no address"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(rhost: Option<&str>, connection: Option<&str>) -> Option<Place> {
        Place::named(rhost, connection)
    }

    fn address(text: &str) -> Option<Place> {
        Some(Place::Address(text.parse().unwrap()))
    }

    #[test]
    fn an_address_is_read_from_either_and_no_name_is_resolved() {
        let connection = Some("192.0.2.7 50022 198.51.100.1 22");
        assert_eq!(named(None, None), None);
        assert_eq!(named(Some("192.0.2.7"), None), address("192.0.2.7"));
        assert_eq!(named(Some("::ffff:192.0.2.7"), None), address("192.0.2.7"));
        assert_eq!(named(Some("[2001:db8::7]:22"), None), address("2001:db8::7"));
        assert_eq!(named(Some("fe80::7%eth0"), None), address("fe80::7"));
        assert_eq!(named(Some("home.example.org"), connection), address("192.0.2.7"));
        assert_eq!(named(Some("192.0.2.7"), connection), address("192.0.2.7"));
        for name in ["localhost", "UNKNOWN", "home.example.org", "192.0.2.7.example.org", "192.0.2.7%x", "2"]
        {
            assert!(matches!(named(Some(name), None), Some(Place::Remote(_))), "{name}");
        }
    }

    #[test]
    fn what_contradicts_itself_or_says_nothing_is_no_address() {
        let connection = Some("192.0.2.7 50022 198.51.100.1 22");
        assert!(matches!(named(Some("192.0.2.8"), connection), Some(Place::Remote(_))));
        for broken in ["", " ", "UNKNOWN 65535 UNKNOWN 65535", "home.example.org 1 2 3"] {
            assert!(matches!(named(Some("192.0.2.7"), Some(broken)), Some(Place::Remote(_))), "{broken}");
        }
        assert!(matches!(named(Some(""), None), Some(Place::Unknown(_))));
        assert!(matches!(named(None, connection), Some(Place::Unknown(_))), "a user may have written it");
    }
}
