//! Multipart uploads.

use aws_sdk_s3::{
    Client as Objects,
    error::{ProvideErrorMetadata, SdkError},
    operation::complete_multipart_upload::{CompleteMultipartUploadError, CompleteMultipartUploadOutput},
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::cloud::{Contracts, contracts};

const LEAST_PART_BYTES: usize = 5 * 1024 * 1024;

/// An upload with SHA-256 checksums whose parts have all arrived.
struct Upload {
    objects: Objects,
    bucket: String,
    key: &'static str,
    id: String,
    parts: Vec<CompletedPart>,
    bytes: usize,
}

impl Upload {
    async fn of(contracts: &Contracts, key: &'static str, sizes: &[usize]) -> Self {
        let objects = Objects::new(&contracts.cloud.address().sdk_config().await);
        let bucket = contracts.output("BucketName").to_owned();
        let begun = objects.create_multipart_upload().bucket(&bucket).key(key);
        let begun = begun.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::Composite);
        let id = begun.send().await.expect("begins").upload_id.expect("an id");
        let mut parts = Vec::new();
        for (number, size) in (1..).zip(sizes) {
            let content = vec![u8::try_from(number).expect("few"); *size];
            let digest = BASE64_STANDARD.encode(Sha256::digest(&content));
            let part = objects.upload_part().bucket(&bucket).key(key).upload_id(&id).part_number(number);
            let sent = part.checksum_sha256(&digest).body(content.into()).send().await.expect("arrives");
            let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
            parts.push(part.checksum_sha256(digest).build());
        }
        Self { objects, bucket, key, id, parts, bytes: sizes.iter().sum() }
    }

    /// The composite checksum of S3: the digest of the parts' digests, with the number of parts.
    fn composite(&self) -> String {
        let digests = self.parts.iter().map(|part| part.checksum_sha256().expect("it has one"));
        let digests: Vec<_> = digests.flat_map(|digest| BASE64_STANDARD.decode(digest).expect("base 64")).collect();
        format!("{}-{}", BASE64_STANDARD.encode(Sha256::digest(digests)), self.parts.len())
    }

    /// Completes it as the product does, except for the given values.
    async fn complete(
        &self,
        parts: Vec<CompletedPart>,
        (checksum, kind, bytes): (&str, ChecksumType, usize),
    ) -> Result<CompleteMultipartUploadOutput, SdkError<CompleteMultipartUploadError>> {
        self.objects
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .checksum_sha256(checksum)
            .checksum_type(kind)
            .mpu_object_size(i64::try_from(bytes).expect("small"))
            .if_none_match("*")
            .send()
            .await
    }

    async fn refusal(&self, parts: Vec<CompletedPart>, more: (&str, ChecksumType, usize)) -> (u16, String) {
        let error = self.complete(parts, more).await.expect_err("refused");
        let status = error.raw_response().expect("an answer").status().as_u16();
        (status, error.as_service_error().and_then(|error| error.code()).unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn parts_are_joined_only_as_announced() {
    let contracts = contracts().await;
    let upload = Upload::of(&contracts, "uploads/parts", &[LEAST_PART_BYTES, LEAST_PART_BYTES, 1]).await;
    let (composite, bytes) = (upload.composite(), upload.bytes);
    let right = || (composite.as_str(), ChecksumType::Composite, bytes);
    let without_checksum = |part: &CompletedPart| {
        CompletedPart::builder().set_part_number(part.part_number).set_e_tag(part.e_tag.clone()).build()
    };
    let parts = &upload.parts;
    let another = format!("{}-3", BASE64_STANDARD.encode(Sha256::digest("another")));
    for (what, named, more, code) in [
        (
            "a part without its checksum",
            vec![parts[0].clone(), without_checksum(&parts[1]), parts[2].clone()],
            right(),
            "InvalidRequest",
        ),
        ("descending", vec![parts[1].clone(), parts[0].clone(), parts[2].clone()], right(), "InvalidPartOrder"),
        ("a gap", vec![parts[0].clone(), parts[2].clone()], right(), "InvalidPartOrder"),
        ("another digest", parts.clone(), (another.as_str(), ChecksumType::Composite, bytes), "BadDigest"),
        ("another type", parts.clone(), (composite.as_str(), ChecksumType::FullObject, bytes), "BadDigest"),
        ("another size", parts.clone(), (composite.as_str(), ChecksumType::Composite, bytes + 1), "InvalidRequest"),
    ] {
        assert_eq!(upload.refusal(named, more).await, (400, code.to_owned()), "{what}");
    }
    upload.complete(parts.clone(), right()).await.expect("as announced");
    let head = upload.objects.head_object().bucket(&upload.bucket).key(upload.key);
    let head = head.checksum_mode(ChecksumMode::Enabled);
    let found = head.clone().send().await.expect("it is there");
    let version = head.set_version_id(found.version_id.clone()).send().await.expect("the same one");
    for found in [found, version] {
        let checksum = (found.checksum_sha256(), found.checksum_type());
        assert_eq!(checksum, (Some(composite.as_str()), Some(&ChecksumType::Composite)));
    }

    // A second upload to the same key is refused.
    let late = Upload::of(&contracts, "uploads/parts", &[1]).await;
    let checksum = late.composite();
    let refused = late.refusal(late.parts.clone(), (&checksum, ChecksumType::Composite, 1)).await;
    assert_eq!(refused, (412, "PreconditionFailed".to_owned()));
}

#[tokio::test]
async fn every_part_except_the_last_needs_five_mebibytes() {
    let contracts = contracts().await;
    let upload = Upload::of(&contracts, "uploads/small-parts", &[LEAST_PART_BYTES - 1, 1]).await;
    let more = upload.composite();
    let refused = upload.refusal(upload.parts.clone(), (&more, ChecksumType::Composite, upload.bytes)).await;
    assert_eq!(refused, (400, "EntityTooSmall".to_owned()));
}

#[tokio::test]
async fn sha_256_has_no_full_object_checksum_for_parts() {
    let contracts = contracts().await;
    let objects = Objects::new(&contracts.cloud.address().sdk_config().await);
    let begun = objects.create_multipart_upload().bucket(contracts.output("BucketName")).key("uploads/full-object");
    let begun = begun.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::FullObject);
    let refused = begun.send().await.expect_err("refused");
    assert_eq!(refused.as_service_error().and_then(|error| error.code()), Some("InvalidRequest"));
}

#[tokio::test]
async fn an_aborted_upload_no_longer_exists() {
    let contracts = contracts().await;
    let upload = Upload::of(&contracts, "uploads/given-up", &[1]).await;
    let abort = upload.objects.abort_multipart_upload().bucket(&upload.bucket).key(upload.key).upload_id(&upload.id);
    abort.send().await.expect("is given up");
    let list = upload.objects.list_parts().bucket(&upload.bucket).key(upload.key).upload_id(&upload.id);
    assert_eq!(list.send().await.expect_err("gone").raw_response().expect("an answer").status().as_u16(), 404);
    let composite = upload.composite();
    let refused = upload.refusal(upload.parts.clone(), (&composite, ChecksumType::Composite, 1)).await;
    assert_eq!(refused, (404, "NoSuchUpload".to_owned()));
}
