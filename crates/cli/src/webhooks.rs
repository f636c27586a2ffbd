//! `smmu webhooks`: manages the endpoints that are notified of ended jobs.

use crate::{
    api::Api,
    args::{Cli, WebhookCommand},
    error::{Error, Exit},
    show::{Show, print, printable},
    table::{Side, lay_out},
};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Longest URL in a table, in characters.
const LONGEST_URL: usize = 60;

/// Runs one of the commands.
pub async fn run(cli: &Cli, what: &WebhookCommand, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let (answer, text, as_json) = match what {
        WebhookCommand::Add { url, description, json } => {
            let made = api.add_webhook(url, description.as_deref()).await?;
            (vec![json!(made)], with_secret(&made, *json, show), *json)
        }
        WebhookCommand::List { json } => {
            let all = api.webhooks().await?;
            let text = table(&all);
            (all.into_iter().map(Value::Object).collect(), text, *json)
        }
        WebhookCommand::Delete { id, json } => {
            api.delete_webhook(id).await?;
            (vec![json!({ "webhookId": id })], format!("{id} deleted\n"), *json)
        }
        WebhookCommand::Rotate { id, json } => {
            let rotated = api.rotate_webhook(id).await?;
            (vec![json!(rotated)], with_secret(&rotated, *json, show), *json)
        }
        WebhookCommand::Replay { id, job, json } => {
            let sent = api.deliver_again(id, job).await?;
            let text = format!("{} is on its way\n", text_of(&sent, "eventId"));
            (vec![json!(sent)], text, *json)
        }
    };
    let lines: Vec<_> = answer.iter().map(|one: &Value| format!("{one}\n")).collect();
    print(stdout, &if as_json { lines.concat() } else { text })?;
    Ok(Exit::Done)
}

fn text_of(webhook: &Map<String, Value>, name: &str) -> String {
    printable(webhook.get(name).and_then(Value::as_str).unwrap_or("-"), 2048)
}

/// An endpoint with its secret. The secret goes to standard output, because the user has to keep it.
fn with_secret(webhook: &Map<String, Value>, json: bool, show: &Show) -> String {
    if !json {
        show.note("keep the secret: it is not shown again");
        if webhook.contains_key("previousSecretUntil") {
            show.note(&format!("the previous secret also signs until {}", text_of(webhook, "previousSecretUntil")));
        }
    }
    let line = |title, name| format!("{title:<9}{}\n", text_of(webhook, name));
    [line("webhook", "webhookId"), line("url", "url"), line("secret", "secret")].concat()
}

fn table(webhooks: &[Map<String, Value>]) -> String {
    let columns = [("WEBHOOK", Side::Left), ("URL", Side::Left), ("CREATED", Side::Left), ("LAST FAILURE", Side::Left)];
    let row = |one: &Map<String, Value>| {
        let url = printable(&text_of(one, "url"), LONGEST_URL);
        [text_of(one, "webhookId"), url, text_of(one, "createdAt"), last_failure(one)]
    };
    let rows: Vec<_> = webhooks.iter().map(row).collect();
    lay_out(columns, &rows)
}

/// The last failure of an endpoint, or `none`.
fn last_failure(webhook: &Map<String, Value>) -> String {
    if webhook.contains_key("disabledAt") {
        return "disabled: it answered 410".to_owned();
    }
    let Some(Value::Object(failure)) = webhook.get("lastFailure") else { return "none".to_owned() };
    let status = failure.get("status").map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}: {}{status}", text_of(failure, "at"), text_of(failure, "reason"))
}
