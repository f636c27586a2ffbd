//! Damaged or foreign models are rejected with a clear error.

use crate::support::model_dir;
use smmu_speech::{ModelError, ModelFiles};
use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
};
use tempfile::TempDir;

/// A copy of a model, for damaging.
fn copy() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(model_dir("tiny.en")).expect("listed") {
        let path = entry.expect("read").path();
        fs::copy(&path, dir.path().join(path.file_name().expect("a file"))).expect("copied");
    }
    dir
}

fn error(dir: &Path) -> String {
    ModelFiles::open(dir).expect_err("it is damaged").to_string()
}

#[test]
fn an_intact_model_has_its_name_and_version() {
    let files = ModelFiles::open(copy().path()).expect("intact");
    assert_eq!((files.identity().name.as_str(), files.identity().version.as_str()), ("whisper-tiny.en", "0.1.0"));
}

#[test]
fn each_kind_of_damage_has_its_own_error() {
    let dir = copy();
    let weights = dir.path().join("model.bin");
    let whole = fs::metadata(&weights).expect("there").len();
    let open = || OpenOptions::new().write(true).open(&weights).expect("writable");

    let mut file = open();
    file.seek(SeekFrom::Start(whole / 2)).and_then(|_| file.write_all(b"damage")).expect("written");
    assert_eq!(error(dir.path()), "the model's model.bin is damaged: its SHA-256 is not the one in model.json");

    open().set_len(whole - 1).expect("cut");
    assert!(error(dir.path()).contains("instead of"), "cut off");

    fs::remove_file(&weights).expect("removed");
    assert_eq!(error(dir.path()), "the model's model.bin is missing");

    fs::remove_file(dir.path().join("model.json")).expect("removed");
    assert!(error(dir.path()).contains("is not a valid model description"));
    assert!(error(&dir.path().join("nowhere")).contains("is not a model folder"));
}

#[test]
fn a_model_of_another_kind_is_foreign() {
    let dir = copy();
    let mut file = OpenOptions::new().write(true).open(dir.path().join("model.bin")).expect("writable");
    // Keep the version and the length, replace the name of the kind.
    file.seek(SeekFrom::Start(6)).and_then(|_| file.write_all(b"MarianModel")).expect("written");
    assert!(matches!(ModelFiles::open(dir.path()), Err(ModelError::Foreign(_))));
}
