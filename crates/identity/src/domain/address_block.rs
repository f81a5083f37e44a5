//! Blocks of network addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that one party is likely to hold ([`kernel::address_block`]): a single IPv4 address, or an IPv6 network of 64 bits.
///
/// It tells something about a person, so `Debug` leaves it out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressBlock(IpAddr);

/// A text that is not a block as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an IPv4 address or an IPv6 network of 64 bits")]
pub struct InvalidAddressBlock;

impl AddressBlock {
    /// The block of an address. An IPv4 address written as IPv6 (`::ffff:203.0.113.7`) is in the block of the IPv4 one.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(kernel::address_block(address))
    }

    /// The text to store and compare: `203.0.113.7`, `2001:db8:1:2::/64`.
    #[must_use]
    pub fn to_text(self) -> String {
        match self.0 {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(network) => format!("{network}/64"),
        }
    }
}

impl FromStr for AddressBlock {
    type Err = InvalidAddressBlock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = match text.strip_suffix("/64") {
            Some(network) => network.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => text.parse::<Ipv4Addr>().map(IpAddr::V4),
        };
        let block = Self::of(address.map_err(|_| InvalidAddressBlock)?);
        // One block has one text: nothing beyond the 64 bits, no other spelling.
        if block.to_text() == text {
            Ok(block)
        } else {
            Err(InvalidAddressBlock)
        }
    }
}

impl fmt::Debug for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressBlock([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(address: &str) -> String {
        AddressBlock::of(address.parse().unwrap()).to_text()
    }

    #[test]
    fn an_ipv4_address_stands_alone_and_an_ipv6_network_together() {
        assert_eq!(block("203.0.113.7"), "203.0.113.7");
        assert_ne!(block("203.0.113.7"), block("203.0.113.8"));
        assert_eq!(block("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::/64");
        assert_eq!(block("2001:db8:1:2:aaaa::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same() {
        assert_eq!(block("::ffff:203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn only_the_stored_text_is_read() {
        for text in [
            "",
            "203.0.113.7/32",
            "203.0.113.007",
            "2001:db8::",
            "2001:db8::1/64",
            "2001:DB8::/64",
            "::ffff:203.0.113.7/64",
        ] {
            assert_eq!(text.parse::<AddressBlock>(), Err(InvalidAddressBlock), "{text}");
        }
    }

    #[test]
    fn a_block_is_not_printed() {
        let block = AddressBlock::of("203.0.113.7".parse().unwrap());
        assert_eq!(format!("{block:?}"), "AddressBlock([redacted])");
    }

    proptest! {
        #[test]
        fn a_block_is_read_back(address: IpAddr) {
            let block = AddressBlock::of(address);
            prop_assert_eq!(block.to_text().parse(), Ok(block));
        }
    }
}
