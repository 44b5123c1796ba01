//! Networks of IP addresses in CIDR form (RFC 4632): trusted proxies, and the addresses from which a client may call.

use std::fmt;
use std::net::IpAddr;

/// The prefix of IPv4 addresses that are written as IPv6 (`::ffff:0:0/96`, RFC 4291 §2.5.5.2), in bits.
const MAPPED_PREFIX_BITS: u32 = 96;

/// A network in CIDR form, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads a network such as `10.0.0.0/8`, or one address. An IPv4 address that is written as IPv6 is that IPv4 address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits): (IpAddr, Option<u32>) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(bits.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let width = address_width(address);
        let bits = bits.unwrap_or(width);
        if bits > width {
            return None;
        }
        let canonical = address.to_canonical();
        match bits.checked_sub(MAPPED_PREFIX_BITS) {
            Some(bits) if address_width(canonical) < width => Some(Self { address: canonical, bits }),
            _ => Some(Self { address, bits }),
        }
    }

    /// Says whether an address lies in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == address_width(self.address) {
            write!(out, "{}", self.address)
        } else {
            write!(out, "{}/{}", self.address, self.bits)
        }
    }
}

/// How many bits an address has.
fn address_width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_contains_its_addresses() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.2.3".parse().unwrap()) && !network.contains("10.2.0.1".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(!Network::parse("::1").unwrap().contains("::2".parse().unwrap()));
    }

    #[test]
    fn ipv4_address_in_the_form_of_ipv6_is_an_ipv4_address() {
        for (text, written) in [
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("::ffff:0:0/64", "::ffff:0.0.0.0/64"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), written);
        }
        assert!(Network::parse("::ffff:10.1.0.0/112").unwrap().contains("10.1.9.9".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "example.com", "/8"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
