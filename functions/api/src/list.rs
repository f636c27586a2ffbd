//! `GET /jobs` and `GET /media`: the user's jobs and media, newest first, in pages.

use crate::{
    body::short,
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Link, Operation, Parameter, ParameterLocation, Shape, after},
    endpoint::{Endpoint, Handler},
    respond,
};
use lambda_http::{
    Body, Request, Response,
    aws_lambda_events::query_map::QueryMap,
    http::{Method, StatusCode},
};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error},
};
use smmu_core::{
    JobId, JobSummary, Listing, MediaId, MediaKind, MediaStatus, MediaSummary, Page, PageLimit, Problem, ProblemCode,
    Status, UserId,
};
use std::str::FromStr;

/// A page of a list.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JobPage {
    /// Newest first.
    jobs: Vec<JobSummary>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<JobId>,
}

/// A page of a list.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct MediaPage {
    /// Newest first.
    media: Vec<MediaSummary>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<MediaId>,
}

/// The filter by a media's status.
pub(crate) const MEDIA_STATUS: Parameter = Parameter {
    place: ParameterLocation::Query,
    name: "status",
    description: "Only entries with this status.",
    shape: Shape::of::<MediaStatus>(),
};

/// The filter by kind, common to both lists.
pub(crate) const KIND: Parameter = Parameter {
    place: ParameterLocation::Query,
    name: "kind",
    description: "Only entries of this kind. Media that were not inspected yet have no kind.",
    shape: Shape::of::<MediaKind>(),
};

pub(crate) const LIMIT: Parameter = Parameter {
    place: ParameterLocation::Query,
    name: "limit",
    description: "Maximum number of entries per page. A filtered page can be shorter before the end of the list.",
    shape: Shape::of::<PageLimit>(),
};

const DESCRIPTION: &str = "Newest first. The last page has no `next`. The list can lag a moment behind changes. \
    Unknown and repeated parameters are refused.";

pub(crate) static JOBS: Endpoint = Endpoint {
    method: Method::GET,
    path: "/jobs",
    handler: Handler::User(|call| Box::pin(jobs(call.request, call.user, call.context))),
    operation: Operation {
        id: "listJobs",
        summary: "List jobs",
        description: DESCRIPTION,
        parameters: &[
            Parameter {
                place: ParameterLocation::Query,
                name: "status",
                description: "Only entries with this status.",
                shape: Shape::of::<Status>(),
            },
            KIND,
            LIMIT,
            after(Shape::of::<JobId>()),
        ],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "A page of the list.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<JobPage>(),
                example: r#"{"jobs": [{"jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m",
                    "mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m", "status": "FAILED", "kind": "image",
                    "error": {"code": "corrupt_media", "message": "the file ends early", "stage": "render",
                        "retryable": false, "remedy":
                            "Check that the file opens on your device, then export it again and upload the new copy."},
                    "createdAt": "2026-01-01T00:00:00.000Z"}], "next": "job_01j9zq4b5c6d7e8f9g0h1j2k3m"}"#,
            }),
            headers: &[],
            links: &[
                Link {
                    operation: "getJob",
                    description: "The newest entry.",
                    parameters: &[("jobId", "$response.body#/jobs/0/jobId")],
                    body: &[],
                },
                Link {
                    operation: "listJobs",
                    description: "The next page.",
                    parameters: &[("after", "$response.body#/next")],
                    body: &[],
                },
            ],
        }],
        problems: &[ProblemCode::InvalidRequest],
    },
};

/// A page of the user's jobs.
async fn jobs(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = context.submitter.jobs.of_user(user, &listing(request)?).await;
    let Page { entries, next } = found.map_err(|error| respond::cloud_problem(&error))?;
    Ok(respond::json(StatusCode::OK, &JobPage { jobs: entries, next }))
}

pub(crate) static MEDIA: Endpoint = Endpoint {
    method: Method::GET,
    path: "/media",
    handler: Handler::User(|call| Box::pin(media(call.request, call.user, call.context))),
    operation: Operation {
        id: "listMedia",
        summary: "List uploads",
        description: DESCRIPTION,
        parameters: &[MEDIA_STATUS, KIND, LIMIT, after(Shape::of::<MediaId>())],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "A page of the list.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<MediaPage>(),
                example: r#"{"media": [{"mediaId": "med_01j9zq4b5c6d7e8f9g0h1j2k3m",
                    "jobId": "job_01j9zq4b5c6d7e8f9g0h1j2k3m", "status": "SUBMITTED", "kind": "image",
                    "filename": "pixel.png", "size": 67, "thumbhash": "AAgGBIAAgA==", "createdAt": "2026-01-01T00:00:00.000Z"}]}"#,
            }),
            headers: &[],
            links: &[
                Link {
                    operation: "getMedia",
                    description: "The newest entry.",
                    parameters: &[("mediaId", "$response.body#/media/0/mediaId")],
                    body: &[],
                },
                Link {
                    operation: "listMedia",
                    description: "The next page.",
                    parameters: &[("after", "$response.body#/next")],
                    body: &[],
                },
            ],
        }],
        problems: &[ProblemCode::InvalidRequest],
    },
};

