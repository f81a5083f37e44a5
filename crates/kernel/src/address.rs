//! Network addresses and who holds them.

use std::net::{IpAddr, Ipv6Addr};

/// The addresses that one party is likely to hold, by their first: an IPv4 address alone, also when it is written as IPv6, or an
/// IPv6 network of 64 bits, because every home and every server gets at least that many to choose from.
///
/// ```
/// use std::net::IpAddr;
///
/// let block = |text: &str| text.parse().map(kernel::address_block);
/// assert_eq!(block("203.0.113.7")?, "203.0.113.7".parse::<IpAddr>()?);
/// assert_eq!(block("::ffff:203.0.113.7")?, block("203.0.113.7")?);
/// assert_eq!(block("2001:db8:1:2:aaaa::1")?, "2001:db8:1:2::".parse::<IpAddr>()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn address_block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}
