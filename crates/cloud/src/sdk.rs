//! How every adapter reaches AWS.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// The SDK configuration that every adapter is made from. Loaded once, at start.
pub async fn sdk_config() -> aws_config::SdkConfig {
    // One for all: otherwise each adapter has TLS roots and connections of its own, and two tables are two handshakes.
    // Made as the SDK makes its own, proxies of the environment included.
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
