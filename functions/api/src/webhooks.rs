//! `/webhooks`: a user's own endpoints that are notified of ended jobs.

use crate::{
    body::{nothing_else, object, text},
    context::Context,
    describe::{
        Answer, Body as JsonBody, Content, Header, Link, Operation, Parameter, ParameterLocation, RequestBody, Shape,
    },
    endpoint::{Endpoint as Route, Handler},
    respond,
};
use lambda_http::{
    Body, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use serde::Serialize;
use serde_json::{Map, Value};
use smmu_cloud::{clock, webhooks::new_secret};
use smmu_core::{
    Problem, ProblemCode, Timestamp, UserId, WebhookId,
    webhook::{DeliveryFailure, Endpoint, MAX_DESCRIPTION, MAX_ENDPOINTS, target},
};

/// An endpoint, as its owner sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Webhook"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView {
    webhook_id: WebhookId,
    /// URL that messages are sent to.
    url: String,
    /// Description for the owner's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created_at: Timestamp,
    /// End of the time in which the previous secret also signs, after a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_until: Option<Timestamp>,
    /// Time at which it answered 410. Nothing has been sent to it since.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// The delivery that failed last. A later success does not remove it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<DeliveryFailure>,
}

/// An endpoint with its secret, which is not shown again.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookWithSecret"))]
struct Revealed {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Secret that signs the messages: `whsec_` and the key in Base64.
    secret: String,
}

/// A user's endpoints.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookList"))]
struct List {
    /// Oldest first.
    webhooks: Vec<WebhookView>,
}

/// The endpoint to create.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "WebhookRequest", rename_all = "camelCase", deny_unknown_fields))]
struct WebhookRequest {
    /// A public https URL without credentials or fragment, on port 443 or from 1024 on. Others are refused with 422.
    #[cfg_attr(feature = "schema", schemars(url, length(max = smmu_core::webhook::MAX_URL)))]
    url: String,
    /// Description for your own reference.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_DESCRIPTION)))]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = smmu_core::labels::WITHOUT_CONTROLS)))]
    description: Option<String>,
}

/// Path parameter: a webhook ID.
pub(crate) const WEBHOOK_ID: Parameter = Parameter {
    place: ParameterLocation::Path,
    name: "webhookId",
    description: "The endpoint.",
    shape: Shape::of::<WebhookId>(),
};

const LINKS: &[Link] = &[
    Link {
        operation: "getWebhook",
        description: "The endpoint, without its secret.",
        parameters: &[("webhookId", "$response.body#/webhookId")],
        body: &[],
    },
    Link {
        operation: "rotateWebhookSecret",
        description: "Replace this secret.",
        parameters: &[("webhookId", "$response.body#/webhookId")],
        body: &[],
    },
];

const EXAMPLE: &str = r#"{"webhookId": "whk_01j9zq4b5c6d7e8f9g0h1j2k3m", "url": "https://hooks.example.com/media",
    "createdAt": "2026-01-01T00:00:00.000Z"}"#;
const REVEALED_EXAMPLE: &str = r#"{"webhookId": "whk_01j9zq4b5c6d7e8f9g0h1j2k3m",
    "url": "https://hooks.example.com/media", "createdAt": "2026-01-01T00:00:00.000Z",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}"#;

pub(crate) static CREATE: Route = Route {
    method: Method::POST,
    path: "/webhooks",
    handler: Handler::User(|call| Box::pin(create(call.request.body(), call.user, call.context))),
    operation: Operation {
        id: "createWebhook",
        summary: "Register an endpoint for ended jobs",
        description: "Sends a signed message (Standard Webhooks 1.0.0) to this URL when a job of the user ends. \
            The secret is shown only in this response.",
        parameters: &[],
        request: Some(RequestBody {
            required: true,
            body: JsonBody {
                shape: Shape::of::<WebhookRequest>(),
                example: r#"{"url": "https://hooks.example.com/media", "description": "Publishes what is ready"}"#,
            },
        }),
        answers: &[Answer {
            status: 201,
            description: "The endpoint with its secret.",
            content: Content::Json(JsonBody { shape: Shape::of::<Revealed>(), example: REVEALED_EXAMPLE }),
            headers: &[Header::Location],
            links: LINKS,
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::TooManyWebhooks,
            ProblemCode::PayloadTooLarge,
            ProblemCode::WebhookUrlRefused,
        ],
    },
};

pub(crate) static LIST: Route = Route {
    method: Method::GET,
    path: "/webhooks",
    handler: Handler::User(|call| Box::pin(list(call.user, call.context))),
    operation: Operation {
        id: "listWebhooks",
        summary: "List the user's webhooks",
        description: "Oldest first, without their secrets.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "All endpoints.",
            content: Content::Json(JsonBody { shape: Shape::of::<List>(), example: r#"{"webhooks": []}"# }),
            headers: &[],
            links: &[],
        }],
        problems: &[],
    },
};

pub(crate) static GET: Route = Route {
    method: Method::GET,
    path: "/webhooks/{webhookId}",
    handler: Handler::User(|call| Box::pin(get(call.parameter("webhookId"), call.user, call.context))),
    operation: Operation {
        id: "getWebhook",
        summary: "Show an endpoint",
        description: "Without its secret. `lastFailure` says why a delivery failed.",
        parameters: &[WEBHOOK_ID],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The endpoint.",
            content: Content::Json(JsonBody { shape: Shape::of::<WebhookView>(), example: EXAMPLE }),
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::NotFound],
    },
};

