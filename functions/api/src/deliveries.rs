//! `POST /webhooks/{webhookId}/deliveries`: sends the event of an ended job to an endpoint again.

use crate::{
    body::{nothing_else, object, text},
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Operation, RequestBody, Shape, TO_JOB},
    endpoint::{Endpoint, Handler},
    lookup, respond,
    webhooks::{self, WEBHOOK_ID},
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use serde::Serialize;
use smmu_core::{
    JobId, Problem, ProblemCode, UserId, WebhookId,
    webhook::{Audience, Event, Message, Recipient},
};

/// The job whose message is sent again.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "DeliveryRequest", rename_all = "camelCase", deny_unknown_fields))]
struct DeliveryRequest {
    #[cfg_attr(feature = "schema", schemars(with = "JobId"))]
    job_id: String,
}

/// A queued message.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Delivery<'a> {
    webhook_id: &'a WebhookId,
    job_id: &'a JobId,
    /// The message's `webhook-id`, the same as the first time.
    event_id: String,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/webhooks/{webhookId}/deliveries",
    handler: Handler::User(|call| {
        Box::pin(handle(call.request.body(), call.parameter("webhookId"), call.user, call.context))
    }),
    operation: Operation {
        id: "deliverAgain",
        summary: "Resend the message of a job",
        description: "Sends the message of an ended job once more, even if it was already received. It has the same \
            `webhook-id` as the first time. If it fails, it is not retried.",
        parameters: &[WEBHOOK_ID],
        request: Some(RequestBody {
            required: true,
            body: JsonBody {
                shape: Shape::of::<DeliveryRequest>(),
                example: r#"{"jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m"}"#,
            },
        }),
        answers: &[Answer {
            status: 202,
            description: "The message is queued.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<Delivery<'static>>(),
                example: r#"{"webhookId": "whk_01j9zq4b5c6d7e8f9g0h1j2k3m", "jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m",
                    "eventId": "evt_01j9zq4b5c6d7e8f9g0h1j2k3m_completed"}"#,
            }),
            headers: &[],
            links: &[TO_JOB],
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::JobNotEnded,
            ProblemCode::WebhookDisabled,
            ProblemCode::PayloadTooLarge,
        ],
    },
};

async fn handle(body: &Body, id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let endpoint = webhooks::owned(id, user, context).await?;
    let mut fields = object(body)?;
    let request = DeliveryRequest { job_id: text(&mut fields, "jobId")? };
    nothing_else(&fields)?;
    let job = lookup::job(&request.job_id, user, context).await?;
    if endpoint.disabled_at.is_some() {
        return Err(Problem::new(ProblemCode::WebhookDisabled));
    }
    let Some((event_id, _)) = Event::of(&job, Audience::Owner) else {
        return Err(Problem::because(ProblemCode::JobNotEnded, format!("the job is {}", job.status())));
    };
    let recipient = Recipient::Webhook(endpoint.webhook_id.clone());
    let message = Message { job_id: job.id.clone(), recipient, replay: true };
    context.webhooks.send(&message).await.map_err(|error| respond::cloud_problem(&error))?;
    let event_id = event_id.to_string();
    Ok(respond::json(StatusCode::ACCEPTED, &Delivery { webhook_id: &endpoint.webhook_id, job_id: &job.id, event_id }))
}
