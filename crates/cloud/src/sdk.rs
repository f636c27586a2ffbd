//! The SDK configuration that all adapters share.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// Loads the SDK configuration for all adapters. Called once, at start.
pub async fn sdk_config() -> SdkConfig {
    // One HTTP client for all: otherwise each adapter has its own TLS roots and connections, and two tables need two
    // handshakes. Built like the SDK's default client, including proxies from the environment.
    let http = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    });
    aws_config::from_env().http_client(http).load().await
}

/// Number of tries of a worker's call. With the SDK's pauses of 1 s, 2 s and so on up to 20 s, each times a random
/// number below 1, they take more than a minute: a table that throttles that long must not cost hours of encoding.
const TRIES_OF_WORKER: u32 = 15;

/// Loads the SDK configuration for a worker, which has time to wait for a service.
pub(crate) async fn sdk_config_of_worker() -> SdkConfig {
    let retry = RetryConfig::standard().with_max_attempts(TRIES_OF_WORKER);
    sdk_config().await.to_builder().retry_config(retry).build()
}
