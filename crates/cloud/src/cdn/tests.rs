//! Checks signed URLs with the function that template.yaml gives to `CloudFront`, run by Node.js.

use super::{Cdn, is_key};
use crate::config::Environment;
use proptest::prelude::{Strategy, any};
use proptest::{collection, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;
use smmu_core::{Artifact, Output, Role, Sha256, Timestamp};
use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

const TEMPLATE: &str = include_str!("../../../../template.yaml");
/// "Quotas on `CloudFront` Functions" in the developer guide of Amazon `CloudFront`.
const MAX_FUNCTION_BYTES: usize = 10 * 1024;
const ORIGIN: &str = "https://d111111abcdef8.cloudfront.net";
const KEY: &str = "first-key-0123456789_0123456789_0123456789_0";
const OTHER_KEY: &str = "other-key-0123456789_0123456789_0123456789_0";
const MADE: &str = "jobs/job_01jd0w00000000000000000001/transcode/att_01jd0w00000000000000000002/";
const HEARD: &str = "jobs/job_01jd0w00000000000000000003/transcribe/att_01jd0w00000000000000000004/";
const EXPIRES_S: i64 = 1_800_000_000;

/// The function as CloudFormation renders it.
fn function(keys: &str) -> String {
    let (_, rest) = TEMPLATE.split_once("FunctionCode: !Sub |\n").expect("the template has a function");
    let indented = |line: &&str| line.is_empty() || line.starts_with("        ");
    let code = rest.lines().take_while(indented).map(|line| line.get(8..).unwrap_or_default());
    code.collect::<Vec<_>>().join("\n").replace("${CdnKeys}", keys)
}

/// The function's answer to each path: the path requested from the bucket, or a status.
fn checked(keys: &str, now_ms: i64, paths: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("function.mjs");
    fs::write(&script, format!("{}\n{}", function(keys), include_str!("check.mjs"))).unwrap();
    let node = Command::new("node").arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut node = node.unwrap_or_else(|error| panic!("node: {error}: run `tools/setup.sh test`"));
    let input = json!({ "now": now_ms, "paths": paths }).to_string();
    node.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn cdn(keys: &str) -> Cdn {
    let variables = [("SMMU_CDN_ORIGIN", ORIGIN), ("SMMU_CDN_KEYS", keys)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Cdn::new(&Environment::of(variables)).expect("a valid key").expect("a CDN")
}

fn output(prefix: &str, name: &str, role: Role) -> Output {
    Output::ready(prefix, Artifact::new(name, role, "a/b", 1, Sha256::from_bytes([0; 32])))
}

fn outputs() -> [Output; 3] {
    [
        output(MADE, "video-480p.mp4", Role::Segments),
        output(HEARD, "captions.m3u8", Role::MediaPlaylist),
        output(HEARD, "master.m3u8", Role::MasterPlaylist),
    ]
}

/// The signed path of these outputs, without the file name.
fn folder(keys: &str, outputs: &[Output]) -> String {
    let expires = Timestamp::from_unix_ms(EXPIRES_S * 1000).unwrap();
    let folder = cdn(keys).folder(outputs, expires).expect("a rendition");
    let address = folder.address(outputs.first().unwrap()).expect("the folder has it");
    address.strip_prefix(ORIGIN).unwrap().rsplit_once('/').unwrap().0.to_owned()
}

fn only(keys: &str, now_ms: i64, path: &str) -> String {
    checked(keys, now_ms, &[path.to_owned()]).remove(0)
}

const BEFORE: i64 = EXPIRES_S * 1000 - 1;

#[test]
fn the_fingerprint_changes_with_key_and_origin_but_reveals_neither() {
    let (one, other) = (cdn(KEY).fingerprint(), cdn(OTHER_KEY).fingerprint());
    assert_ne!(one, other);
    assert_eq!(cdn(&format!("{KEY} {OTHER_KEY}")).fingerprint(), one, "the first key signs");
    let moved = Cdn { origin: "https://video.example.com".to_owned(), key: KEY.to_owned() };
    assert_ne!(moved.fingerprint(), one);
    assert!(one.len() == 8 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
}

#[test]
fn the_function_fits_cloudfronts_limits_and_imports_only_crypto() {
    let code = function(&format!("{0} {0}", "k".repeat(64)));
    assert!(code.contains("function handler(event)") && code.len() < MAX_FUNCTION_BYTES, "{}", code.len());
    let imports: Vec<_> = code.lines().filter(|line| line.contains("import") || line.contains("require")).collect();
    assert_eq!(imports, ["import crypto from 'crypto';"]);
    assert!(!code.contains("console"), "it must not log: its events contain secret URLs");
}

#[test]
fn a_signed_path_opens_every_file_of_both_folders_until_it_expires() {
    let folder = folder(KEY, &outputs());
    let paths =
        ["video-480p.mp4", "captions.m3u8", "master.m3u8", "sprite-1.jpg"].map(|name| format!("{folder}/{name}"));
    let stored = [(MADE, "video-480p.mp4"), (HEARD, "captions.m3u8"), (HEARD, "master.m3u8"), (MADE, "sprite-1.jpg")];
    assert_eq!(checked(KEY, BEFORE, &paths), stored.map(|(prefix, name)| format!("/{prefix}{name}")));
    assert_eq!(checked(KEY, EXPIRES_S * 1000, &paths), ["403"; 4]);
    assert_eq!(only(KEY, BEFORE, &format!("{folder}/manifest.json")), "403", "manifests are not served");
}

#[test]
fn a_job_with_one_folder_is_served() {
    let made = [output(MADE, "master.m3u8", Role::MasterPlaylist), output(MADE, "storyboard.vtt", Role::Storyboard)];
    let path = format!("{}/master.m3u8", folder(KEY, &made));
    assert_eq!(only(KEY, BEFORE, &path), format!("/{MADE}master.m3u8"));
}

#[test]
fn during_a_rotation_both_keys_are_accepted_and_no_other() {
    let old = format!("{}/master.m3u8", folder(KEY, &outputs()));
    let both = format!("{OTHER_KEY} {KEY}");
    let new = format!("{}/master.m3u8", folder(&both, &outputs()));
    assert_ne!(old, new, "the first key signs");
    for (keys, of_old, of_new) in [(both.as_str(), true, true), (KEY, true, false), (OTHER_KEY, false, true)] {
        let opened = [&old, &new].map(|path| only(keys, BEFORE, path) != "403");
        assert_eq!(opened, [of_old, of_new], "{}", keys.len());
    }
}

#[test]
fn attempts_to_bypass_the_check_are_refused() {
    let base = folder(KEY, &outputs());
    let token = base.split('/').nth(2).unwrap();
    let scope = base.splitn(4, '/').nth(3).unwrap();
    let foreign = scope.replace("01jd0w00000000000000000001", "01jd0w00000000000000000009");
    let mut paths = vec![String::new(), "/".into(), format!("/{MADE}master.m3u8"), format!("{base}/"), base.clone()];
    for name in
        ["../a", "..", ".", "a/b", "/a", "%2e%2e/a", "..%2fa", "a%2Fb", "a\\b", "a%5cb", "A.M3U8", "a\0b", "a\n", "é"]
    {
        paths.push(format!("{base}/{name}"));
    }
    paths.extend([
        format!("/t/{token}/{foreign}/master.m3u8"),
        format!("/t/{token}{base}/master.m3u8"),
        format!("{base}{base}/master.m3u8"),
        format!("/{base}/master.m3u8"),
        format!("/x{base}/master.m3u8"),
        format!("/T{}/master.m3u8", &base[2..]),
        format!("{}/master.m3u8", base.to_uppercase()),
        format!("{}/master.m3u8", base.split('~').next().unwrap()),
        format!("/t/{token}/{}/master.m3u8", scope.split('/').next().unwrap()),
        format!("/t/{token}/{}/master.m3u8", scope.split('/').rev().collect::<Vec<_>>().join("/")),
        format!("{base}~transcript.json/transcript.json"),
        format!("/t/0000000000.{}/{scope}/master.m3u8", "0".repeat(64)),
        format!("/t/9999999999.{}/{scope}/master.m3u8", token.split('.').nth(1).unwrap()),
    ]);
    for (path, answer) in paths.iter().zip(checked(KEY, BEFORE, &paths)) {
        assert_eq!(answer, "403", "{path:?}");
    }
}

/// All variants of the path with one change.
fn forgeries(path: &str) -> Vec<String> {
    let characters: Vec<char> = path.chars().collect();
    let with = |at: usize, skipped: usize, put: &str| {
        let (before, after) = (&characters[..at], &characters[at + skipped..]);
        before.iter().copied().chain(put.chars()).chain(after.iter().copied()).collect::<String>()
    };
    let mut all = Vec::new();
    for (at, character) in characters.iter().enumerate() {
        all.push(with(at, 1, ""));
        for put in ["0", "1", "9", "a", "f", "z", "A", "/", ".", "~", "%", "-", "_", "\\", "//", "../", "%2e", "%2f"] {
            all.extend([with(at, 1, put), with(at, 0, put)]);
        }
        // One flipped bit of the character.
        let bit = |bit: u32| char::from_u32(*character as u32 ^ (1 << bit)).expect("still ASCII").to_string();
        all.extend((0..7).map(|one| with(at, 1, &bit(one))));
    }
    all
}

/// Asserts that every accepted path stays in the signed folders. Only the file name is not signed.
fn assert_stays_inside(forged: &[String], genuine: &str) {
    let (base, _) = genuine.rsplit_once('/').unwrap();
    for (path, answer) in forged.iter().zip(checked(KEY, BEFORE, forged)) {
        if answer == "403" {
            continue;
        }
        let name = path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let name = name.unwrap_or_else(|| panic!("{path} was accepted as {answer}"));
        assert!(!name.contains(['/', '%', '\\', '~']) && !name.starts_with('.'), "{path}");
        let listed = ["captions.m3u8", "master.m3u8"].contains(&name);
        assert_eq!(answer, format!("/{}{name}", if listed { HEARD } else { MADE }));
    }
}

#[test]
fn one_change_of_a_path_never_leaves_the_signed_folders() {
    let genuine = format!("{}/master.m3u8", folder(KEY, &outputs()));
    let forged: Vec<_> = forgeries(&genuine).into_iter().filter(|path| *path != genuine).collect();
    assert!(forged.len() > 10_000, "{}", forged.len());
    assert_stays_inside(&forged, &genuine);
}

#[test]
fn several_changes_of_a_path_never_leave_the_signed_folders() {
    let genuine = format!("{}/master.m3u8", folder(KEY, &outputs()));
    let length = genuine.len();
    let change = (0..length, any::<Index>());
    let alphabet: Vec<char> = "0123456789abcdefghjkmnpqrstvwxyz_.~/%-".chars().collect();
    let mut runner = TestRunner::deterministic();
    let forged = collection::vec(collection::vec(change, 2..6), 2000).new_tree(&mut runner).unwrap().current();
    let forged = forged.into_iter().map(|changes| {
        let mut characters: Vec<char> = genuine.chars().collect();
        for (at, index) in changes {
            characters[at] = *index.get(&alphabet);
        }
        characters.into_iter().collect::<String>()
    });
    let forged: Vec<_> = forged.filter(|path| *path != genuine).collect();
    assert_stays_inside(&forged, &genuine);
}

#[test]
fn keys_that_could_break_out_of_the_functions_string_are_refused() {
    assert!(is_key(KEY) && is_key(&"a".repeat(43)));
    for bad in
        ["", "short", &"a".repeat(42), &"a".repeat(65), &format!("{KEY}'"), &format!("{KEY}\\"), &format!("{KEY}é")]
    {
        assert!(!is_key(bad), "{bad}");
    }
    let environment = |keys: &str| {
        let variables = [("SMMU_CDN_ORIGIN", ORIGIN), ("SMMU_CDN_KEYS", keys)];
        Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
    };
    for bad in [String::new(), format!("{KEY} "), format!("{KEY}  {KEY}"), format!("{KEY} {KEY} {KEY}")] {
        assert!(Cdn::new(&environment(&bad)).is_err(), "{bad}");
    }
    assert!(Cdn::new(&Environment::of([])).expect("a valid environment").is_none());
}
