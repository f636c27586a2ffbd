//! Downloads the outputs of a job. Each is verified before it gets its final name; nothing is written outside the
//! folder.

use crate::{
    api::{Api, Job, Output},
    error::Error,
    http::{accept, retry_error},
    retry::RetryError,
    show::{Line, printable},
};
use reqwest::{Response, Url};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::Sha256;
use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

/// Longest folder name, in bytes. Leaves room for a suffix within the 255 of most file systems.
const LONGEST_FOLDER: usize = 100;
/// Bounds on the relative path of an output.
const DEEPEST: usize = 8;
const LONGEST_PART: usize = 200;

/// A folder name for each source name, in order: safe, and distinct on any file system.
#[must_use]
pub fn folder_names<'a>(sources: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let free = |source: &str| {
        let stem = Path::new(source).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        variants(&safe_folder(stem)).find(|name| taken.insert(name.to_lowercase())).expect("variants never end")
    };
    sources.into_iter().map(free).collect()
}

/// Keeps letters and digits of any script and `-_.`; replaces all else with `_`. Never hidden or empty, at most
/// [`LONGEST_FOLDER`] bytes.
fn safe_folder(stem: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let mut name = String::new();
    for c in stem.chars().map(safe) {
        if name.len() + c.len_utf8() > LONGEST_FOLDER {
            break;
        }
        name.push(c);
    }
    let name = name.trim_matches('.');
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

/// `name`, `name-2`, `name-3` and so on.
fn variants(name: &str) -> impl Iterator<Item = String> {
    std::iter::once(name.to_owned()).chain((2_u64..).map(move |n| format!("{name}-{n}")))
}

/// Creates a new folder, so outputs of different jobs and runs never mix.
fn new_folder(out: &Path, name: &str) -> Result<PathBuf, Error> {
    let unwritable = |path: &Path, cause| Error::Unwritable { place: path.display().to_string(), cause };
    for folder in variants(name).map(|name| out.join(name)) {
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(unwritable(&folder, cause)),
        }
    }
    unreachable!("variants never end")
}

/// Downloads every output into a new folder in `out`. `saved` maps each saved output to its file, also after an error.
pub async fn all(
    api: &Api,
    job: &Job,
    out: &Path,
    name: &str,
    saved: &mut BTreeMap<String, PathBuf>,
    line: &Line,
) -> Result<(), Error> {
    let folder = new_folder(out, name)?;
    let done = each(api, job, &folder, saved, line).await;
    if saved.is_empty() {
        // Succeeds only if the folder is empty.
        fs::remove_dir(&folder).ok();
    }
    done
}

async fn each(
    api: &Api,
    job: &Job,
    folder: &Path,
    saved: &mut BTreeMap<String, PathBuf>,
    line: &Line,
) -> Result<(), Error> {
    let mut job = job.clone();
    for output in job.outputs.clone().unwrap_or_default() {
        let target = folder.join(relative_path(&output.name)?);
        let url = current(&job, &output)?.url.parse()?;
        match fetch(api, &output, url, &target, line).await {
            // The URL expired during the earlier downloads, and so did the URLs of the remaining outputs.
            Err(Error::Refused(refused)) if refused.status == 403 => {
                job = api.job_now(&job.job_id).await?.job;
                fetch(api, &output, current(&job, &output)?.url.parse()?, &target, line).await?;
            }
            done => done?,
        }
        saved.insert(output.name, target);
    }
    Ok(())
}

/// The entry of an output in a newer state of the job.
fn current<'a>(job: &'a Job, output: &Output) -> Result<&'a Output, Error> {
    let mut listed = job.outputs.iter().flatten();
    listed.find(|other| other.name == output.name).ok_or_else(|| unverified(&output.name, "is no longer in the job"))
}

/// The relative path for an output name from the API. Accepts plain components only.
fn relative_path(name: &str) -> Result<PathBuf, Error> {
    let plain = |part: &str| {
        let fits = (1..=LONGEST_PART).contains(&part.len()) && !part.starts_with('.');
        fits && !part.contains(|c: char| c.is_control() || matches!(c, '\\' | ':'))
    };
    let parts = name.split('/');
    if parts.clone().count() > DEEPEST || !parts.clone().all(plain) {
        return Err(unverified(name, "has an unsafe name"));
    }
    Ok(parts.collect())
}