pub(crate) static DELETE: Route = Route {
    method: Method::DELETE,
    path: "/webhooks/{webhookId}",
    handler: Handler::User(|call| Box::pin(delete(call.parameter("webhookId"), call.user, call.context))),
    operation: Operation {
        id: "deleteWebhook",
        summary: "Delete an endpoint",
        description: "Nothing more is sent to it, including pending retries.",
        parameters: &[WEBHOOK_ID],
        request: None,
        answers: &[Answer {
            status: 204,
            description: "The endpoint is deleted.",
            content: Content::Empty,
            headers: &[],
            links: &[],
        }],
        problems: &[ProblemCode::NotFound],
    },
};

pub(crate) static ROTATE: Route = Route {
    method: Method::POST,
    path: "/webhooks/{webhookId}/rotate",
    handler: Handler::User(|call| Box::pin(rotate(call.parameter("webhookId"), call.user, call.context))),
    operation: Operation {
        id: "rotateWebhookSecret",
        summary: "Rotate an endpoint's secret",
        description: "For 24 hours, messages are signed with both secrets, then with the new one only. The secret is \
            shown only in this response.",
        parameters: &[WEBHOOK_ID],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The endpoint with its new secret.",
            content: Content::Json(JsonBody { shape: Shape::of::<Revealed>(), example: REVEALED_EXAMPLE }),
            headers: &[],
            links: LINKS,
        }],
        problems: &[ProblemCode::NotFound],
    },
};

impl WebhookView {
    pub(crate) fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        let previous = endpoint.previous.as_ref().map(|(_, until)| *until);
        Self {
            webhook_id: endpoint.webhook_id.clone(),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            created_at: endpoint.created_at,
            previous_secret_until: previous.filter(|until| now < *until),
            disabled_at: endpoint.disabled_at,
            last_failure: endpoint.last_failure.clone(),
        }
    }
}

impl WebhookRequest {
    fn read(body: &Body) -> Result<Self, Problem> {
        let mut fields = object(body)?;
        let read = Self { url: text(&mut fields, "url")?, description: description(&mut fields)? };
        nothing_else(&fields)?;
        Ok(read)
    }
}

fn description(fields: &mut Map<String, Value>) -> Result<Option<String>, Problem> {
    let text = match fields.remove("description") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Problem::with_field(ProblemCode::InvalidRequest, "description", "must be a string")),
    };
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        let bound = format!("must have at most {MAX_DESCRIPTION} characters and no control characters");
        return Err(Problem::with_field(ProblemCode::InvalidRequest, "description", bound));
    }
    Ok(Some(text))
}

/// The public view of all endpoints of a user.
pub(crate) async fn views(user: &UserId, context: &Context) -> Result<Vec<WebhookView>, Problem> {
    let now = clock::now();
    Ok(endpoints(user, context).await?.iter().map(|one| WebhookView::of(one, now)).collect())
}

/// A user's own endpoint. An invalid ID is treated as a missing one.
pub(crate) async fn owned(id: &str, user: &UserId, context: &Context) -> Result<Endpoint, Problem> {
    let found = endpoints(user, context).await?.into_iter().find(|one| one.webhook_id.as_str() == id);
    found.ok_or(Problem::new(ProblemCode::NotFound))
}

