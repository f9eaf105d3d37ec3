//! Networks, as trusted proxies are named.

use std::net::IpAddr;

use sceau::http::Network;

#[test]
fn a_network_contains_its_addresses() {
    let table = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe00::1", false),
        ("::/1", "10.0.0.1", false),
        ("2001:db8::/127", "2001:db8::1", true),
        ("2001:db8::/127", "2001:db8::2", false),
    ];
    for (network, address, inside) in table {
        let network: Network = network.parse().unwrap();
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(network.contains(address), inside, "{network} {address}");
    }
}

#[test]
fn what_is_not_a_network_is_refused() {
    let bad = [
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "::/129",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "::ffff:10.0.0.0/104",
    ];
    for text in bad {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}
