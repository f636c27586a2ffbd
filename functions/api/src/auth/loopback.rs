//! Addresses on this machine, where plain HTTP cannot be intercepted.

use reqwest::Url;

/// True if a URL points to this machine (RFC 6761, section 6.3, for the name).
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}
