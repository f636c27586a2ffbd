//! `POST /jobs/{jobId}/cancel`: ends a job before it is done.

use crate::{
    Context, job, respond,
    routes::{Endpoint, Handler},
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
};

async fn handle(id: &str, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = job::find(id, user, context).await?;
    match context.canceller.cancel(found).await.map_err(|error| respond::cloud_problem(&error))? {
        Cancellation::Cancelled(cancelled) => job::show(StatusCode::OK, &cancelled, context).await,
        Cancellation::Ended(ended) => {
            let detail = format!("the job is {}, so there is nothing left to cancel", ended.status());
            Err(Problem::because(ProblemCode::JobEnded, detail))
        }
        Cancellation::Missing => Err(Problem::new(ProblemCode::NotFound)),
    }
}
