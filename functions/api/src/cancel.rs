//! `POST /jobs/{jobId}/cancel`: cancels a job.

use crate::{
    context::Context,
    describe::{Answer, Content, Header, JOB_ID, Operation},
    endpoint::{Endpoint, Handler},
    job, lookup, respond,
};
use lambda_http::{
    Body, Response,
    http::{Method, StatusCode},
};
use smmu_cloud::Cancellation;
use smmu_core::{Problem, ProblemCode, UserId};

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::POST,
    path: "/jobs/{jobId}/cancel",
    handler: Handler::User(|call| Box::pin(handle(call.parameter("jobId"), call.user, call.context))),
    operation: Operation {
        id: "cancelJob",
        summary: "Cancel a job",
        description: "Ends a job before it is done. Cancelling again returns the same job. Outputs that were `ready` stay \
            readable.\n\n503 means that the job is cancelled but its workers could not be stopped yet: send the request again.",
        parameters: &[JOB_ID],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The job, now `CANCELLED`.",
            content: Content::Json(job::BODY),
            headers: &[Header::ETag],
            links: job::LINKS,
        }],
        problems: &[ProblemCode::NotFound, ProblemCode::JobEnded],
    },
};

async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = lookup::job(id, user, context).await?;
    match context.canceller.cancel(found).await.map_err(|error| respond::cloud_problem(&error))? {
        Cancellation::Cancelled(cancelled) => job::show(StatusCode::OK, &cancelled, context).await,
        Cancellation::Ended(ended) => {
            let detail = format!("the job is {}, so there is nothing left to cancel", ended.status());
            Err(Problem::because(ProblemCode::JobEnded, detail))
        }
        Cancellation::Missing => Err(Problem::new(ProblemCode::NotFound)),
    }
}
