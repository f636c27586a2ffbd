//! `smmu login` with the stack's own user pool, from the temporary password to the end of the session.

use aws_sdk_cognitoidentityprovider::{Client as Cognito, types::MessageActionType};
use serde_json::Value;
use smmu_local::CloudOptions;
use smmu_tests::{Stack, by_request};
use std::{fs, path::Path, process::Stdio};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

const USER: &str = "signs-in";

/// Runs the client, configured only with the API's address, and answers its prompts.
async fn smmu(stack: &Stack, desk: &TempDir, arguments: &[&str], answers: &str) -> (Option<i32>, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(CloudOptions::for_workspace(root).binaries.join("smmu"));
    command.args(arguments).env("XDG_CONFIG_HOME", desk.path()).env_remove("SMMU_TOKEN").kill_on_drop(true);
    command.env("SMMU_API", stack.cloud.address().api_url().unwrap());
    // The address of the local cloud, as for SDKs.
    command.env("AWS_ENDPOINT_URL", stack.cloud.address().endpoint());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(answers.as_bytes()).await.unwrap();
    let ended = running.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

/// Moves the access token's expiry in the session file into the past. Returns the access token.
fn aged(desk: &TempDir) -> String {
    let folder = desk.path().join("smmu/sessions");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sessions: Vec<_> = files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).collect();
    let [file] = &sessions[..] else { panic!("one session: {sessions:?}") };
    let mut session: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    session["expiresAt"] = "2026-01-01T00:00:00.000Z".into();
    fs::write(file, session.to_string()).unwrap();
    session["access"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_user_chooses_a_password_and_stays_signed_in_until_they_sign_out() {
    let stack = by_request();
    let desk = tempfile::tempdir().unwrap();
    let cognito = Cognito::new(&stack.sdk);
    let user = cognito.admin_create_user().user_pool_id(stack.output("UserPoolId")).username(USER);
    user.temporary_password("Temporary-0001").message_action(MessageActionType::Suppress).send().await.unwrap();

    let login = ["login", "--user", USER, "--password-stdin"];
    let (code, _, stderr) = smmu(stack, &desk, &login, "Temporary-0002\n").await;
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("NotAuthorizedException") && stderr.contains("Check the user name"), "{stderr}");
    let (code, _, stderr) = smmu(stack, &desk, &login, "Temporary-0001\nshort\n").await;
    assert!(code == Some(3) && stderr.contains("InvalidPasswordException"), "{stderr}");
    let (code, stdout, stderr) = smmu(stack, &desk, &login, "Temporary-0001\nChosen-by-me-2\n").await;
    assert!(code == Some(0) && stdout.starts_with("signed in to "), "{stdout}{stderr}");
    // Then only the chosen password is valid.
    assert_eq!(smmu(stack, &desk, &login, "Temporary-0001\n").await.0, Some(3));
    assert_eq!(smmu(stack, &desk, &login, "Chosen-by-me-2\n").await.0, Some(0));

    let (code, _, stderr) = smmu(stack, &desk, &["list"], "").await;
    assert_eq!(code, Some(0), "{stderr}");
    let before = aged(&desk);
    let (code, _, stderr) = smmu(stack, &desk, &["list"], "").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_ne!(aged(&desk), before, "the token was renewed");

    let kept = tempfile::tempdir().unwrap();
    let (from, to) = (desk.path().join("smmu/sessions"), kept.path().join("smmu/sessions"));
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let (code, stdout, stderr) = smmu(stack, &desk, &["logout"], "").await;
    assert!(code == Some(0) && stdout.starts_with("signed out of "), "{stdout}{stderr}");
    assert_eq!(smmu(stack, &desk, &["list"], "").await.0, Some(2));
    let (code, _, stderr) = smmu(stack, &kept, &["list"], "").await;
    assert!(
        code == Some(3) && stderr.contains("Run `smmu login` again"),
        "a copy of the session is revoked too: {stderr}"
    );
}
