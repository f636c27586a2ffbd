//! URLs of a WebSocket API, for clients and for functions.

use crate::config::{Environment, InvalidEnvironment};

const NAME: &str = "SMMU_SOCKETS_URL";

/// URLs of one WebSocket API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// URL at which clients connect.
    pub(super) connect: String,
    /// URL at which functions manage its connections ("Use @connections commands in your backend service").
    pub(super) manage: String,
}

impl Address {
    /// From `SMMU_SOCKETS_URL`, as `wss://API.execute-api.REGION.amazonaws.com/STAGE`; `None` if it is not set. On the
    /// one-machine cloud such names do not resolve; its one address has API and stage in the path.
    pub(super) fn of(environment: &Environment) -> Result<Option<Self>, InvalidEnvironment> {
        let Some(connect) = environment.get(NAME) else { return Ok(None) };
        let malformed = || InvalidEnvironment::Unusable { name: NAME, reason: "is not wss://HOST/STAGE".to_owned() };
        let place = connect.strip_prefix("wss://").ok_or_else(malformed)?;
        let (host, stage) = place.split_once('/').ok_or_else(malformed)?;
        let Some(endpoint) = environment.get("AWS_ENDPOINT_URL") else {
            return Ok(Some(Self { connect: connect.to_owned(), manage: format!("https://{place}") }));
        };
        let api = host.split('.').next().unwrap_or(host);
        let manage = format!("{}/_aws/execute-api/{api}/{stage}", endpoint.trim_end_matches('/'));
        // http becomes ws, and https wss.
        Ok(Some(Self { connect: manage.replacen("http", "ws", 1), manage }))
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use crate::config::Environment;

    fn of(variables: &[(&str, &str)]) -> Option<[String; 2]> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let address = Address::of(&Environment::of(variables)).unwrap()?;
        Some([address.connect, address.manage])
    }

    #[test]
    fn clients_and_functions_reach_the_same_api_in_an_account_and_on_one_machine() {
        let url = ("SMMU_SOCKETS_URL", "wss://a1b2.execute-api.eu-central-1.amazonaws.com/live");
        let both =
            ["wss", "https"].map(|scheme| format!("{scheme}://a1b2.execute-api.eu-central-1.amazonaws.com/live"));
        assert_eq!(of(&[url]), Some(both));
        let local = ["ws", "http"].map(|scheme| format!("{scheme}://127.0.0.1:4566/_aws/execute-api/a1b2/live"));
        assert_eq!(of(&[url, ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]), Some(local));
        assert_eq!(of(&[("SMMU_SOCKETS_URL", "")]), None, "push is disabled");
        let odd = Environment::of([("SMMU_SOCKETS_URL".to_owned(), "https://x/live".to_owned())]);
        assert!(Address::of(&odd).is_err());
    }
}
