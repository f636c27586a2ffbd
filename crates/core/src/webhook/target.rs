//! URLs that a webhook can have.

use super::Reach;
use url::{Host, Url};

/// Longest URL, in characters.
pub const MAX_URL: usize = 2048;

/// Lowest port allowed besides 443. Lower ports belong to other protocols, such as mail and shells, whose servers must
/// not get unrequested messages.
const FIRST_FREE_PORT: u16 = 1024;

/// Reason why a URL is not allowed for a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Longer than [`MAX_URL`].
    #[error("must have at most {MAX_URL} characters")]
    TooLong,
    /// Not an absolute URL.
    #[error("must be an absolute URL, such as https://example.com/hooks")]
    Unreadable,
    /// A scheme other than https.
    #[error("must begin with https://")]
    Scheme,
    /// Contains a user name or a password.
    #[error("must not contain a user name or a password")]
    Credentials,
    /// Contains a fragment, which is never sent.
    #[error("must not contain a fragment (#)")]
    Fragment,
    /// A port below 1024 other than 443.
    #[error("must have port 443, or a port from 1024 on")]
    Port,
    /// A name that only a local network resolves, or an address outside the public internet.
    #[error("must name a public host: a name with a dot, or a public IP address")]
    Host,
}

/// Parses and checks the URL of a webhook.
///
/// An address in any notation, as in `https://2130706433/` or `https://0x7f.1/`, is parsed as clients parse it (WHATWG
/// URL) and then checked. A name is checked at each delivery, once it is resolved.
///
/// # Errors
///
/// The first rule that the URL breaks.
pub fn target(text: &str, reach: Reach) -> Result<Url, InvalidTarget> {
    if text.chars().count() > MAX_URL {
        return Err(InvalidTarget::TooLong);
    }
    let url = Url::parse(text).map_err(|_| InvalidTarget::Unreadable)?;
    // The limit also applies to the stored form, where each byte of a non-ASCII character takes three characters.
    if url.as_str().len() > MAX_URL {
        return Err(InvalidTarget::TooLong);
    }
    match (url.scheme(), reach) {
        ("https", _) | ("http", Reach::Local) => {}
        _ => return Err(InvalidTarget::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidTarget::Credentials);
    }
    if url.fragment().is_some() {
        return Err(InvalidTarget::Fragment);
    }
    if reach == Reach::Public && url.port().is_some_and(|port| port < FIRST_FREE_PORT) {
        return Err(InvalidTarget::Port);
    }
    let allowed = match url.host() {
        Some(Host::Ipv4(address)) => reach.allows(address.into()),
        Some(Host::Ipv6(address)) => reach.allows(address.into()),
        Some(Host::Domain(name)) => reach == Reach::Local || is_public_name(name),
        None => false,
    };
    if allowed { Ok(url) } else { Err(InvalidTarget::Host) }
}

/// Returns whether a name can be public (RFC 6761, RFC 6762, and ICANN's `.internal`).
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let top = name.rsplit_once('.').map(|(_, top)| top);
    top.is_some_and(|top| !["localhost", "local", "internal", "invalid", "test", "example", "onion"].contains(&top))
}

#[cfg(test)]
mod tests {
    use super::{InvalidTarget, MAX_URL, Reach, target};

    fn refused(text: &str) -> Option<InvalidTarget> {
        target(text, Reach::Public).err()
    }

    #[test]
    fn a_public_https_url_is_accepted_and_normalised() {
        for (text, url) in [
            ("https://example.com", "https://example.com/"),
            ("https://Example.com:443/hooks?a=b", "https://example.com/hooks?a=b"),
            ("https://example.com:8443/", "https://example.com:8443/"),
            ("https://bücher.example.org/", "https://xn--bcher-kva.example.org/"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://[2001:4860:4860::8888]/", "https://[2001:4860:4860::8888]/"),
        ] {
            assert_eq!(target(text, Reach::Public).map(String::from), Ok(url.to_owned()));
        }
    }

    #[test]
    fn a_special_address_is_refused_in_every_notation() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "10.1",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[2002:7f00:1::]",
        ] {
            assert_eq!(refused(&format!("https://{host}/")), Some(InvalidTarget::Host), "{host}");
        }
        // A zone is not part of a host, nor is a number too large for an address.
        for host in ["[fe80::1%25eth0]", "[fe80::1%eth0]", "256.1.1.1", "4294967296", "1.2.3.4.5"] {
            assert_eq!(refused(&format!("https://{host}/")), Some(InvalidTarget::Unreadable), "{host}");
        }
    }

    #[test]
    fn names_of_a_local_network_are_refused() {
        for host in ["localhost", "localhost.", "intranet", "a.localhost", "printer.local", "db.internal", "a.test"] {
            assert_eq!(refused(&format!("https://{host}/")), Some(InvalidTarget::Host), "{host}");
        }
    }

    #[test]
    fn every_other_rule_has_its_own_error() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        let long_when_encoded = format!("https://example.com/{}", "ä".repeat(MAX_URL / 2));
        for (text, why) in [
            ("http://example.com/", InvalidTarget::Scheme),
            ("ftp://example.com/", InvalidTarget::Scheme),
            ("file:///etc/passwd", InvalidTarget::Scheme),
            ("example.com/hooks", InvalidTarget::Unreadable),
            ("https://", InvalidTarget::Unreadable),
            ("https://user@example.com/", InvalidTarget::Credentials),
            ("https://user:secret@example.com/", InvalidTarget::Credentials),
            ("https://example.com/#a", InvalidTarget::Fragment),
            ("https://example.com:22/", InvalidTarget::Port),
            ("https://example.com:25/", InvalidTarget::Port),
            (&long, InvalidTarget::TooLong),
            (&long_when_encoded, InvalidTarget::TooLong),
        ] {
            assert_eq!(refused(text), Some(why), "{text}");
        }
    }

    #[test]
    fn the_one_machine_cloud_can_call_its_own_machine_over_http() {
        for text in ["http://127.0.0.1:9/hooks", "http://localhost:80/", "http://[::1]:7/", "https://example.com/"] {
            assert!(target(text, Reach::Local).is_ok(), "{text}");
        }
        for text in ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "ftp://127.0.0.1/"] {
            assert!(target(text, Reach::Local).is_err(), "{text}");
        }
    }
}
