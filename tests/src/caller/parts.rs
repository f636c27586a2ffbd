//! Uploads in parts, one step at a time.

use super::{Answer, Caller, Upload, hex_sha256};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A granted upload in parts.
#[derive(Debug, Clone)]
pub struct InParts {
    /// The media.
    pub media_id: String,
    /// Size of every part except the last, in bytes.
    pub part_bytes: usize,
    /// Number of parts.
    pub count: usize,
}

impl InParts {
    /// A part of the file, by its number.
    #[must_use]
    pub fn part<'a>(&self, file: &'a [u8], number: usize) -> &'a [u8] {
        let from = (number - 1) * self.part_bytes;
        &file[from..file.len().min(from + self.part_bytes)]
    }

    /// Path at which its parts are signed and listed.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/media/{}/parts", self.media_id)
    }
}

impl Caller {
    /// Requests an upload in parts, with or without a digest of the whole file.
    ///
    /// # Panics
    /// If it is not granted.
    pub async fn init_parts(&self, bytes: &[u8], content_type: &str, sha256: Option<&str>) -> InParts {
        let mut request_body =
            json!({"filename": "sample", "contentType": content_type, "size": bytes.len(), "parts": true});
        if let Some(sha256) = sha256 {
            request_body["sha256"] = sha256.into();
        }
        let answer = self.call(Method::POST, "/media/upload/init", Some(request_body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let body = answer.json();
        let number = |name: &str| usize::try_from(body["parts"][name].as_u64().expect("a number")).expect("small");
        InParts { media_id: answer.text_at("/mediaId"), part_bytes: number("partBytes"), count: number("count") }
    }

    /// Requests the signature of one part.
    ///
    /// # Panics
    /// If it is not signed.
    pub async fn sign_part(&self, upload: &InParts, number: usize, content: &[u8]) -> Upload {
        let body = json!({"parts": [{"number": number, "sha256": hex_sha256(content)}]});
        let answer = self.call(Method::POST, &upload.path(), Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        Upload { media_id: upload.media_id.clone(), request: answer.json()["parts"][0].clone() }
    }

    /// Requests the signature of a part of the file and sends it.
    ///
    /// # Panics
    /// If the bucket refuses it.
    pub async fn send_part(&self, upload: &InParts, file: &[u8], number: usize) {
        let content = upload.part(file, number);
        let signed = self.sign_part(upload, number, content).await;
        let put = self.put(&signed, content, &[]).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text);
    }

    /// Requests an upload in parts and sends all of them, the last one first.
    ///
    /// # Panics
    /// If any step is refused.
    pub async fn send_in_parts(&self, file: &[u8], content_type: &str) -> InParts {
        let upload = self.init_parts(file, content_type, None).await;
        for number in (1..=upload.count).rev() {
            self.send_part(&upload, file, number).await;
        }
        upload
    }

    /// Lists the parts that have arrived.
    pub async fn parts(&self, upload: &InParts) -> Answer {
        self.call(Method::GET, &upload.path(), None).await
    }

    /// The numbers of the parts that have arrived.
    ///
    /// # Panics
    /// If they are not listed.
    pub async fn arrived(&self, upload: &InParts) -> Vec<u64> {
        let answer = self.parts(upload).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let parts = answer.json()["parts"].as_array().cloned().unwrap_or_default();
        parts.iter().filter_map(|part: &Value| part["number"].as_u64()).collect()
    }
}
