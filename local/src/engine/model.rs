//! Requests and responses of the Docker Engine API v1.44, as far as they are used here.
//! Field names and meanings: docs.docker.com/reference/api/engine/version/v1.44.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::size::Size;

/// The supported API version. Clients adapt to it.
pub(super) const API_VERSION: &str = "1.44";

/// `ContainerConfig`, of `ContainerCreate`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerConfig {
    pub(super) image: String,
    /// Arguments after the image's entry point.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) cmd: Vec<String>,
    /// Variables as `NAME=value`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) host_config: Size,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// Query of `ContainerCreate`.
#[derive(Debug, Deserialize)]
pub(super) struct CreateQuery {
    pub(super) name: Option<String>,
}

/// Response of `ContainerCreate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Created {
    pub(super) id: String,
    pub(super) warnings: Vec<String>,
}

/// Query of `ContainerList`. `filters` is a JSON object with a list of values per filter.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    pub(super) all: Flag,
    pub(super) filters: Option<String>,
}

/// The supported filters of `ContainerList`; others are rejected.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    /// `name` or `name=value`; a container must have all of them.
    #[serde(default)]
    pub(super) label: Vec<String>,
}

/// One container in the response of `ContainerList`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) names: Vec<String>,
    pub(super) image: String,
    pub(super) state: &'static str,
    pub(super) labels: BTreeMap<String, String>,
}

/// Response of `ContainerInspect`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: String,
    pub(super) image: String,
    pub(super) state: InspectedState,
    pub(super) config: InspectedConfig,
    pub(super) network_settings: NetworkSettings,
}

/// `ContainerState`, of `ContainerInspect`. Times are RFC 3339.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedState {
    pub(super) status: &'static str,
    pub(super) running: bool,
    pub(super) pid: i32,
    pub(super) exit_code: i32,
    pub(super) started_at: String,
    pub(super) finished_at: String,
}

/// `ContainerConfig`, of `ContainerInspect`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedConfig {
    pub(super) image: String,
    pub(super) env: Vec<String>,
    pub(super) cmd: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Determines the framing of the log.
    pub(super) tty: bool,
}

/// `NetworkSettings`, of `ContainerInspect`. Processes share the machine's network.
#[derive(Debug, Serialize)]
pub(super) struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    pub(super) ip_address: &'static str,
    #[serde(rename = "Networks")]
    pub(super) networks: BTreeMap<String, String>,
}

/// Query of `ContainerLogs`.
#[derive(Debug, Deserialize)]
pub(super) struct LogsQuery {
    #[serde(default)]
    pub(super) follow: Flag,
    /// `all`, or the number of last lines.
    pub(super) tail: Option<String>,
}

/// Query of `ContainerStop`: seconds between SIGTERM and SIGKILL.
#[derive(Debug, Deserialize)]
pub(super) struct StopQuery {
    pub(super) t: Option<u64>,
}

/// Query of `ContainerDelete`.
#[derive(Debug, Deserialize)]
pub(super) struct DeleteQuery {
    #[serde(default)]
    pub(super) force: Flag,
}

/// Response of `ContainerWait`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Waited {
    pub(super) status_code: i32,
}

/// A flag in a query: clients write `1`, `true` or `True`, and `0`, `false` or `False`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        match String::deserialize(value)?.as_str() {
            "1" | "true" | "True" => Ok(Self(true)),
            "" | "0" | "false" | "False" => Ok(Self(false)),
            other => Err(serde::de::Error::custom(format!("{other} is not a flag"))),
        }
    }
}
