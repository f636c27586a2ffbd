//! IP addresses that a webhook can be sent to: those of the public internet. A URL chosen by a user must not make us
//! call addresses that only we can reach, such as a metadata service or Lambda's runtime API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that webhooks can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The public internet, over https.
    Public,
    /// Also this machine, and over http: for the one-machine cloud only.
    Local,
}

/// Addresses outside the public internet, from the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and
/// everything from 224.0.0.0 on.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by a carrier's customers
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local; metadata services
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // IETF protocols
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// Networks within `2000::/3` that are not on the public internet, or that lead to addresses that are not. Everything
/// outside `2000::/3` is refused: loopback, unique-local, link-local, multicast, IPv4-mapped, NAT64.
const SPECIAL_V6: [([u16; 3], u32); 4] = [
    ([0x2001, 0x0000, 0], 23), // IETF protocols: Teredo, benchmarks, ORCHID
    ([0x2001, 0x0db8, 0], 32), // documentation
    ([0x2002, 0x0000, 0], 16), // 6to4, which has an IPv4 address inside
    ([0x3fff, 0x0000, 0], 20), // documentation
];

impl Reach {
    /// Returns whether webhooks can be sent to this address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Local => is_public(address) || address.is_loopback(),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(network, length)| within_v4(address, *network, *length)),
        IpAddr::V6(address) => {
            within_v6(address, [0x2000, 0, 0], 3)
                && !SPECIAL_V6.iter().any(|(network, length)| within_v6(address, *network, *length))
        }
    }
}

fn within_v4(address: Ipv4Addr, network: [u8; 4], length: u32) -> bool {
    (address.to_bits() ^ u32::from_be_bytes(network)) >> (32 - length) == 0
}

fn within_v6(address: Ipv6Addr, [a, b, c]: [u16; 3], length: u32) -> bool {
    (address.to_bits() ^ Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits()) >> (128 - length) == 0
}

#[cfg(test)]
mod tests {
    use super::Reach;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn refused(text: &str) -> bool {
        !Reach::Public.allows(text.parse().unwrap())
    }

    #[test]
    fn every_address_of_a_special_network_is_refused() {
        for edges in [
            ["0.0.0.0", "0.255.255.255"],
            ["10.0.0.0", "10.255.255.255"],
            ["100.64.0.0", "100.127.255.255"],
            ["127.0.0.0", "127.255.255.255"],
            ["169.254.0.0", "169.254.255.255"],
            ["172.16.0.0", "172.31.255.255"],
            ["192.0.0.0", "192.0.0.255"],
            ["192.0.2.0", "192.0.2.255"],
            ["192.88.99.0", "192.88.99.255"],
            ["192.168.0.0", "192.168.255.255"],
            ["198.18.0.0", "198.19.255.255"],
            ["198.51.100.0", "198.51.100.255"],
            ["203.0.113.0", "203.0.113.255"],
            ["224.0.0.0", "255.255.255.255"],
            ["::", "::1"],
            ["::7f00:1", "::ffff:ffff"],
            ["::ffff:0:0", "::ffff:ffff:ffff"],
            ["::ffff:8.8.8.8", "::ffff:127.0.0.1"],
            ["64:ff9b::", "64:ff9b::ffff:ffff"],
            ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
            ["100::", "100::ffff:ffff:ffff:ffff"],
            ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["fd00:ec2::254", "fd00:ec2::23"],
            ["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            ["fec0::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
        ] {
            for address in edges {
                assert!(refused(address), "{address}");
            }
        }
    }

    #[test]
    fn neighbours_of_special_networks_are_allowed() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:4860:4860::8888",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2600:1f18::1",
            "3ffe:ffff::",
            "3fff:1000::",
        ] {
            assert!(!refused(address), "{address}");
        }
    }

    #[test]
    fn the_one_machine_cloud_can_also_reach_its_own_machine_and_nothing_else() {
        for (address, allowed) in
            [("127.0.0.1", true), ("::1", true), ("8.8.8.8", true), ("10.0.0.1", false), ("::ffff:127.0.0.1", false)]
        {
            assert_eq!(Reach::Local.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_inside_an_ipv6_address_is_checked_too(bits in any::<u32>()) {
            let inside = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = inside.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for address in [
                inside.to_ipv6_mapped(),
                inside.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 0),
            ] {
                prop_assert!(!Reach::Public.allows(IpAddr::V6(address)));
            }
        }
    }
}
