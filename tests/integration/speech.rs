//! Transcription of a recording and a video with the real model.

use reqwest::Method;
use serde_json::Value;
use smmu_core::speech::wer::word_error_rate;
use smmu_tests::{Caller, samples, with_transcription};

/// Submits a file and waits for its job. Returns the job's ID and the job.
async fn ended(user: &Caller, file: &[u8], content_type: &str) -> (String, Value) {
    let id = user.submit(file, content_type).await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    (id, job)
}

fn output<'a>(job: &'a Value, name: &str) -> Option<&'a Value> {
    job["outputs"].as_array().unwrap().iter().find(|output| output["name"] == name)
}

async fn text_of(user: &Caller, job: &Value, name: &str) -> String {
    let output = output(job, name).unwrap_or_else(|| panic!("there is no {name}: {job}"));
    assert_eq!(output["state"], "ready", "{output}");
    String::from_utf8(user.download(output["url"].as_str().unwrap()).await).unwrap()
}

#[tokio::test]
async fn a_recording_gets_a_transcript_with_times() {
    let user = Caller::user(with_transcription(), "ada").await;
    let (_, job) = ended(&user, &samples::spoken(samples::SENTENCES), "audio/wav").await;
    assert_eq!(job["kind"], "audio");

    let text = text_of(&user, &job, "transcript.txt").await;
    let wrong = word_error_rate(samples::SENTENCES, &text);
    assert!(wrong <= 0.25, "{wrong} of the words are wrong: {text}");
    let transcript: Value = serde_json::from_str(&text_of(&user, &job, "transcript.json").await).unwrap();
    assert_eq!((&transcript["speech"], &transcript["state"]), (&"present".into(), &"final".into()));
    let words = transcript["segments"].as_array().unwrap().iter().filter_map(|segment| segment["words"].as_array());
    let starts: Vec<_> = words.flatten().map(|word| word["startMs"].as_u64().unwrap()).collect();
    assert!(starts.is_sorted() && starts.len() > 10, "{starts:?}");
    assert!(text_of(&user, &job, "captions.vtt").await.starts_with("WEBVTT\n"));
    assert!(text_of(&user, &job, "captions.srt").await.starts_with("1\n00:00:0"));

    let manifest: Value = serde_json::from_str(&text_of(&user, &job, "transcript-manifest.json").await).unwrap();
    assert_eq!((&manifest["pipeline"], &manifest["speech"]["speech"]), (&"transcribe".into(), &"present".into()));
    assert!(output(&job, "audio.m4a").is_some(), "the other worker's outputs are missing: {job}");
    assert!(output(&job, "captions.m3u8").is_none(), "captions need a video");
}

#[tokio::test]
async fn a_recording_without_speech_has_an_empty_transcript_and_no_captions() {
    let user = Caller::user(with_transcription(), "ada").await;
    let (_, job) = ended(&user, &samples::tagged_flac(), "audio/flac").await;
    let transcript: Value = serde_json::from_str(&text_of(&user, &job, "transcript.json").await).unwrap();
    assert_eq!((&transcript["speech"], &transcript["segments"]), (&"none".into(), &Value::Array(Vec::new())));
    assert_eq!(text_of(&user, &job, "transcript.txt").await, "");
    assert!(output(&job, "captions.vtt").is_none(), "{job}");
}

#[tokio::test]
async fn a_video_has_its_captions_in_the_master_playlist() {
    let user = Caller::user(with_transcription(), "ada").await;
    let (id, job) = ended(&user, &samples::spoken_clip(samples::SENTENCES), "video/mp4").await;
    let master = text_of(&user, &job, "master.m3u8").await;
    assert!(master.contains("TYPE=SUBTITLES") && master.contains("URI=\"captions.m3u8\""), "{master}");
    assert!(master.contains("LANGUAGE=\"en\""), "{master}");

    let path = output(&job, "captions.m3u8").unwrap()["playbackPath"].as_str().unwrap();
    assert_eq!(path, format!("/jobs/{id}/playback/captions.m3u8"));
    let playlist = user.call(Method::GET, path, None).await.text;
    let address = playlist.lines().find(|line| !line.starts_with('#')).expect("a segment");
    let captions = user.download(address).await;
    assert!(captions.starts_with(b"WEBVTT"), "{playlist}");
}