/// A page of the user's media.
async fn media(request: &Request, user: &UserId, context: &Context) -> Result<Response<Body>, Problem> {
    let found = context.submitter.media.of_user(user, &listing(request)?).await;
    let Page { mut entries, next } = found.map_err(|error| respond::cloud_problem(&error))?;
    let added = context.submitter.media.add_thumbhashes(&mut entries).await;
    added.map_err(|error| respond::cloud_problem(&error))?;
    Ok(respond::json(StatusCode::OK, &MediaPage { media: entries, next }))
}

/// The parameters of a list. The user is not a parameter: a list always belongs to the user of the token.
pub(crate) fn listing<S, I>(request: &Request) -> Result<Listing<S, I>, Problem>
where
    S: for<'de> Deserialize<'de>,
    I: FromStr,
{
    let parameters: QueryMap = request.uri().query().unwrap_or_default().parse().unwrap_or_default();
    let mut listing = Listing { status: None, kind: None, limit: PageLimit::default(), after: None };
    let mut seen = Vec::new();
    for (name, value) in parameters.iter() {
        if seen.contains(&name) {
            return Err(invalid(name, "is given twice"));
        }
        seen.push(name);
        match name {
            "status" => listing.status = Some(named(name, value)?),
            "kind" => listing.kind = Some(named::<MediaKind>(name, value)?),
            "limit" => {
                let limit = value.parse().ok().and_then(PageLimit::new);
                let range = || invalid(name, &format!("must be a whole number from 1 to {}", PageLimit::MAX));
                listing.limit = limit.ok_or_else(range)?;
            }
            "after" => {
                let after = value.parse().map_err(|_| invalid(name, "must be the `next` of an earlier page"))?;
                listing.after = Some(after);
            }
            // Ignoring a misspelt filter would return more than the client wanted.
            other => return Err(invalid(&short(other), "is not a parameter of this list")),
        }
    }
    Ok(listing)
}

/// Parses a value by its name in the API.
fn named<T: for<'de> Deserialize<'de>>(name: &str, value: &str) -> Result<T, Problem> {
    let read: Result<T, Error> = T::deserialize(value.into_deserializer());
    // The error lists the accepted names and quotes the sender's value.
    read.map_err(|error| invalid(name, &format!("has {error}")))
}

fn invalid(parameter: &str, detail: &str) -> Problem {
    Problem::because(ProblemCode::InvalidRequest, format!("the parameter `{parameter}` {detail}"))
}

#[cfg(test)]
mod tests {
    use super::listing;
    use lambda_http::{Body, Request, http};
    use smmu_core::{JobListing, MediaKind, MediaListing, MediaStatus, PageLimit, Problem, Status};

    fn request(query: &str) -> Request {
        http::Request::builder().uri(format!("https://api.example/jobs{query}")).body(Body::Empty).unwrap()
    }

    fn jobs(query: &str) -> Result<JobListing, Problem> {
        listing(&request(query))
    }

    #[test]
    fn a_list_without_parameters_begins_with_the_newest() {
        for query in ["", "?"] {
            let listing = jobs(query).unwrap();
            assert_eq!((listing.status, listing.kind, listing.after), (None, None, None));
            assert_eq!(listing.limit, PageLimit::default());
        }
    }

    #[test]
    fn parameters_are_read_in_any_order() {
        let listing = jobs("?kind=video&after=job_01j9zq4b5c6d7e8f9g0h1j2k3m&limit=7&status=FAILED").unwrap();
        assert_eq!((listing.status, listing.kind), (Some(Status::Failed), Some(MediaKind::Video)));
        assert_eq!(listing.limit.entries(), 7);
        assert_eq!(listing.after.unwrap().as_str(), "job_01j9zq4b5c6d7e8f9g0h1j2k3m");
        let media: MediaListing = listing_of("?status=AWAITING_UPLOAD");
        assert_eq!(media.status, Some(MediaStatus::AwaitingUpload));
    }

    fn listing_of(query: &str) -> MediaListing {
        listing(&request(query)).unwrap()
    }

    #[test]
    fn a_refusal_names_its_parameter() {
        for (query, parameter) in [
            ("?status=DONE", "status"),
            ("?status=failed", "status"),
            ("?status=", "status"),
            ("?kind=text", "kind"),
            ("?limit=0", "limit"),
            ("?limit=101", "limit"),
            ("?limit=-1", "limit"),
            ("?limit=1.5", "limit"),
            ("?limit=", "limit"),
            ("?after=x", "after"),
            ("?after=med_01j9zq4b5c6d7e8f9g0h1j2k3m", "after"),
            ("?userId=somebody", "userId"),
            ("?limit=1&limit=2", "limit"),
            ("?limit=1&limit=1", "limit"),
        ] {
            let problem = jobs(query).expect_err(query);
            let detail = problem.detail.unwrap();
            assert!(detail.starts_with(&format!("the parameter `{parameter}` ")), "{query}: {detail}");
        }
        for tombstone in ["DELETED", "PURGED"] {
            let refused: Result<MediaListing, _> = listing(&request(&format!("?status={tombstone}")));
            let detail = refused.unwrap_err().detail.unwrap();
            assert!(detail.ends_with("expected one of `AWAITING_UPLOAD`, `SUBMITTED`, `EXPIRED`"), "{detail}");
        }
        let detail = jobs("?status=DONE").unwrap_err().detail.unwrap();
        assert!(detail.contains("`RUNNING`"), "it lists the accepted values: {detail}");
    }
}
