//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// What is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether private and loopback addresses may be connected to. Cloud metadata services stay refused, and so does all that
    /// is not an address of one machine.
    pub allow_private: bool,
    /// Whether plain HTTP is refused.
    pub require_https: bool,
}

impl Rules {
    /// Nothing but public addresses over HTTPS.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            allow_private: false,
            require_https: true,
        }
    }
}

/// Why an address is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of a private network (RFC 1918, RFC 4193).
    Private,
    /// This machine (RFC 1122, RFC 4291).
    Loopback,
    /// Only on this link (RFC 3927, RFC 4291).
    LinkLocal,
    /// Shared behind a provider's translation (RFC 6598).
    Shared,
    /// A cloud's metadata service, which hands out credentials to whoever asks from the machine.
    Metadata,
    /// An IPv4 address in the dress of an IPv6 one, which some translator on the way would unwrap: mapped, NAT64, 6to4, Teredo.
    Translated,
    /// A group of machines (RFC 1112, RFC 4291).
    Multicast,
    /// No address (RFC 1122, RFC 4291).
    Unspecified,
    /// For examples in documents (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Not given to anybody (IANA's special-purpose registries).
    Reserved,
}

/// Why a URL or a host is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Refused {
    /// Neither HTTPS nor HTTP, or HTTP where HTTPS is required.
    Scheme,
    /// A user name or a password in the URL: it would be stored and shown.
    Credentials,
    /// No host, or port 0.
    Host,
    /// The host is, or resolves to, an address that is not connected to.
    Address(Kind),
}

impl Refused {
    /// In a few words, for people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Scheme => "the scheme is not allowed",
            Self::Credentials => "it carries credentials",
            Self::Host => "it names no host to connect to",
            Self::Address(Kind::Private) => "the host has a private address",
            Self::Address(Kind::Loopback) => "the host has a loopback address",
            Self::Address(Kind::LinkLocal) => "the host has a link-local address",
            Self::Address(Kind::Shared) => "the host has a shared address",
            Self::Address(Kind::Metadata) => "the host has the address of a metadata service",
            Self::Address(Kind::Translated) => "the host has an IPv4 address inside an IPv6 address",
            Self::Address(Kind::Multicast) => "the host has a multicast address",
            Self::Address(Kind::Unspecified) => "the host has no address to connect to",
            Self::Address(Kind::Documentation) => "the host has an address for documentation",
            Self::Address(Kind::Reserved) => "the host has a reserved address",
        }
    }
}

/// Addresses at which clouds hand out credentials. The last is a public one.
const METADATA: [IpAddr; 6] = [
    // AWS, Google Cloud, Azure, Oracle and others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // AWS: containers' credentials.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    // AWS over IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    // Google Cloud over IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    // Alibaba Cloud.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Azure: the host's agent.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(segments: [u16; 8], prefix: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

/// What is not a machine of the public internet, the narrower before the wider.
const RANGES: &[(IpNet, Kind)] = &[
    (v4(0, 0, 0, 0, 32), Kind::Unspecified),
    (v4(0, 0, 0, 0, 8), Kind::Reserved),
    (v4(10, 0, 0, 0, 8), Kind::Private),
    (v4(100, 64, 0, 0, 10), Kind::Shared),
    (v4(127, 0, 0, 0, 8), Kind::Loopback),
    (v4(169, 254, 0, 0, 16), Kind::LinkLocal),
    (v4(172, 16, 0, 0, 12), Kind::Private),
    (v4(192, 0, 0, 0, 24), Kind::Reserved),
    (v4(192, 0, 2, 0, 24), Kind::Documentation),
    // 6to4 relays.
    (v4(192, 88, 99, 0, 24), Kind::Translated),
    (v4(192, 168, 0, 0, 16), Kind::Private),
    // Benchmarks (RFC 2544).
    (v4(198, 18, 0, 0, 15), Kind::Reserved),
    (v4(198, 51, 100, 0, 24), Kind::Documentation),
    (v4(203, 0, 113, 0, 24), Kind::Documentation),
    (v4(224, 0, 0, 0, 4), Kind::Multicast),
    (v4(240, 0, 0, 0, 4), Kind::Reserved),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Kind::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Kind::Loopback),
    // IPv4-mapped, and the translations of RFC 2765.
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), Kind::Translated),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Kind::Translated),
    // IPv4-compatible (RFC 4291, withdrawn).
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Kind::Translated),
    // NAT64, the well-known and the local prefix.
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), Kind::Translated),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Kind::Translated),
    // Discarded (RFC 6666).
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Kind::Reserved),
    // Teredo.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Kind::Translated),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Kind::Documentation),
    // The rest of what IANA keeps for protocols.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Kind::Reserved),
    // 6to4.
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Kind::Translated),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Kind::Documentation),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Kind::Reserved),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Kind::Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Kind::LinkLocal),
    // Site-local (RFC 3879, withdrawn).
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Kind::Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Kind::Multicast),
];

