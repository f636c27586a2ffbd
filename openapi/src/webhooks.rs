//! The requests that the service sends (OpenAPI 3.1, `webhooks`).

use crate::Schemas;
use serde_json::{Value, json};
use smmu_core::webhook::Event;

pub(crate) fn webhooks(schemas: &mut Schemas) -> Value {
    let header = |name, description, schema: Value| json!({ "name": name, "in": "header", "required": true, "description": description, "schema": schema });
    let event = schemas.written.subschema_for::<Event>();
    json!({ "jobEnded": { "post": {
        "operationId": "jobEnded",
        "tags": ["webhooks"],
        "summary": "A job has ended",
        "description": "Sent to each endpoint of the job's owner, signed as Standard Webhooks 1.0.0 specifies. It can arrive twice, \
            with the same `webhook-id`. Without a 2xx response within 20 seconds, it is tried up to 13 times in about three days.",
        "security": [],
        "parameters": [
            header("webhook-id", "Message ID, the same for duplicates.", json!({ "type": "string" })),
            header("webhook-timestamp", "Time of sending, in seconds since 1970.", json!({ "type": "integer" })),
            header("webhook-signature", "One signature per secret, each `v1,` and Base64, separated by spaces.", json!({ "type": "string" })),
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": event } } },
        "responses": {
            "2XX": { "description": "The message is received." },
            "410": { "description": "The endpoint wants no more messages and is disabled." },
        },
    } } })
}
