//! `smmu account`: exports or deletes everything a user has.

use crate::{
    api::Api,
    args::Cli,
    error::{Error, Exit},
    show::{Show, print},
};
use serde_json::{Value, json};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufWriter, IsTerminal, Write},
    path::Path,
};

/// The user types this to confirm the deletion.
const CONFIRMATION: &str = "delete everything";

/// Writes all media with their jobs and links to `file`, which must not exist yet.
pub async fn export(cli: &Cli, file: &Path, json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let unwritable = |cause| Error::Unwritable { place: file.display().to_string(), cause };
    let (media, jobs) = match write(&api, create(file).map_err(unwritable)?).await {
        Ok(counts) => counts,
        Err(Failure::Api(error)) => return Err(error),
        Err(Failure::File(cause)) => return Err(unwritable(cause)),
    };
    let file = file.display();
    let text = if json {
        json!({ "file": file.to_string(), "media": media, "jobs": jobs }).to_string()
    } else {
        format!("{media} media with {jobs} jobs written to {file}")
    };
    print(stdout, &format!("{text}\n"))?;
    Ok(Exit::Done)
}

enum Failure {
    Api(Error),
    File(io::Error),
}

/// Only the owner can read the file: the links in it grant access.
fn create(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Writes all pages as one document. Returns the number of media and of jobs.
async fn write(api: &Api, file: File) -> Result<(usize, usize), Failure> {
    let mut file = BufWriter::new(file);
    let (mut media, mut jobs, mut after) = (0, 0, None::<String>);
    loop {
        let mut page = api.account(after.as_deref()).await.map_err(Failure::Api)?;
        if media == 0 && after.is_none() {
            let user = page.get("userId").unwrap_or(&Value::Null);
            let webhooks = page.get("webhooks").map(|all| format!("\"webhooks\": {all}, ")).unwrap_or_default();
            write!(file, "{{\"userId\": {user}, {webhooks}\"media\": [").map_err(Failure::File)?;
        }
        for entry in page.get("media").and_then(Value::as_array).into_iter().flatten() {
            let comma = if media > 0 { "," } else { "" };
            write!(file, "{comma}\n{entry}").map_err(Failure::File)?;
            media += 1;
            jobs += entry["jobs"].as_array().map_or(0, Vec::len);
        }
        match page.remove("next") {
            Some(Value::String(next)) => after = Some(next),
            Some(_) | None => break,
        }
    }
    file.write_all(b"\n]}\n").and_then(|()| file.flush()).map_err(Failure::File)?;
    Ok((media, jobs))
}

/// Deletes everything, after confirmation at the terminal unless `yes` is set.
pub async fn delete(cli: &Cli, yes: bool, json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    if !yes && !confirmed(show)? {
        return Err(Error::usage("nothing was deleted"));
    }
    let answer = json!(api.delete_account().await?).to_string();
    print(stdout, if json { &answer } else { "everything is being deleted" }).and_then(|()| print(stdout, "\n"))?;
    Ok(Exit::Done)
}

fn confirmed(show: &Show) -> Result<bool, Error> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Error::usage("cannot ask for confirmation without a terminal: give --yes to delete everything"));
    }
    show.note(&format!("this deletes all your uploads, jobs and outputs; type \"{CONFIRMATION}\" to continue"));
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    read.map_err(|error| Error::usage(format!("the answer cannot be read: {error}")))?;
    Ok(line.trim() == CONFIRMATION)
}