/// All unicast addresses that IANA has given to anybody.
const GLOBAL_V6: IpNet = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What kind of address it is; `None` when it is a machine of the public internet.
fn kind(address: IpAddr) -> Option<Kind> {
    if METADATA.contains(&address) {
        return Some(Kind::Metadata);
    }
    let special = RANGES.iter().find(|(range, _)| range.contains(&address));
    special
        .map(|(_, kind)| *kind)
        .or_else(|| (address.is_ipv6() && !GLOBAL_V6.contains(&address)).then_some(Kind::Reserved))
}

impl Rules {
    /// Whether the address may be connected to.
    ///
    /// # Errors
    /// [`Refused::Address`].
    pub fn admit_address(&self, address: IpAddr) -> Result<(), Refused> {
        match kind(address) {
            None => Ok(()),
            Some(Kind::Private | Kind::Loopback | Kind::Shared) if self.allow_private => Ok(()),
            Some(kind) => Err(Refused::Address(kind)),
        }
    }

    /// Whether the URL may be connected to, as far as can be told without resolving its host.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit_url(&self, url: &Url) -> Result<(), Refused> {
        match url.scheme() {
            "https" => {}
            "http" if !self.require_https => {}
            _ => return Err(Refused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if url.port_or_known_default().is_none_or(|port| port == 0) {
            return Err(Refused::Host);
        }
        match url.host() {
            None => Err(Refused::Host),
            Some(Host::Domain(name)) if name.trim_matches('.').is_empty() => Err(Refused::Host),
            Some(Host::Domain(name)) => self.admit_name(name),
            Some(Host::Ipv4(address)) => self.admit_address(address.into()),
            Some(Host::Ipv6(address)) => self.admit_address(address.into()),
        }
    }

    /// Names that mean this machine wherever they are asked for (RFC 6761) need no resolving.
    fn admit_name(&self, name: &str) -> Result<(), Refused> {
        let name = name.trim_end_matches('.');
        let is_local = name.eq_ignore_ascii_case("localhost")
            || name
                .rsplit_once('.')
                .is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"));
        if is_local && !self.allow_private {
            return Err(Refused::Address(Kind::Loopback));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: Rules = Rules {
        allow_private: true,
        require_https: false,
    };
    const PLAIN: Rules = Rules {
        allow_private: false,
        require_https: false,
    };

    fn admitted(rules: Rules, url: &str) -> Result<(), Refused> {
        rules.admit_url(&url.parse().unwrap())
    }

    #[test]
    fn no_address_inside_is_connected_to_however_it_is_written() {
        use Kind::*;
        for (host, kind) in [
            ("127.0.0.1", Loopback),
            ("127.1", Loopback),
            ("2130706433", Loopback),
            ("0x7f000001", Loopback),
            ("0177.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("localhost", Loopback),
            ("LOCALHOST.", Loopback),
            ("db.localhost", Loopback),
            ("１２７.0.0.1", Loopback),
            ("[::1]", Loopback),
            ("0.0.0.0", Unspecified),
            ("0", Unspecified),
            ("[::]", Unspecified),
            ("0.1.2.3", Reserved),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("[fc00::1]", Private),
            ("[fd12:3456::1]", Private),
            ("[fec0::1]", Private),
            ("100.64.0.1", Shared),
            ("100.127.255.255", Shared),
            ("169.254.1.1", LinkLocal),
            ("[fe80::1]", LinkLocal),
            ("169.254.169.254", Metadata),
            ("0xa9fea9fe", Metadata),
            ("169.254.170.2", Metadata),
            ("[fd00:ec2::254]", Metadata),
            ("[fd20:ce::254]", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("[::ffff:127.0.0.1]", Translated),
            ("[::ffff:8.8.8.8]", Translated),
            ("[::ffff:169.254.169.254]", Translated),
            ("[::127.0.0.1]", Translated),
            ("[::ffff:0:127.0.0.1]", Translated),
            ("[64:ff9b::10.0.0.1]", Translated),
            ("[64:ff9b:1::10.0.0.1]", Translated),
            ("[2002:7f00:1::]", Translated),
            ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", Translated),
            ("192.88.99.1", Translated),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("[ff02::1]", Multicast),
            ("192.0.2.1", Documentation),
            ("198.51.100.7", Documentation),
            ("203.0.113.7", Documentation),
            ("[2001:db8::1]", Documentation),
            ("[3fff::1]", Documentation),
            ("192.0.0.8", Reserved),
            ("198.18.0.1", Reserved),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("[100::1]", Reserved),
            ("[2001:2::1]", Reserved),
            ("[5f00::1]", Reserved),
            ("[4000::1]", Reserved),
        ] {
            assert_eq!(
                admitted(PLAIN, &format!("http://{host}/")),
                Err(Refused::Address(kind)),
                "{host}"
            );
        }
    }

    #[test]
    fn machines_of_the_internet_are_connected_to() {
        for host in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "[2606:4700::1111]",
            "[2a00::1]",
            "example.com",
            "notlocalhost",
        ] {
            assert_eq!(
                admitted(Rules::strict(), &format!("https://{host}/hook")),
                Ok(()),
                "{host}"
            );
        }
    }

    #[test]
    fn private_addresses_may_be_allowed_and_metadata_never() {
        for host in [
            "127.0.0.1:9000",
            "10.1.2.3",
            "localhost",
            "[::1]",
            "[fd12::1]",
            "100.64.0.1",
        ] {
            assert_eq!(admitted(OPEN, &format!("http://{host}/")), Ok(()), "{host}");
        }
        for (host, kind) in [
            ("169.254.169.254", Kind::Metadata),
            ("[fd00:ec2::254]", Kind::Metadata),
            ("100.100.100.200", Kind::Metadata),
            ("[::ffff:169.254.169.254]", Kind::Translated),
            ("169.254.1.1", Kind::LinkLocal),
            ("0.0.0.0", Kind::Unspecified),
            ("224.0.0.1", Kind::Multicast),
        ] {
            assert_eq!(
                admitted(OPEN, &format!("http://{host}/")),
                Err(Refused::Address(kind)),
                "{host}"
            );
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for url in [
            "file:///etc/passwd",
            "ftp://example.com/",
            "gopher://example.com/",
            "data:text/plain,a",
        ] {
            assert_eq!(admitted(OPEN, url), Err(Refused::Scheme), "{url}");
        }
        assert_eq!(admitted(Rules::strict(), "http://example.com/"), Err(Refused::Scheme));
        assert_eq!(
            admitted(OPEN, "https://user:secret@example.com/"),
            Err(Refused::Credentials)
        );
        assert_eq!(admitted(OPEN, "https://user@example.com/"), Err(Refused::Credentials));
        assert_eq!(admitted(OPEN, "https://example.com:0/"), Err(Refused::Host));
    }

    proptest! {
        #[test]
        fn a_private_ipv4_address_stays_so_in_every_dress(last in any::<[u8; 3]>()) {
            let [b, c, d] = last;
            let address = Ipv4Addr::new(10, b, c, d);
            prop_assert!(PLAIN.admit_address(address.into()).is_err());
            prop_assert!(PLAIN.admit_address(address.to_ipv6_mapped().into()).is_err());
            prop_assert!(PLAIN.admit_address(address.to_ipv6_compatible().into()).is_err());
            let [high, low] = [u16::from_be_bytes([10, b]), u16::from_be_bytes([c, d])];
            for dressed in [
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 1, 1, 0, 0, !high, !low),
            ] {
                prop_assert!(PLAIN.admit_address(dressed.into()).is_err());
                prop_assert!(OPEN.admit_address(dressed.into()).is_err());
            }
        }
    }
}
