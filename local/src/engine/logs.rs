//! Container output in the API's frame format for containers without a terminal (`ContainerAttach`, "Stream format"):
//! one byte for the stream, three zeroes, the length as four bytes big-endian, then the bytes.
//!
//! Both streams go to one file, which preserves their order. Everything is reported as standard output.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::container::{Container, Phase};

const STDOUT: u8 = 1;
const CHUNK: usize = 16 * 1024;
/// Polling interval of a followed log.
const POLL: Duration = Duration::from_millis(100);

/// The output so far, or its last `lines` lines.
pub(super) fn so_far(container: &Container, lines: Option<usize>) -> io::Result<Body> {
    let written = match std::fs::read(&container.log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let wanted = lines.map_or(&written[..], |lines| last_lines(&written, lines));
    let framed: Vec<u8> = wanted.chunks(CHUNK).flat_map(|chunk| [&header(chunk.len()), chunk].concat()).collect();
    Ok(framed.into())
}

/// Streams the output until the container has ended.
pub(super) fn follow(container: Arc<Container>) -> Body {
    let (mut client, body) = tokio::io::duplex(2 * CHUNK);
    tokio::spawn(async move {
        // Ends early if the client disconnects, which is fine.
        let _ = copy(&container, &mut client).await;
    });
    Body::from_stream(ReaderStream::new(body))
}

async fn copy(container: &Container, client: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
    let mut log = File::open(&container.log).await?;
    let mut chunk = vec![0; CHUNK];
    loop {
        // Checked before reading, so that nothing written before the end is missed.
        let ended = matches!(container.phase(), Phase::Exited { .. });
        loop {
            let length = log.read(&mut chunk).await?;
            if length == 0 {
                break;
            }
            client.write_all(&header(length)).await?;
            client.write_all(&chunk[..length]).await?;
        }
        if ended {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn header(length: usize) -> [u8; 8] {
    let [a, b, c, d] = u32::try_from(length).expect("at most one chunk").to_be_bytes();
    [STDOUT, 0, 0, 0, a, b, c, d]
}

fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if lines == 0 {
        return &[];
    }
    let start = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').nth(lines - 1);
    start.map_or(text, |(at, _)| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_last_line_counts_as_a_line() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\nc", 2), b"b\nc");
        assert_eq!(last_lines(b"a\n", 5), b"a\n");
        assert_eq!(last_lines(b"a\nb\n", 0), b"");
        assert_eq!(last_lines(b"", 1), b"");
    }

    #[test]
    fn a_frame_header_has_the_stream_and_the_length() {
        assert_eq!(header(0x0102), [1, 0, 0, 0, 0, 0, 1, 2]);
    }
}
