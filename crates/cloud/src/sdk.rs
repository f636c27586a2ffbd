//! The SDK configuration that all adapters share.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// Loads the SDK configuration for all adapters. Called once, at start.
pub async fn sdk_config() -> aws_config::SdkConfig {
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
