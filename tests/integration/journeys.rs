//! Complete journeys of files, from upload to outputs.

use serde_json::{Value, json};
use smmu_core::{Cost, PriceTable, Way};
use smmu_tests::{Caller, Stack, by_itself, by_request, caller::hex_sha256, ffmpeg, samples};
use std::path::PathBuf;
use tempfile::TempDir;

/// Asserts that the job's bill is the workers' shares in their manifests plus the cost of its journey, `light` if a light
/// run of whatever length ended it.
fn assert_billed(job: &Value, manifests: &[&Value], source_bytes: usize, light: bool) {
    let shares: Vec<Cost> =
        manifests.iter().map(|manifest| serde_json::from_value(manifest["cost"].clone()).unwrap()).collect();
    let expected = |way| {
        let bill = PriceTable::default().bill_of_job(way, &shares, source_bytes as u64).unwrap();
        let mut expected = serde_json::to_value(&bill).unwrap();
        expected["totalMicroDollars"] = json!(bill.cost.total());
        expected
    };
    if light {
        let mut lengths = (0..=3000).map(|tenths| expected(Way::Light { ran_ms: tenths * 100 }));
        assert!(lengths.any(|bill| bill == job["cost"]), "{job}");
    } else {
        assert_eq!(job["cost"], expected(Way::Standard), "{job}");
    }
}

/// Uploads an image, waits, and checks every output by downloading it.
async fn image_journey(stack: &Stack, file: &[u8], content_type: &str) -> Value {
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(file, content_type).await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    assert!(job.get("estimate").is_none(), "a completed job has a cost instead: {job}");
    assert_eq!((&job["progress"], &job["stage"], &job["kind"]), (&100.into(), &"finish".into(), &"image".into()));
    let outputs = job["outputs"].as_array().unwrap();
    assert!(!outputs.is_empty());
    for output in outputs {
        let bytes = user.download(output["url"].as_str().unwrap()).await;
        assert_eq!(output["bytes"], bytes.len());
        assert_eq!(output["sha256"], hex_sha256(&bytes));
        if output["role"] == "manifest" {
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(manifest["artifacts"].as_array().unwrap().len(), outputs.len() - 1);
            assert_billed(&job, &[&manifest], file.len(), std::ptr::eq(stack, by_itself()));
            continue;
        }
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(output["width"], picture.width());
        assert_eq!(output["height"], picture.height());
        assert!(output.get("key").is_none(), "storage keys are internal");
    }
    job
}

