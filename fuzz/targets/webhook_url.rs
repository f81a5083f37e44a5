//! The URL of a webhook, and whether the server connects to it.
//!
//! What the rules admit is looked at again with the standard library's ideas of an address, and as whoever connects reads it: by the
//! text of its host.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use outbound::Rules;
use url::{Host, Url};

/// What the standard library knows to be no machine of the internet.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || address.is_documentation()
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4().is_some()
        }
    }
}

fuzz_target!(|text: &str| {
    let Some(url) = outbox::fuzzing::endpoint_url(text) else {
        return;
    };
    let open = Rules {
        allow_private: true,
        require_https: false,
    };
    if open.admit_url(&url).is_err() {
        assert!(Rules::strict().admit_url(&url).is_err(), "who is stricter admits less");
        return;
    }
    assert_eq!(url.fragment(), None);
    let stored: Url = url.as_str().parse().expect("what is stored can be read");
    assert_eq!(stored, url);
    if Rules::strict().admit_url(&url).is_err() {
        return;
    }
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    assert_ne!(url.port(), Some(0));
    // Whoever connects takes the text for an address where it is one.
    let host = url.host_str().unwrap().trim_start_matches('[').trim_end_matches(']');
    match (url.host().unwrap(), host.parse::<IpAddr>()) {
        (Host::Domain(_), Ok(address)) => panic!("the name {host} is connected to as {address}"),
        (Host::Domain(name), Err(_)) => {
            let last = name.trim_end_matches('.').rsplit('.').next();
            assert!(!last.unwrap().eq_ignore_ascii_case("localhost"), "{name}");
        }
        (Host::Ipv4(address), read) => {
            assert_eq!(read, Ok(IpAddr::V4(address)));
            assert!(!is_inside(address.into()), "{address}");
        }
        (Host::Ipv6(address), read) => {
            assert_eq!(read, Ok(IpAddr::V6(address)));
            assert!(!is_inside(address.into()), "{address}");
        }
    }
});
