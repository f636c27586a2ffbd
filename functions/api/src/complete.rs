//! `POST /media/upload/complete`: from an uploaded object to its job.

use crate::{
    body::{nothing_else, object, text},
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Header, Operation, RequestBody, Shape},
    endpoint::{Endpoint, Handler},
    job, lookup,
    request::origin,
    respond,
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use smmu_cloud::{SubmitError, clock};
use smmu_core::{Problem, ProblemCode, UserId};

/// The upload to submit.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "CompleteRequest", rename_all = "camelCase", deny_unknown_fields))]
struct CompleteBody {
    #[cfg_attr(feature = "schema", schemars(with = "smmu_core::MediaId"))]
    media_id: String,
}

impl CompleteBody {
    fn read(body: &Body) -> Result<Self, Problem> {
        let mut fields = object(body)?;
        let media_id = text(&mut fields, "mediaId")?;
        nothing_else(&fields)?;
        Ok(Self { media_id })
    }
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/media/upload/complete",
    handler: Handler::User(|call| Box::pin(handle(call.request, call.user, call.context))),
    operation: Operation {
        id: "completeUpload",
        summary: "Submit an uploaded file",
        description: "Starts the job of an uploaded file. Repeating the request returns the same job, also if the \
            upload has already started the job.",
        parameters: &[],
        request: Some(RequestBody {
            required: true,
            body: JsonBody {
                shape: Shape::of::<CompleteBody>(),
                example: r#"{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m"}"#,
            },
        }),
        answers: &[Answer {
            status: 202,
            description: "The job. `Location` has its path.",
            content: Content::Json(job::BODY),
            headers: &[Header::Location, Header::ETag, Header::RetryAfter],
            links: job::LINKS,
        }],
        problems: &[
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::UploadNotFound,
            ProblemCode::UploadMismatch,
            ProblemCode::PartsMissing,
            ProblemCode::UploadExpired,
            ProblemCode::PayloadTooLarge,
        ],
    },
};

async fn handle(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let CompleteBody { media_id } = CompleteBody::read(request.body())?;
    let media = lookup::media(&media_id, user, context).await?;

    let job = match context.submitter.complete(&media, origin(request)).await {
        Ok(job) => job,
        // The parts of this upload were discarded: no more can be sent.
        Err(SubmitError::NotUploaded) if media.grant.parts().is_some() => {
            return Err(Problem::new(ProblemCode::UploadExpired));
        }
        Err(SubmitError::NotUploaded | SubmitError::PartsMissing(_)) if clock::now() > media.expires_at => {
            return Err(Problem::new(ProblemCode::UploadExpired));
        }
        Err(error) => return Err(respond::submit_problem(&error)),
    };
    let location = HeaderValue::from_str(&format!("/jobs/{}", job.id)).expect("job ids are ASCII");
    let mut response = job::show(StatusCode::ACCEPTED, &job, context).await?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