async fn fetch(api: &Api, output: &Output, url: Url, target: &Path, line: &Line) -> Result<(), Error> {
    let folder = target.parent().expect("a name in a folder");
    tokio::fs::create_dir_all(folder).await.map_err(|cause| unwritable(target, cause))?;
    let http = &api.http;
    let stall = http.patience().stall;
    http.retry(async || {
        line.transfer("downloading", output.bytes);
        let sent = tokio::time::timeout(stall, http.client().get(url.clone()).send()).await;
        let answer = accept(sent.map_err(|_| stalled())?.map_err(retry_error)?).await?;
        let part = part_file(folder).map_err(|cause| RetryError::Final(unwritable(target, cause)))?;
        let found = receive(answer, &part, output.bytes, target, stall, line).await?;
        if found != (output.bytes, output.sha256) {
            return Err(RetryError::Final(unverified(&output.name, "does not match the size and digest in the job")));
        }
        part.persist_noclobber(target).map_err(|error| RetryError::Final(unwritable(target, error.error)))?;
        Ok(())
    })
    .await
}

/// Writes the response body to `part` and stops soon after `most` bytes. Returns the size and digest received.
async fn receive(
    mut answer: Response,
    part: &NamedTempFile,
    most: u64,
    target: &Path,
    stall: std::time::Duration,
    line: &Line,
) -> Result<(u64, Sha256), RetryError> {
    let lost = |cause| RetryError::Final(unwritable(target, cause));
    let mut file = tokio::fs::File::from_std(part.reopen().map_err(lost)?);
    let (mut hasher, mut bytes, meter) = (Hasher::new(), 0, line.meter());
    while bytes <= most {
        let chunk = tokio::time::timeout(stall, answer.chunk()).await.map_err(|_| stalled())?;
        let Some(chunk) = chunk.map_err(retry_error)? else { break };
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(lost)?;
        bytes += chunk.len() as u64;
        meter.add(chunk.len() as u64);
    }
    // tokio buffers writes: a full disk is reported only on flush.
    file.flush().await.map_err(lost)?;
    Ok((bytes, Sha256::from_bytes(hasher.finalize().into())))
}

/// A temporary file, removed when the handle is dropped, also on Ctrl-C.
fn part_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".smmu-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Subject to the user's umask, as for every new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn stalled() -> RetryError {
    RetryError::passing("the download stalled")
}

fn unverified(name: &str, what: &str) -> Error {
    Error::Unverified { name: printable(name, 100), what: what.to_owned() }
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::Unwritable { place: path.display().to_string(), cause }
}

#[cfg(test)]
mod tests {
    use super::{folder_names, new_folder, relative_path};
    use std::{fs, path::Path};

    #[test]
    fn folders_are_named_after_files_and_never_shared() {
        let names = folder_names(["photo.jpg", "photo.png", "Photo.gif", "photo-2.jpg", "a b/c.jpg", "archive.tar.gz"]);
        assert_eq!(names, ["photo", "photo-2", "Photo-3", "photo-2-2", "c", "archive.tar"]);
    }

    #[test]
    fn folder_names_are_safe_for_any_file_name() {
        assert_eq!(
            folder_names(["...jpg", "a\nb\x1b.png", "..", "Übergröße 1.png"]),
            ["file", "a_b_", "file-2", "Übergröße_1"]
        );
        let long = folder_names([format!("{}.jpg", "ß".repeat(300)).as_str()]);
        assert_eq!(long[0].len(), 100);
    }

    #[test]
    fn an_existing_folder_is_not_reused() {
        let out = tempfile::tempdir().unwrap();
        let first = new_folder(out.path(), "a").unwrap();
        fs::write(first.join("mine"), "x").unwrap();
        assert_eq!(new_folder(out.path(), "a").unwrap(), out.path().join("a-2"));
        assert_eq!(fs::read(first.join("mine")).unwrap(), b"x");
    }

    #[test]
    fn output_names_stay_inside_their_folder() {
        for name in ["a.jpg", "320w.webp", "hls/720p/0001.m4s", "ä b.vtt"] {
            assert_eq!(relative_path(name).unwrap(), Path::new(name), "{name}");
        }
        let deep = "a/".repeat(8) + "a";
        let long = "a".repeat(201);
        let bad = [
            "",
            "..",
            "../x",
            "a/../b",
            "/etc/passwd",
            "a//b",
            "a/",
            ".bashrc",
            "a\\b",
            "C:x",
            "a\0b",
            "a\nb",
            &deep,
            &long,
        ];
        for name in bad {
            assert!(relative_path(name).is_err(), "{name:?}");
        }
    }
}
