//! The HTTP layer: paths, status codes and error messages of the API.

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::time::Duration;

use super::container::{Container, Containers, Phase};
use super::logs;
use super::model::{
    API_VERSION, ContainerConfig, CreateQuery, Created, DeleteQuery, Filters, ListQuery, LogsQuery, StopQuery, Summary,
    Waited,
};
use super::rejection::Rejection;

/// Default time for a container to end on SIGTERM, as in Docker.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

type Answer<T> = Result<T, Rejection>;

/// Path parameters of a container; the API version is ignored.
#[derive(Debug, Deserialize)]
struct ContainerPath {
    id: String,
}

/// All supported paths.
pub(super) fn router(containers: Containers) -> Router {
    let versioned = Router::new()
        .route("/images/create", post(pull))
        .route("/containers/create", post(create))
        .route("/containers/json", get(list))
        .route("/containers/{id}/json", get(inspect))
        .route("/containers/{id}/start", post(start))
        .route("/containers/{id}/wait", post(wait))
        .route("/containers/{id}/stop", post(stop))
        .route("/containers/{id}/logs", get(log))
        .route("/containers/{id}", delete(remove));
    Router::new()
        .route("/_ping", get(async || ([(HeaderName::from_static("api-version"), API_VERSION)], "OK")))
        .route("/version", get(version))
        .nest("/{version}", versioned)
        .fallback(unknown)
        .with_state(containers)
}

async fn unknown(request: Request) -> Rejection {
    Rejection::new(
        StatusCode::NOT_IMPLEMENTED,
        format!("this engine does not support {} {}", request.method(), request.uri().path()),
    )
}

async fn version() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "Version": env!("CARGO_PKG_VERSION"),
        "ApiVersion": API_VERSION,
        "MinAPIVersion": API_VERSION,
        "Os": "linux",
        "Arch": std::env::consts::ARCH,
    }))
}

#[derive(Debug, Deserialize)]
struct PullQuery {
    #[serde(rename = "fromImage")]
    from_image: String,
}

/// Clients try to pull a missing image; no image can be pulled here.
async fn pull(Query(query): Query<PullQuery>) -> Rejection {
    Rejection::no_such_image(&query.from_image)
}

async fn create(
    State(containers): State<Containers>,
    Query(query): Query<CreateQuery>,
    Json(config): Json<ContainerConfig>,
) -> Answer<(StatusCode, Json<Created>)> {
    let container = containers.create(query.name, config)?;
    Ok((StatusCode::CREATED, Json(Created { id: container.id.clone(), warnings: Vec::new() })))
}

async fn list(State(containers): State<Containers>, Query(query): Query<ListQuery>) -> Answer<Json<Vec<Summary>>> {
    let filters: Filters = match query.filters.as_deref() {
        None | Some("") => Filters::default(),
        Some(json) => serde_json::from_str(json)
            .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, format!("invalid filter: {error}")))?,
    };
    let wanted = |container: &Container| {
        (query.all.0 || matches!(container.phase(), Phase::Running { .. }))
            && filters.label.iter().all(|label| container.has_label(label))
    };
    Ok(Json(
        containers.all().iter().filter(|container| wanted(container)).map(|container| container.summary()).collect(),
    ))
}

async fn inspect(State(containers): State<Containers>, Path(path): Path<ContainerPath>) -> Answer<Response> {
    Ok(Json(containers.find(&path.id)?.inspected()).into_response())
}

async fn start(State(containers): State<Containers>, Path(path): Path<ContainerPath>) -> Answer<StatusCode> {
    let container = containers.find(&path.id)?;
    containers.start(&container).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn wait(State(containers): State<Containers>, Path(path): Path<ContainerPath>) -> Answer<Json<Waited>> {
    let status_code = containers.find(&path.id)?.ended().await;
    Ok(Json(Waited { status_code }))
}

async fn stop(
    State(containers): State<Containers>,
    Path(path): Path<ContainerPath>,
    Query(query): Query<StopQuery>,
) -> Answer<StatusCode> {
    let container = containers.find(&path.id)?;
    if !matches!(container.phase(), Phase::Running { .. }) {
        return Ok(StatusCode::NOT_MODIFIED);
    }
    container.stop(query.t.map_or(STOP_TIMEOUT, Duration::from_secs)).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn log(
    State(containers): State<Containers>,
    Path(path): Path<ContainerPath>,
    Query(query): Query<LogsQuery>,
) -> Answer<Response> {
    let container = containers.find(&path.id)?;
    let body = if query.follow.0 {
        logs::follow(container)
    } else {
        let lines = query.tail.as_deref().and_then(|tail| tail.parse().ok());
        logs::so_far(&container, lines).map_err(|error| Rejection::failed(format!("cannot read the log: {error}")))?
    };
    Ok(body.into_response())
}

async fn remove(
    State(containers): State<Containers>,
    Path(path): Path<ContainerPath>,
    Query(query): Query<DeleteQuery>,
) -> Answer<StatusCode> {
    let container = containers.find(&path.id)?;
    if matches!(container.phase(), Phase::Running { .. }) {
        if !query.force.0 {
            return Err(Rejection::conflict(format!("container {} is running: stop it or use force", container.name)));
        }
        container.stop(Duration::ZERO).await;
    }
    containers.forget(&container);
    Ok(StatusCode::NO_CONTENT)
}
