//! Which address a request comes from, when proxies stand between.
//!
//! Anyone can write `X-Forwarded-For`, so a header is believed only as far as trusted proxies wrote it: from the right, one
//! entry for each trusted hop, up to the first address that is not a trusted proxy. That one is the client.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the other end of the connection; the server puts it into each request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The client's address.
pub(crate) fn client_ip(peer: Option<Peer>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?.0.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let named = |hops: Vec<Option<IpAddr>>| {
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            // What a trusted proxy could not or would not name ends the chain: nothing further left can be believed.
            let Some(address) = hop else { break };
            client = address;
            if !is_trusted(address) {
                break;
            }
        }
        client
    };
    let newer = headers.contains_key(FORWARDED).then(|| named(forwarded(headers)));
    let older = headers
        .contains_key(X_FORWARDED_FOR)
        .then(|| named(x_forwarded_for(headers)));
    match (newer, older) {
        // A proxy that writes one of them passes the other on as the client sent it, and nothing says which of them it wrote.
        (Some(newer), Some(older)) if newer != older => Some(peer),
        (newer, older) => newer.or(older).or(Some(peer)),
    }
}

/// The addresses that `Forwarded` (RFC 7239) names, in order; `None` for one that is hidden or unreadable.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    texts(headers, &FORWARDED)
        .flat_map(|value| value.split(','))
        .map(|element| element.split(';').find_map(forwarded_for).and_then(address))
        .collect()
}

/// The addresses that `X-Forwarded-For` names, in order; `None` for one that is hidden or unreadable.
fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    texts(headers, &X_FORWARDED_FOR)
        .flat_map(|value| value.split(','))
        .map(address)
        .collect()
}

/// All values of a header. One that is not text hides whatever it names.
fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .map(|value| value.to_str().unwrap_or("unknown"))
}

/// The value of a `for=` parameter.
fn forwarded_for(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case("for")
        .then(|| value.trim().trim_matches('"'))
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map_or(text, |(address, _)| address);
    let parsed = bare
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_ip(Some(Peer(peer.parse().unwrap())), &map, &trusted)
            .unwrap()
            .to_string()
    }

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client() {
        assert_eq!(
            client("203.0.113.9:1", &[("x-forwarded-for", "198.51.100.1")], &[]),
            "203.0.113.9"
        );
    }

    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        let spoofed = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("10.0.0.1:1", &spoofed, &["10.0.0.0/8"]), "10.0.0.1");
        let agreeing = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("10.0.0.1:1", &agreeing, &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn an_untrusted_peer_cannot_say_who_it_is() {
        assert_eq!(
            client("203.0.113.9:1", &[("x-forwarded-for", "198.51.100.1")], &["10.0.0.0/8"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let forged_by_client = [("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.7")];
        assert_eq!(client("10.0.0.1:1", &forged_by_client, &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn repeated_headers_are_one_list() {
        let headers = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "198.51.100.2")];
        assert_eq!(client("10.0.0.1:1", &headers, &["10.0.0.0/8"]), "198.51.100.2");
    }

    #[test]
    fn when_all_are_trusted_the_left_most_is_the_client() {
        assert_eq!(
            client(
                "10.0.0.1:1",
                &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")],
                &["10.0.0.0/8"]
            ),
            "10.0.0.3"
        );
    }

    #[test]
    fn what_is_hidden_ends_the_chain() {
        assert_eq!(
            client(
                "10.0.0.1:1",
                &[("x-forwarded-for", "1.1.1.1, unknown")],
                &["10.0.0.0/8"]
            ),
            "10.0.0.1"
        );
        assert_eq!(
            client("10.0.0.1:1", &[("forwarded", "for=_hidden")], &["10.0.0.0/8"]),
            "10.0.0.1"
        );
    }

    #[test]
    fn addresses_come_with_ports_and_brackets() {
        let headers = [("forwarded", "proto=https;For=\"[2001:db8::17]:4711\"")];
        assert_eq!(client("10.0.0.1:1", &headers, &["10.0.0.0/8"]), "2001:db8::17");
        assert_eq!(
            client("10.0.0.1:1", &[("x-forwarded-for", "198.51.100.1:80")], &["10.0.0.0/8"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        let headers = [("x-forwarded-for", "::ffff:198.51.100.1")];
        assert_eq!(client("[::ffff:10.0.0.1]:1", &headers, &["10.0.0.0/8"]), "198.51.100.1");
    }
}
