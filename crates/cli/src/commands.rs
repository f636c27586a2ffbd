//! Implements each command, from its arguments to its exit code.

use crate::{
    account,
    api::{Api, JobSnapshot, RerunRequest},
    args::{AccountCommand, AnyId, Cli, Command, Filter, Follow, Listed, Notes},
    download,
    error::{Error, Exit},
    list, login, parts, profiles,
    report::{Report, spoken, table},
    show::{Line, Show, print, printable},
    source,
    upload::{self, Wanted},
    wait, watch, webhooks,
};
use clap::CommandFactory;
use clap_complete::Shell;
use futures_util::{StreamExt, stream};
use smmu_core::{JobId, Labels, MediaId, Status};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tokio::sync::Semaphore;

/// Number of files hashed, uploaded or downloaded at a time. More would only share the same bandwidth.
const TRANSFERS: usize = 2;

/// Number of files in progress at a time, including those that wait for their jobs.
const UNDER_WAY: usize = 16;

/// Runs the command. Results go to `stdout`, all else to `show`.
pub async fn run(cli: Cli, show: &Show, stdout: &mut dyn Write) -> Exit {
    let done = match &cli.command {
        Command::Upload { files, parts, notes, choice, dedup, follow } => {
            let wanted = Wanted { labels: Labels::default(), choice: choice.clone(), dedup: *dedup };
            upload_all(&cli, (files, *parts), (notes, wanted), follow, show, stdout).await
        }
        Command::Account { what: AccountCommand::Export { file, json } } => {
            account::export(&cli, file, *json, show, stdout).await
        }
        Command::Account { what: AccountCommand::Delete { yes, json } } => {
            account::delete(&cli, *yes, *json, show, stdout).await
        }
        Command::Rerun { id, choice, step, follow } => {
            let request = RerunRequest { choice, steps: step.map(|step| [step]) };
            rerun(&cli, id, &request, follow, show, stdout).await
        }
        Command::Job { id, follow } => one_job(&cli, id, follow, show, stdout).await,
        Command::Watch { ids, json } => watch::run(&cli, ids, *json, show, stdout).await,
        Command::List { what, filter, json } => list_all(&cli, *what, filter, *json, show, stdout).await,
        Command::Show { id: AnyId::Job(id), json } => {
            let follow = Follow { wait: false, out: None, json: *json };
            one_job(&cli, id, &follow, show, stdout).await
        }
        Command::Show { id: AnyId::Media(id), json } => one_media(&cli, id, *json, show, stdout).await,
        Command::Cancel { ids, json } => cancel_all(&cli, ids, *json, show, stdout).await,
        Command::Delete { ids, json } => delete_all(&cli, ids, *json, show, stdout).await,
        Command::Webhooks { what } => webhooks::run(&cli, what, show, stdout).await,
        Command::Login(args) => login::login(&cli, args, show, stdout).await,
        Command::Logout { json } => login::logout(&cli, *json, show, stdout).await,
        Command::Health { json } => health(&cli, *json, show, stdout).await,
        Command::CheckProfiles { profile, profiles, json } => profiles::check(profile, profiles, *json, stdout),
        Command::Completions { shell } => completions(*shell, stdout),
    };
    done.unwrap_or_else(|error| {
        show.note(&printable(&error.to_string(), 600));
        error.exit()
    })
}

/// State shared by all files of one command.
struct Run<'a> {
    api: Api,
    follow: &'a Follow,
    show: &'a Show,
    /// Options of each upload.
    wanted: Wanted,
    /// Sends small files in parts too.
    in_parts: bool,
    transfers: Semaphore,
}

impl<'a> Run<'a> {
    fn new(cli: &Cli, follow: &'a Follow, show: &'a Show) -> Result<Self, Error> {
        let api = Api::signed_in(cli, show)?;
        if let Some(out) = &follow.out {
            let unwritable = |cause| Error::Unwritable { place: out.display().to_string(), cause };
            fs::create_dir_all(out).map_err(unwritable)?;
        }
        let (wanted, transfers) = (Wanted::default(), Semaphore::new(TRANSFERS));
        Ok(Self { api, follow, show, wanted, in_parts: false, transfers })
    }

