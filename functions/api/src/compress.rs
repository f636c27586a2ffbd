//! Compresses responses with gzip (RFC 9110, section 8.4.1.3).
//!
//! A playlist repeats a signed URL of about 2,000 characters for every segment: 5 MB for four hours, close to Lambda's
//! limit, and about 100 KB compressed.

use flate2::{Compression, write::GzEncoder};
use lambda_http::{
    Body, Response,
    http::{HeaderMap, HeaderValue, header},
};
use std::io::Write;

/// Smaller responses fit in one packet uncompressed.
const MIN_BYTES: usize = 1024;
/// Largest uncompressed response that fits Lambda's limit: 6 MiB, less room for headers and JSON escapes.
const MAX_PLAIN_BYTES: usize = 5 * 1024 * 1024;

/// Compresses the response if the client accepts gzip, or if it is too large for Lambda otherwise.
pub(crate) fn for_client(request: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    let Body::Text(text) = response.body() else { return response };
    if text.len() < MIN_BYTES {
        return response;
    }
    let compressed = (accepts_gzip(request) || text.len() > MAX_PLAIN_BYTES).then(|| gzip(text.as_bytes()));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(bytes) = compressed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        *response.body_mut() = Body::Binary(bytes);
    }
    response
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

/// True if `Accept-Encoding` has `gzip` or `*` with a weight over zero (RFC 9110, section 12.5.3).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let listed = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let listed: Vec<_> = listed.flat_map(|value| value.split(',')).map(coding).collect();
    let weight =
        |name: &str| listed.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(name)).map(|(_, weight)| *weight);
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// A coding and its weight. A missing weight is 1, an invalid one 0.
fn coding(entry: &str) -> (&str, f32) {
    let (name, parameter) = entry.split_once(';').unwrap_or((entry, "q=1"));
    let weight = parameter.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
    (name.trim(), weight.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::{MAX_PLAIN_BYTES, accepts_gzip, for_client};
    use flate2::read::GzDecoder;
    use lambda_http::{
        Body, Response,
        http::{HeaderMap, HeaderValue, header},
    };
    use std::io::Read;

    fn accepting(value: &'static str) -> HeaderMap {
        [(header::ACCEPT_ENCODING, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn gzip_is_accepted_if_the_header_allows_it() {
        for yes in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "*", "identity;q=0, *;q=0.1"] {
            assert!(accepts_gzip(&accepting(yes)), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "*, gzip;q=0", "gzip;q=x", "xgzip", "identity"] {
            assert!(!accepts_gzip(&accepting(no)), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    /// A playlist of four hours in segments of 6 s, all with the same URL and a session token of 1,400 characters.
    fn four_hours() -> String {
        let address = format!("https://bucket.s3.amazonaws.com/video-1080p.mp4?X-Amz-Security-Token={}", token());
        let segment = |number| format!("#EXTINF:6.000000,\n#EXT-X-BYTERANGE:{number}@0\n{address}\n");
        (0..2400).map(segment).collect::<Vec<_>>().concat()
    }

    /// A pseudo-random token, which does not compress on its own.
    fn token() -> String {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[(state >> 27) as usize])
        };
        (0..1400).map(|_| next()).collect()
    }

    #[test]
    fn a_playlist_of_four_hours_takes_less_than_300_kib() {
        let plain = four_hours();
        let answer = for_client(&accepting("gzip"), Response::new(Body::Text(plain.clone())));
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        let Body::Binary(bytes) = answer.body() else { panic!("not compressed") };
        assert!(bytes.len() < 300 * 1024, "{} of {} bytes", bytes.len(), plain.len());
        let mut read = String::new();
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut read).expect("it is gzip");
        assert_eq!(read, plain);
    }

    #[test]
    fn without_accept_encoding_only_oversized_responses_are_compressed() {
        let answer = |bytes: usize| for_client(&HeaderMap::new(), Response::new(Body::Text("x".repeat(bytes))));
        assert_eq!(answer(1023).headers().get(header::VARY), None);
        assert!(matches!(answer(1024).body(), Body::Text(_)));
        assert_eq!(answer(1024).headers()[header::VARY], "accept-encoding");
        assert!(matches!(answer(MAX_PLAIN_BYTES).body(), Body::Text(_)));
        assert!(matches!(answer(MAX_PLAIN_BYTES + 1).body(), Body::Binary(_)));
    }
}
