//! From where a key may be used.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use kernel::{FieldValue, Rule, RuleViolation};

/// One network, in CIDR form. A single address is a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    const EXAMPLE: &str = "203.0.113.0/24";

    /// Reads a network, or a single address. Bits behind the prefix are cleared.
    ///
    /// # Errors
    /// [`Rule::InvalidFormat`] on `ipAllowlist`.
    pub fn new(raw: &str) -> Result<Self, RuleViolation> {
        let raw = raw.trim();
        let network = match raw.parse::<IpNet>() {
            Ok(network) => Ok(network),
            Err(_) => raw.parse::<IpAddr>().map(IpNet::from),
        };
        let expected = Self::EXAMPLE;
        network
            .map(|network| Self(network.trunc()))
            .map_err(|_| RuleViolation::new("ipAllowlist", Rule::InvalidFormat { expected }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The networks that a key may be used from; none is everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpAllowlist(Vec<Network>);

impl IpAllowlist {
    /// The greatest number of networks.
    pub const MAX: usize = 100;

    /// A list of networks.
    ///
    /// # Errors
    /// [`Rule::TooManyItems`] on `ipAllowlist`.
    pub fn new(mut networks: Vec<Network>) -> Result<Self, RuleViolation> {
        if networks.len() > Self::MAX {
            return Err(RuleViolation::new("ipAllowlist", Rule::TooManyItems { max: Self::MAX }));
        }
        networks.sort_unstable();
        networks.dedup();
        Ok(Self(networks))
    }

    /// Whether the key may be used from the address; from an unknown one only where every address will do.
    #[must_use]
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        // An IPv4 client of an IPv6 socket is still an IPv4 client.
        let address = address.map(|address| address.to_canonical());
        self.0.is_empty() || address.is_some_and(|address| self.0.iter().any(|network| network.0.contains(&address)))
    }

    /// The networks as they are written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl From<&IpAllowlist> for FieldValue {
    fn from(list: &IpAllowlist) -> Self {
        Self::from(list.texts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(networks: &[&str]) -> IpAllowlist {
        IpAllowlist::new(networks.iter().map(|network| Network::new(network).unwrap()).collect()).unwrap()
    }

    #[test]
    fn networks_are_kept_in_one_form() {
        let kept = list(&["10.1.2.3/8", "2001:DB8::1", "192.0.2.7", "10.0.0.0/8"]);
        assert_eq!(kept.texts(), ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::1/128"]);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for raw in ["", "10.0.0.0/33", "10.0.0/8", "example.com", "::/129", "10.0.0.0/-1"] {
            let violation = Network::new(raw).unwrap_err();
            assert_eq!(violation.field, "ipAllowlist", "{raw}");
        }
        let network = Network::new("10.0.0.0/8").unwrap();
        assert!(IpAllowlist::new(vec![network; 101]).is_err());
    }

    #[test]
    fn an_address_inside_is_admitted_and_one_outside_is_not() {
        let office = list(&["203.0.113.0/24", "2001:db8::/32"]);
        for (address, is_admitted) in [
            ("203.0.113.9", true),
            ("::ffff:203.0.113.9", true),
            ("203.0.114.9", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(office.admits(address.parse().ok()), is_admitted, "{address}");
        }
        assert!(!office.admits(None));
        assert!(IpAllowlist::default().admits(None));
    }
}
