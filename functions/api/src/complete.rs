//! `POST /media/upload/complete`: from an uploaded object to its job.

use crate::{
    Context,
    init::{nothing_else, object, text},
    job, media, origin, respond,
    routes::{Endpoint, Handler},
};
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use smmu_cloud::{SubmitError, clock};
use smmu_core::{Problem, ProblemCode, UserId};

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/media/upload/complete",
    handler: Handler::User(|call| Box::pin(handle(call.request, call.user, call.context))),
};

async fn handle(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let mut fields = object(request.body())?;
    let id = text(&mut fields, "mediaId")?;
    nothing_else(&fields)?;
    let media = media::find(&id, user, context).await?;

    let job = match context.submitter.complete(&media, origin(request)).await {
        Ok(job) => job,
        // Of an upload in parts that is not there the parts were given up: none can be sent any more.
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
