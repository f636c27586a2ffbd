//! Deploys the template as `sam deploy` does: build artifacts go to a bucket, the template points at them, and
//! CloudFormation makes the rest. Nothing else is created by hand.

mod package;
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
use template::{Artifact, Template};

/// Where build artifacts are put, in place of the bucket that `sam deploy --resolve-s3` makes.
const BUCKET: &str = "smmu-local-artifacts";
/// The parameter that names the images' tag; it has no default.
const IMAGE_TAG: &str = "ImageTag";

/// Deploys and gives the stack's outputs.
pub(crate) async fn deploy(options: &CloudOptions, sdk: &SdkConfig) -> Result<BTreeMap<String, String>, LocalError> {
    let s3 = Client::from_conf(
        aws_sdk_s3::config::Builder::from(sdk)
            // A bucket in the host name would have to be resolved.
            .force_path_style(true)
            .build(),
    );
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
    // By address, not in the request: a request may carry 51,200 bytes of template, and this one has more.
    let key = format!("{}.template", options.stack_name);
    put(&s3, &key, template.to_json()).await?;
    (options.on_step)(Step { name: "functions and state machine packaged", took: begun.elapsed() });

    let begun = Instant::now();
    let url = format!("https://s3.{REGION}.amazonaws.com/{BUCKET}/{key}");
    let mut parameters = options.parameters.clone();
    if template.has_parameter(IMAGE_TAG) {
        // What stands in for an image is found by its repository.
        parameters.entry(IMAGE_TAG.to_owned()).or_insert_with(|| "local".to_owned());
    }
    let outputs = stack::create(sdk, &options.stack_name, &url, &parameters).await?;
    (options.on_step)(Step { name: "stack deployed", took: begun.elapsed() });
    Ok(outputs)
}

/// Has a program deploy, and gives the outputs of the stack that it made.
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
    let others = options.parameters.iter().filter(|(name, _)| *name != "Stage");
    let mut command = Command::new(program);
    // Nothing of the caller's may lead it to another cloud.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
        command.env_remove(name);
    }
    let status = command
        .arg(stage)
        .args(others.map(|(name, value)| format!("{name}={value}")))
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

async fn put(s3: &Client, key: &str, bytes: Vec<u8>) -> Result<(), LocalError> {
    let put = s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from(bytes));
    put.send().await.map_err(LocalError::call("PutObject")).map(drop)
}

fn read(path: &Path) -> Result<Vec<u8>, LocalError> {
    std::fs::read(path).map_err(LocalError::io("read", path))
}
