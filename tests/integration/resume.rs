//! The client is killed during a large upload and run again.

use aws_sdk_s3::Client as S3;
use serde_json::Value;
use smmu_local::CloudOptions;
use smmu_tests::{Caller, Stack, by_request, samples};
use std::{collections::BTreeMap, fs, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::process::Command;

/// Twelve parts, just within the size limit of images.
const BYTES: usize = 95 * 1024 * 1024;

async fn client(stack: &Stack, desk: &TempDir) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(CloudOptions::for_workspace(root).binaries.join("smmu"));
    command.args(["upload", "film.png", "--json", "--wait"]).current_dir(desk.path()).kill_on_drop(true);
    command.env("SMMU_API", stack.cloud.address().api_url().unwrap()).env("SMMU_TOKEN", stack.token("resumes").await);
    command.env("XDG_STATE_HOME", desk.path().join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Parts of a media's unfinished upload in the bucket, with their times of arrival.
async fn arrived(stack: &Stack, media: &str) -> BTreeMap<i32, String> {
    let (s3, bucket) = (S3::new(&stack.sdk), stack.output("RawBucketName"));
    let key = format!("uploads/{media}");
    let uploads = s3.list_multipart_uploads().bucket(bucket).prefix(&key).send().await.unwrap();
    let [upload] = uploads.uploads() else { return BTreeMap::new() };
    let parts = s3.list_parts().bucket(bucket).key(&key).upload_id(upload.upload_id().unwrap()).send().await.unwrap();
    let seen = parts.parts().iter().map(|part| (part.part_number().unwrap(), format!("{:?}", part.last_modified())));
    seen.collect()
}

#[tokio::test]
async fn a_killed_client_resumes_and_sends_only_missing_parts() {
    let stack = by_request();
    let user = Caller::user(stack, "resumes").await;
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("film.png"), samples::padded_png(64, 48, BYTES)).unwrap();

    let mut first = client(stack, &desk).await.spawn().unwrap();
    let media = loop {
        let list = user.call(reqwest::Method::GET, "/media", None).await.json();
        if let Some(media) = list["media"][0]["mediaId"].as_str()
            && arrived(stack, media).await.len() >= 2
        {
            break media.to_owned();
        }
        let ended = first.try_wait().unwrap();
        assert!(ended.is_none(), "the client ended before it was killed: {ended:?}");
    };
    first.kill().await.unwrap();
    // Parts that were in flight have arrived by now or are lost.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = arrived(stack, &media).await;
    assert!((2..12).contains(&before.len()), "{} parts", before.len());

    let second = client(stack, &desk).await.spawn().unwrap().wait_with_output().await.unwrap();
    let (told, job) = (String::from_utf8(second.stderr).unwrap(), String::from_utf8(second.stdout).unwrap());
    assert!(second.status.success(), "{told}");
    assert!(told.contains(&format!("resuming: {} of 12 parts have arrived", before.len())), "{told}");
    let job: Value = serde_json::from_str(&job).unwrap();
    assert_eq!((&job["mediaId"], &job["status"]), (&media.as_str().into(), &"COMPLETED".into()), "{job}");
    assert_eq!(fs::read_dir(desk.path().join("state/smmu/uploads")).unwrap().count(), 0);
}