async fn endpoints(user: &UserId, context: &Context) -> Result<Vec<Endpoint>, Problem> {
    context.submitter.media.webhooks(user).await.map_err(|error| respond::cloud_problem(&error))
}

/// Applies `change` to a user's endpoints and stores them, unless it fails.
async fn change<T>(
    user: &UserId,
    context: &Context,
    change: impl Fn(&mut Vec<Endpoint>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let changed = context.submitter.media.change_webhooks(user, change).await;
    changed.map_err(|error| respond::cloud_problem(&error))?
}

async fn create(body: &Body, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let WebhookRequest { url, description } = WebhookRequest::read(body)?;
    let url = target(&url, context.reach)
        .map_err(|why| Problem::with_field(ProblemCode::WebhookUrlRefused, "url", why.to_string()))?;
    let endpoint = Endpoint {
        webhook_id: clock::new_webhook_id(),
        url: url.into(),
        description,
        secret: new_secret(),
        previous: None,
        created_at: clock::now(),
        disabled_at: None,
        last_failure: None,
    };
    change(user, context, |all| {
        // An earlier try may have been written although its answer was lost: do not apply it twice.
        if all.iter().any(|one| one.webhook_id == endpoint.webhook_id) {
            return Ok(());
        }
        if all.len() >= MAX_ENDPOINTS {
            let detail = format!("the user has {} webhooks; at most {MAX_ENDPOINTS} are allowed", all.len());
            return Err(Problem::because(ProblemCode::TooManyWebhooks, detail));
        }
        all.push(endpoint.clone());
        Ok(())
    })
    .await?;
    tracing::info!(endpoint = endpoint.webhook_id.as_str(), "webhook endpoint created");
    let location = HeaderValue::from_str(&format!("/webhooks/{}", endpoint.webhook_id)).expect("ids are ASCII");
    let mut response = respond::json(StatusCode::CREATED, &revealed(&endpoint));
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn revealed(endpoint: &Endpoint) -> Revealed {
    Revealed { webhook: WebhookView::of(endpoint, clock::now()), secret: endpoint.secret.reveal() }
}

async fn list(user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    Ok(respond::json(StatusCode::OK, &List { webhooks: views(user, context).await? }))
}

async fn get(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let endpoint = owned(id, user, context).await?;
    Ok(respond::json(StatusCode::OK, &WebhookView::of(&endpoint, clock::now())))
}

async fn delete(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    change(user, context, |all| {
        let before = all.len();
        all.retain(|one| one.webhook_id.as_str() != id);
        if all.len() < before { Ok(()) } else { Err(Problem::new(ProblemCode::NotFound)) }
    })
    .await?;
    tracing::info!(endpoint = id, "webhook endpoint deleted");
    Ok(respond::no_content())
}

async fn rotate(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let (secret, now) = (new_secret(), clock::now());
    let rotated = change(user, context, |all| {
        let found = all.iter_mut().find(|one| one.webhook_id.as_str() == id);
        let endpoint = found.ok_or(Problem::new(ProblemCode::NotFound))?;
        // An earlier try may have been written although its answer was lost: do not apply it twice.
        if endpoint.secret != secret {
            endpoint.rotate(secret.clone(), now);
        }
        Ok(endpoint.clone())
    })
    .await?;
    tracing::info!(endpoint = id, "webhook secret rotated");
    Ok(respond::json(StatusCode::OK, &revealed(&rotated)))
}

#[cfg(test)]
mod tests {
    use super::WebhookRequest;
    use lambda_http::Body;

    fn pointer(body: &str) -> Option<String> {
        WebhookRequest::read(&Body::from(body.to_owned())).err()?.pointer
    }

    #[test]
    fn invalid_fields_are_named() {
        assert!(WebhookRequest::read(&Body::from(r#"{"url": "x", "description": null}"#)).is_ok());
        let long = format!(r#"{{"url": "x", "description": "{}"}}"#, "ä".repeat(256));
        for (body, field) in [
            ("{}", "/url"),
            (r#"{"url": 7}"#, "/url"),
            (r#"{"url": "x", "description": 7}"#, "/description"),
            (r#"{"url": "x", "description": "a\u0007"}"#, "/description"),
            (&long, "/description"),
            (r#"{"url": "x", "secret": "whsec_"}"#, "/secret"),
        ] {
            assert_eq!(pointer(body).as_deref(), Some(field), "{body}");
        }
    }
}
