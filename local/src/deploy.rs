//! Deploys the template like `sam deploy`: build artifacts go to a bucket, the template points to them, and
//! CloudFormation creates everything else.

mod package;
mod page;
mod stack;
mod template;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tokio::process::Command;

use crate::account::REGION;
use crate::address::Address;
use crate::emulator::tail;
use crate::error::LocalError;
use crate::options::{CloudOptions, Step};
pub(crate) use page::publish_page;
use template::{Artifact, Template};

/// Bucket for build artifacts, like the one that `sam deploy --resolve-s3` creates.
const BUCKET: &str = "smmu-local-artifacts";
/// Local defaults for parameters that the template has and the caller does not set. `ImageTag` has no default in the
/// template, and any value works because stand-ins are found by repository. `WebhookTargets` allows webhooks to this
/// machine. `WorkerStartSeconds` is short because a worker is a process here.
const OWN_DEFAULTS: [(&str, &str); 3] =
    [("ImageTag", "local"), ("WebhookTargets", "local"), ("WorkerStartSeconds", "1")];

/// Deploys the template. Returns the stack's outputs.
pub(crate) async fn deploy(options: &CloudOptions, address: &Address) -> Result<BTreeMap<String, String>, LocalError> {
    let sdk = &address.sdk_config().await;
    let s3 = objects(sdk);
    let begun = Instant::now();
    let mut template = Template::read(&options.root.join(&options.template))?;
    s3.create_bucket().bucket(BUCKET).send().await.map_err(LocalError::call("CreateBucket"))?;
    for artifact in template.artifacts()? {
        let (key, bytes) = match &artifact {
            Artifact::Function { resource, binary } => {
                (format!("{resource}.zip"), package::zip(&options.binaries.join(binary))?)
            }
            Artifact::Definition { resource, path } => {
                (format!("{resource}.asl.json"), read(&options.root.join(path))?)
            }
        };
        put(&s3, &key, bytes).await?;
        template.point(&artifact, &format!("s3://{BUCKET}/{key}"));
    }
    // By URL: a template in the request can have only 51,200 bytes, and this one is larger.
    let key = format!("{}.template", options.stack_name);
    put(&s3, &key, template.to_json()).await?;
    (options.on_step)(Step { name: "functions and state machine packaged", took: begun.elapsed() });

    let begun = Instant::now();
    let url = format!("https://s3.{REGION}.amazonaws.com/{BUCKET}/{key}");
    let mut parameters = options.parameters.clone();
    let sources = page::sources(address);
    let own = OWN_DEFAULTS.into_iter().chain([(page::SOURCES, sources.as_str())]);
    for (name, value) in own.filter(|(name, _)| template.has_parameter(name)) {
        parameters.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    let outputs = stack::create(sdk, &options.stack_name, &url, &parameters).await?;
    (options.on_step)(Step { name: "stack deployed", took: begun.elapsed() });
    Ok(outputs)
}

/// Runs a program that deploys. Returns the outputs of its stack.
pub(crate) async fn deploy_by(
    program: &Path,
    options: &CloudOptions,
    address: &Address,
    logs: &Path,
) -> Result<BTreeMap<String, String>, LocalError> {
    let begun = Instant::now();
    let path = logs.join("deploy.log");
    let log = File::create(&path).map_err(LocalError::io("make", &path))?;
    let errors = log.try_clone().map_err(LocalError::io("use", &path))?;
    let stage = options.parameters.get("Stage").map(String::as_str).unwrap_or_default();
    let mut others = options.parameters.clone();
    others.remove("Stage");
    if Template::read(&options.root.join(&options.template))?.has_parameter(page::SOURCES) {
        others.entry(page::SOURCES.to_owned()).or_insert_with(|| page::sources(address));
    }
    let mut command = Command::new(program);
    // The caller's AWS variables must not direct it to another cloud.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
        command.env_remove(name);
    }
    let status = command
        .arg(stage)
        .args(others.iter().map(|(name, value)| format!("{name}={value}")))
        .envs(address.environment())
        .current_dir(&options.root)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(LocalError::io("start", program))?;
    if !status.success() {
        return Err(LocalError::DeployFailed { program: program.to_owned(), status, tail: tail(&path), log: path });
    }
    let outputs = stack::outputs(&address.sdk_config().await, &options.stack_name).await?;
    (options.on_step)(Step { name: "stack deployed", took: begun.elapsed() });
    Ok(outputs)
}

fn objects(sdk: &SdkConfig) -> Client {
    // Otherwise the bucket is part of the host name, which does not resolve.
    Client::from_conf(aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build())
}

async fn put(s3: &Client, key: &str, bytes: Vec<u8>) -> Result<(), LocalError> {
    let put = s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from(bytes));
    put.send().await.map_err(LocalError::call("PutObject")).map(drop)
}

fn read(path: &Path) -> Result<Vec<u8>, LocalError> {
    std::fs::read(path).map_err(LocalError::io("read", path))
}