    /// Uploads and follows one file, and prints its errors and remarks.
    async fn file(&self, path: &Path, folder: &str) -> Report {
        let line = self.show.line(&source::name_of(path));
        let mut report = Report { file: Some(path.to_owned()), ..Report::default() };
        report.error = self.try_file(path, folder, &line, &mut report).await.err();
        told(report, &line)
    }

    async fn try_file(&self, path: &Path, folder: &str, line: &Line, report: &mut Report) -> Result<(), Error> {
        let snapshot = {
            let _turn = self.turn().await;
            self.submit(path, line, report).await?
        };
        self.follow(snapshot, folder, line, report).await
    }

    /// Uploads a file in one request or in parts, depending on its size.
    async fn submit(&self, path: &Path, line: &Line, report: &mut Report) -> Result<JobSnapshot, Error> {
        let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        // An empty file has no parts; the API reports the error.
        if bytes >= parts::PARTS_FROM_BYTES || (self.in_parts && bytes > 0) {
            report.bytes = Some(bytes);
            return parts::submit(&self.api, path, &self.wanted, line).await;
        }
        let facts = source::examine(path, line).await?;
        report.bytes = Some(facts.bytes);
        upload::submit(&self.api, path, &facts, &self.wanted, line).await
    }

    /// Follows the job that `snapshot` finds or creates, and prints its errors and remarks under `name`.
    async fn job(&self, name: &str, snapshot: impl Future<Output = Result<JobSnapshot, Error>>) -> Report {
        let line = self.show.line(name);
        let mut report = Report::default();
        let followed = async {
            let snapshot = snapshot.await?;
            let folder = snapshot.job.job_id.to_string();
            self.follow(snapshot, &folder, &line, &mut report).await
        };
        let error = followed.await.err();
        told(Report { error, ..report }, &line)
    }