fn widths(job: &Value, content_type: &str) -> Vec<u64> {
    let of_type = |output: &&Value| output["contentType"] == content_type && output["role"] == "rendition";
    let mut widths: Vec<_> = job["outputs"].as_array().unwrap().iter().filter(of_type).collect();
    widths.sort_by_key(|output| output["width"].as_u64());
    widths.iter().map(|output| output["width"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_image_is_rendered_by_the_function() {
    let job = image_journey(by_itself(), &samples::jpeg(1500, 1000), "image/jpeg").await;
    for content_type in ["image/jpeg", "image/webp"] {
        let widths = widths(&job, content_type);
        assert!(widths.starts_with(&[160, 320, 640, 1280]), "{content_type}: {widths:?}");
        assert!(widths.iter().all(|width| *width <= 1500), "{content_type}: {widths:?}");
    }
}

#[tokio::test]
async fn completing_a_job_twice_changes_nothing() {
    let stack = by_itself();
    let job = image_journey(stack, &samples::png(90, 61), "image/png").await;
    let complete = json!({"action": "complete", "jobId": job["jobId"], "branch": "render_image"});
    // Higher prices would change the cost.
    let prices =
        json!(PriceTable { million_state_transitions: smmu_core::MicroDollars(99_000_000), ..PriceTable::default() });
    let changed = [("SMMU_PRICES", prices.to_string())];
    let changed = changed.each_ref().map(|(name, value)| (*name, value.as_str()));
    let complete = serde_json::from_value(complete).unwrap();
    let answer = stack.call::<smmu_update_status::Context>("update-status", complete, &changed).await.unwrap();
    assert_eq!(serde_json::to_value(answer).unwrap()["status"], "COMPLETED");
    let after = Caller::user(stack, "ada").await.job(job["jobId"].as_str().unwrap()).await.json();
    assert_eq!((&after["cost"], &after["updatedAt"]), (&job["cost"], &job["updatedAt"]));
}

#[tokio::test]
async fn an_image_is_rendered_by_the_worker() {
    let job = image_journey(by_request(), &samples::png(700, 500), "image/png").await;
    assert!(widths(&job, "image/webp").starts_with(&[160, 320, 640]), "{job}");
}

#[tokio::test]
async fn heic_and_truncated_photos_complete_and_the_truncated_one_has_a_warning() {
    let heic = include_bytes!("../../crates/media/fixtures/heif/420.heic");
    // Windows has no media type for HEIC.
    let job = image_journey(by_itself(), heic, "").await;
    assert!(job.get("warnings").is_none(), "{job}");
    let jpeg = samples::jpeg(640, 480);
    let job = image_journey(by_itself(), &jpeg[..jpeg.len() * 98 / 100], "image/jpeg").await;
    assert_eq!(job["warnings"][0]["code"], "cut_off", "{job}");
    assert!(job["warnings"][0]["message"].as_str().unwrap().contains('%'), "{job}");
}

#[tokio::test]
async fn with_the_trigger_an_upload_starts_its_job() {
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(64, 48);
    let upload = user.init(&file, "image/png").await;
    assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
    let id = upload.media_id.replace("med_", "job_");
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
}

#[tokio::test]
async fn content_decides_the_type_not_the_declaration() {
    let job = image_journey(by_itself(), &samples::png(80, 60), "image/jpeg").await;
    assert_eq!(job["kind"], "image");
}

/// A completed video or audio job with its outputs downloaded into one folder.
struct Downloaded {
    job: Value,
    manifest: Value,
    folder: TempDir,
}

impl Downloaded {
    /// Uploads a file, waits, downloads every output, and compares it with its description in the job.
    async fn of(file: &[u8], content_type: &str, kind: &str) -> Self {
        let user = Caller::user(by_itself(), "ada").await;
        let id = user.submit(file, content_type).await;
        let job = user.ended(&id).await;
        assert_eq!(job["status"], "COMPLETED", "{job}");
        assert_eq!((&job["progress"], &job["stage"], &job["kind"]), (&100.into(), &"finish".into(), &kind.into()));
        let folder = tempfile::tempdir().unwrap();
        for output in job["outputs"].as_array().unwrap() {
            let bytes = user.download(output["url"].as_str().unwrap()).await;
            assert_eq!(output["bytes"], bytes.len(), "{output}");
            assert_eq!(output["sha256"], hex_sha256(&bytes), "{output}");
            assert_eq!(output["state"], "ready", "{output}");
            std::fs::write(folder.path().join(output["name"].as_str().unwrap()), bytes).unwrap();
        }
        let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
        let manifest = serde_json::from_slice(&manifest).unwrap();
        assert_billed(&job, &[&manifest], file.len(), false);
        Self { job, manifest, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sorted names of the outputs with a role.
    fn names(&self, role: &str) -> Vec<&str> {
        let outputs = self.job["outputs"].as_array().unwrap().iter().filter(|output| output["role"] == role);
        let mut names: Vec<_> = outputs.map(|output| output["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// Checks that streams decode to the end without errors and last as long as the source.
    fn assert_plays(&self, name: &str, streams: &[&str], seconds: f64) {
        for stream in streams {
            let played = ffmpeg::decoded_seconds(&self.file(name), stream);
            assert!((played - seconds).abs() < 0.15, "{name}, stream {stream}: {played} s instead of {seconds} s");
        }
    }

    /// Opens an image and returns its size.
    fn picture(&self, name: &str) -> (u32, u32) {
        image::ImageReader::open(self.file(name)).unwrap().with_guessed_format().unwrap().into_dimensions().unwrap()
    }
}

#[tokio::test]
async fn a_video_gets_all_outputs_that_a_player_needs() {
    let made = Downloaded::of(&samples::portrait_clip(180, 320), "video/quicktime", "video").await;

    assert_eq!(made.names("rendition"), ["video.mp4"]);
    assert_eq!(made.names("master_playlist"), ["master.m3u8"]);
    assert_eq!(made.names("media_playlist"), ["audio.m3u8", "video-180p-keyframes.m3u8", "video-180p.m3u8"]);
    assert_eq!(made.names("segments"), ["audio.mp4", "video-180p.mp4"]);
    assert_eq!(made.names("poster"), ["poster.jpg"]);
    assert_eq!(made.names("preview"), ["preview.webp"]);
    assert_eq!(made.names("sprite"), ["storyboard.jpg"]);
    assert_eq!(made.names("storyboard"), ["storyboard.vtt"]);

    made.assert_plays("video.mp4", &["0:v", "0:a"], 7.0);
    made.assert_plays("video-180p.mp4", &["0:v"], 7.0);
    made.assert_plays("audio.mp4", &["0:a"], 7.0);
    made.assert_plays("video-180p.m3u8", &["0:v"], 7.0);
    made.assert_plays("master.m3u8", &["0:v", "0:a"], 7.0);
    assert_eq!(ffmpeg::stored_size(&made.file("video.mp4")), (180, 320), "upright, without a rotation left to players");

    assert_eq!(made.picture("poster.jpg"), (180, 320));
    let poster = image::open(made.file("poster.jpg")).unwrap().into_rgb8();
    let top = poster.get_pixel(90, 10).0;
    assert!(top[0] > 200 && top[2] < 80, "a frame after the black ones, and upright: {top:?}");
    assert_eq!(made.picture("preview.webp"), (180, 320));
}

#[tokio::test]
async fn the_manifest_of_a_video_has_its_facts_without_the_location() {
    let clip = samples::portrait_clip(180, 320);
    let planted = samples::PLACE.as_bytes();
    assert!(clip.windows(planted.len()).any(|window| window == planted), "the source has a location");
    let made = Downloaded::of(&clip, "video/quicktime", "video").await;

    let video = &made.manifest["av"]["video"];
    assert_eq!(video["codec"], "h264", "{video}");
    assert_eq!((&video["coded"]["width"], &video["coded"]["height"]), (&320.into(), &180.into()), "{video}");
    assert_eq!((&video["displayed"]["width"], &video["displayed"]["height"]), (&180.into(), &320.into()), "{video}");
    assert_eq!(made.manifest["av"]["durationMs"].as_u64().unwrap() / 100, 70);
    assert_eq!(made.manifest["av"]["audio"][0]["codec"], "aac");
    for output in made.job["outputs"].as_array().unwrap() {
        let name = output["name"].as_str().unwrap();
        let bytes = std::fs::read(made.file(name)).unwrap();
        assert!(!bytes.windows(8).any(|window| window == &planted[..8]), "{name} contains the location");
    }
}

#[tokio::test]
async fn poster_and_preview_can_be_read_before_the_ladder_is_finished() {
    let user = Caller::user(by_itself(), "ada").await;
    // Large enough for its ladder to take some seconds.
    let id = user.submit(&samples::portrait_clip(720, 1280), "video/quicktime").await;
    let listed = |job: &Value, role: &str| {
        let outputs = job["outputs"].as_array().into_iter().flatten();
        outputs.filter(|output| output["role"] == role && output["state"] == "ready").count()
    };
    let early =
        user.until(&id, "list its poster and preview", |job| listed(job, "poster") + listed(job, "preview") == 2);
    let early = early.await;
    assert_eq!(early["status"], "RUNNING", "{early}");
    assert_eq!(listed(&early, "master_playlist"), 0, "the ladder is not finished: {early}");
    for output in early["outputs"].as_array().unwrap() {
        let bytes = user.download(output["url"].as_str().unwrap()).await;
        assert_eq!(output["sha256"], hex_sha256(&bytes), "{output}");
    }
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    for early in early["outputs"].as_array().unwrap() {
        let same = |late: &&Value| late["name"] == early["name"] && late["sha256"] == early["sha256"];
        assert_eq!(job["outputs"].as_array().unwrap().iter().filter(same).count(), 1, "{early} is still there");
    }
}

#[tokio::test]
async fn a_silent_video_gets_no_audio() {
    let made = Downloaded::of(&samples::silent_clip(), "video/mp4", "video").await;
    assert_eq!(made.names("media_playlist"), ["video-180p-keyframes.m3u8", "video-180p.m3u8"]);
    made.assert_plays("video.mp4", &["0"], 3.0);
    made.assert_plays("master.m3u8", &["0"], 3.0);
    let master = std::fs::read_to_string(made.file("master.m3u8")).unwrap();
    assert!(!master.contains("mp4a"), "{master}");
}

#[tokio::test]
async fn a_quiet_recording_is_normalised() {
    let made = Downloaded::of(&samples::tagged_flac(), "audio/flac", "audio").await;
    assert_eq!(made.names("rendition"), ["audio.m4a", "audio.opus"]);
    assert_eq!(made.names("waveform"), ["waveform.json", "waveform.png"]);
    assert_eq!(made.names("cover"), ["cover.jpg"]);
    for name in made.names("rendition") {
        made.assert_plays(name, &["0:a"], 4.0);
        let (integrated, peak) = ffmpeg::loudness(&made.file(name));
        assert!((integrated + 16.0).abs() < 1.0 && peak < -1.0, "{name}: {integrated} LUFS, {peak} dBFS");
    }
    assert_eq!(made.picture("cover.jpg"), (64, 64));
    made.picture("waveform.png");
    let waveform: Value = serde_json::from_slice(&std::fs::read(made.file("waveform.json")).unwrap()).unwrap();
    let numbers = waveform["data"].as_array().unwrap().len() as u64;
    let pairs = waveform["channels"].as_u64().unwrap() * waveform["length"].as_u64().unwrap();
    assert_eq!((&waveform["version"], numbers), (&2.into(), 2 * pairs), "as audiowaveform writes it");
    assert_eq!(made.manifest["av"]["tags"]["title"], "Low tide");
    let measured = made.manifest["av"]["loudness"]["integratedLufs"].as_f64().unwrap();
    assert!((measured + 41.0).abs() < 2.0, "the source is quiet: {measured} LUFS");
}

#[tokio::test]
async fn an_mp4_without_video_is_audio() {
    let made = Downloaded::of(&samples::sound_in_mp4(), "video/mp4", "audio").await;
    assert_eq!(made.names("rendition"), ["audio.m4a", "audio.opus"]);
    made.assert_plays("audio.m4a", &["0:a"], 3.0);
    assert_eq!(made.manifest["av"].get("video"), None);
}

#[tokio::test]
async fn broken_video_and_audio_fail_with_specific_codes() {
    let user = Caller::user(by_itself(), "ada").await;
    for (file, content_type) in [(samples::truncated_clip(), "video/mp4"), (samples::empty_flac(), "audio/flac")] {
        let id = user.submit(&file, content_type).await;
        let job = user.ended(&id).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&"FAILED".into(), &"corrupt_media".into()), "{job}");
        assert_eq!(job["error"]["retryable"], false, "{job}");
        assert!(job.get("outputs").is_none(), "nothing half-made is visible: {job}");
        // A container's least time, a minute.
        assert_eq!(job["cost"]["atLeast"], true, "{job}");
        assert!(job["cost"]["computeMicroDollars"].as_u64() >= Some(1646), "{job}");
    }
}

#[tokio::test]
async fn a_broken_image_fails_with_a_specific_code() {
    for stack in [by_itself(), by_request()] {
        let user = Caller::user(stack, "ada").await;
        let mut broken = samples::jpeg(400, 300);
        broken.truncate(broken.len() / 2);
        let id = user.submit(&broken, "image/jpeg").await;
        let job = user.ended(&id).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&"FAILED".into(), &"corrupt_media".into()), "{job}");
        assert_eq!(job["error"]["retryable"], false);
        assert!(job.get("outputs").is_none(), "nothing half-made is visible: {job}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_media_is_refused() {
    let user = Caller::user(by_itself(), "ada").await;
    let id = user.submit(b"#!/bin/sh\necho not a photo\n", "image/jpeg").await;
    let job = user.ended(&id).await;
    assert_eq!((&job["error"]["code"], &job["error"]["stage"]), (&"unsupported_media".into(), &"detect".into()));
}
