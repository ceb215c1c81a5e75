//! Networks as administrators write them (RFC 4632): an address and how many of its bits count.

use std::fmt;
use std::net::IpAddr;

/// An IPv4 or IPv6 network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// Reads `192.0.2.0/24`, `2001:db8::/32` or one address.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(left, right)| (left, Some(right)));
        let not_one = || {
            format!(
                "{text:?} is no network, expected one such as \"192.0.2.0/24\" or \"2001:db8::/32\", or \"local\""
            )
        };
        let address: IpAddr = address.parse().map_err(|_| not_one())?;
        if address.to_canonical() != address {
            return Err(format!("{text:?} is IPv4 mapped into IPv6, write it as IPv4"));
        }
        let length = match length {
            None => Some(width(address)),
            Some(digits) => plain_number(digits).filter(|&length| length <= width(address)),
        };
        let network = Self { address, length: length.ok_or_else(not_one)? };
        let first = network.first();
        if first != address {
            // Was the network meant, or the one address?
            return Err(format!(
                "{text:?} has bits behind its length, expected \"{first}/{}\"",
                network.length
            ));
        }
        Ok(network)
    }

    /// Whether `address` lies in it. An IPv4 address lies in no IPv6 network, and the other way round.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Self { address: address.to_canonical(), ..*self }.first() == self.address
    }

    /// The address with all bits behind the length cleared.
    fn first(&self) -> IpAddr {
        let behind = u32::from(width(self.address).saturating_sub(self.length));
        match self.address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()),
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// No sign, no leading zero: "/08" is nobody's eight.
fn plain_number(digits: &str) -> Option<u8> {
    let number: u8 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Cidr::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_the_addresses_that_share_its_bits() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
            ("10.0.0.0/8", ["10.255.0.1", "::ffff:10.1.1.1"], ["11.0.0.0", "64:ff9b::10.1.1.1"]),
            ("127.0.0.2", ["127.0.0.2", "::ffff:127.0.0.2"], ["127.0.0.1", "::1"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
            ("::/0", ["::1", "ffff::"], ["0.0.0.0", "::ffff:192.0.2.1"]),
            ("2001:db8::/33", ["2001:db8::1", "2001:db8:7fff::1"], ["2001:db8:8000::", "2001:db9::"]),
            ("::1/128", ["::1", "::1"], ["::2", "127.0.0.1"]),
        ] {
            assert!(inside.iter().all(|address| contains(network, address)), "{network}");
            assert!(!outside.iter().any(|address| contains(network, address)), "{network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "/",
            "/8",
            "10",
            "10/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.1/8",
            "2001:db8::1/64",
            "2001:db8::/129",
            "::ffff:10.0.0.0/104",
            "::ffff:10.0.0.1",
            "fe80::1%eth0",
            "[::1]",
            "10.0.0.0 /8",
            "10.0.*",
            "example.org",
            "Local",
            "10.0.0.0/256",
        ] {
            assert!(Cidr::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Cidr::parse("10.0.0.1/8").unwrap_err().contains("\"10.0.0.0/8\""));
    }
}