    /// Waits and downloads as the command line says. `report` gets the last known state, also after an error.
    async fn follow(
        &self,
        mut snapshot: JobSnapshot,
        folder: &str,
        line: &Line,
        report: &mut Report,
    ) -> Result<(), Error> {
        report.estimate.clone_from(&snapshot.job.estimate);
        let waited =
            if self.follow.to_the_end() { wait::to_the_end(&self.api, &mut snapshot, line).await } else { Ok(()) };
        let job = report.job.insert(snapshot.job);
        waited?;
        match &self.follow.out {
            // Outputs of a running job may be replaced by another attempt.
            Some(out) if job.status == Status::Completed => {
                let _turn = self.turn().await;
                download::all(&self.api, job, out, folder, &mut report.saved, line).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn turn(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.transfers.acquire().await.expect("the semaphore is never closed")
    }
}

fn told(report: Report, line: &Line) -> Report {
    report.complaint().into_iter().chain(report.remarks()).for_each(|text| line.note(&text));
    report
}

async fn upload_all(
    cli: &Cli,
    (arguments, in_parts): (&[PathBuf], bool),
    (notes, wanted): (&Notes, Wanted),
    follow: &Follow,
    show: &Show,
    stdout: &mut dyn Write,
) -> Result<Exit, Error> {
    let files = source::find(arguments)?;
    let names: Vec<_> = files.iter().map(|path| source::name_of(path)).collect();
    let folders = download::folder_names(names.iter().map(String::as_str));
    let labels = notes.labels(files.len())?;
    let run = Run { wanted: Wanted { labels, ..wanted }, in_parts, ..Run::new(cli, follow, show)? };

    let journeys = files.iter().zip(&folders).enumerate();
    let journeys = journeys.map(async |(place, (path, folder))| (place, run.file(path, folder).await));
    let mut ends = stream::iter(journeys).buffer_unordered(UNDER_WAY);
    let mut reports = BTreeMap::new();
    while let Some((place, report)) = ends.next().await {
        if follow.json {
            print_document(&report, stdout)?;
        }
        reports.insert(place, report);
    }
    let reports: Vec<_> = reports.into_values().collect();
    if !follow.json {
        print(stdout, &(table(&reports) + &spoken(&reports)))?;
    }
    Ok(reports.iter().map(Report::exit).fold(Exit::Done, Exit::and))
}

async fn one_job(cli: &Cli, id: &JobId, follow: &Follow, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let run = Run::new(cli, follow, show)?;
    let report = run.job(id.as_str(), run.api.job_now(id)).await;
    print_job(report, follow, stdout)
}

async fn rerun(
    cli: &Cli,
    id: &AnyId,
    request: &RerunRequest<'_>,
    follow: &Follow,
    show: &Show,
    stdout: &mut dyn Write,
) -> Result<Exit, Error> {
    let run = Run::new(cli, follow, show)?;
    let media_id = media_of(&run.api, id).await?;
    let report = run.job(media_id.as_str(), run.api.rerun(&media_id, request)).await;
    print_job(report, follow, stdout)
}

fn print_job(report: Report, follow: &Follow, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let exit = report.exit();
    if follow.json {
        print_document(&report, stdout)?;
    } else if report.job.is_some() {
        let reports = [report];
        print(stdout, &(table(&reports) + &spoken(&reports)))?;
    }
    Ok(exit)
}

async fn list_all(
    cli: &Cli,
    what: Listed,
    filter: &Filter,
    json: bool,
    show: &Show,
    stdout: &mut dyn Write,
) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let text = match (what, json) {
        (Listed::Jobs, false) => list::job_table(&list::jobs(&api, filter).await?),
        (Listed::Media, false) => list::media_table(&list::media(&api, filter).await?),
        (Listed::Jobs, true) => list::documents(&list::jobs(&api, filter).await?.entries),
        (Listed::Media, true) => list::documents(&list::media(&api, filter).await?.entries),
    };
    print(stdout, &text)?;
    Ok(Exit::Done)
}

async fn one_media(cli: &Cli, id: &MediaId, json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let media = Api::signed_in(cli, show)?.media(id).await?;
    let text = if json { list::documents(std::slice::from_ref(&media)) } else { list::media_lines(&media) };
    print(stdout, &text)?;
    Ok(Exit::Done)
}

async fn cancel_all(cli: &Cli, ids: &[JobId], json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let mut exit = Exit::Done;
    let mut cancelled = Vec::new();
    for id in ids {
        match api.cancel(id).await {
            Ok(snapshot) => cancelled.push(Report { job: Some(snapshot.job), ..Report::default() }),
            Err(error) => {
                show.note(&format!("{id}: {}", printable(&error.to_string(), 600)));
                exit = exit.and(error.exit());
            }
        }
    }
    if json {
        cancelled.iter().try_for_each(|report| print_document(report, stdout))?;
    } else {
        for job in cancelled.iter().flat_map(|report| &report.job) {
            print(stdout, &format!("{} {}\n", job.job_id, job.status))?;
        }
    }
    Ok(exit)
}

async fn delete_all(cli: &Cli, ids: &[AnyId], json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let mut exit = Exit::Done;
    for id in ids {
        match delete(&api, id).await {
            Ok(media_id) if json => print(stdout, &format!("{}\n", serde_json::json!({ "mediaId": media_id })))?,
            Ok(media_id) => print(stdout, &format!("{media_id} deleted\n"))?,
            Err(error) => {
                show.note(&format!("{id}: {}", printable(&error.to_string(), 600)));
                exit = exit.and(error.exit());
            }
        }
    }
    Ok(exit)
}

async fn delete(api: &Api, id: &AnyId) -> Result<MediaId, Error> {
    let media_id = media_of(api, id).await?;
    api.delete(&media_id).await?;
    Ok(media_id)
}

/// The media with this id, or the media of the job with this id.
async fn media_of(api: &Api, id: &AnyId) -> Result<MediaId, Error> {
    match id {
        AnyId::Media(media_id) => Ok(media_id.clone()),
        AnyId::Job(job_id) => Ok(api.job_now(job_id).await?.job.media_id),
    }
}

/// Prints a completion script. Buffered first, because the generator panics on a closed pipe.
fn completions(shell: Shell, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "smmu", &mut script);
    print(stdout, &String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

async fn health(cli: &Cli, json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let health = Api::open(cli, show)?.health().await?;
    if json {
        print(stdout, &format!("{}\n", serde_json::json!(health)))?;
    } else {
        let text = format!("{}, version {}, stage {}", health.status, health.version, health.stage);
        print(stdout, &format!("{}\n", printable(&text, 200)))?;
    }
    Ok(if health.status == "ok" { Exit::Done } else { Exit::Trouble })
}

fn print_document(report: &Report, stdout: &mut dyn Write) -> Result<(), Error> {
    let document = report.document();
    let document = document.map_err(|error| Error::Unwritable { place: "a result".to_owned(), cause: error.into() })?;
    print(stdout, &format!("{document}\n"))
}
