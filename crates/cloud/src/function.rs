//! The life cycle of a Lambda function: built from the environment, connected, then called with events. Every `main`
//! uses it.

use crate::{config::Environment, invocation::Failure, sdk::sdk_config, telemetry};
use aws_config::SdkConfig;
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Reason why a function did not start, or stopped running.
pub type StartError = lambda_runtime::Error;

/// A Lambda function and its state.
pub trait Function: Sized {
    /// Input of an invocation.
    type Event;
    /// Result of a successful invocation.
    type Answer;
    /// Error of a failed invocation.
    type Error;

    /// Builds the function from the environment.
    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError>;

    /// Opens connections, before the first event.
    fn connect(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// Handles one event.
    fn handle(&self, event: Self::Event) -> impl Future<Output = Result<Self::Answer, Self::Error>>;
}

/// Maximum wait for the first connections at start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts logging, builds the function and opens its connections.
///
/// Connections are opened in the init phase, in which Lambda gives a function full CPU, so that the first event does
/// not wait for credentials and handshakes. A connection that fails or takes too long is not an error here: the call
/// that needs it reports it.
pub async fn start<F: Function>() -> Result<F, StartError> {
    let environment = Environment::read();
    telemetry::start(&environment);
    let function = F::new(&sdk_config().await, &environment)?;
    if tokio::time::timeout(CONNECT_TIMEOUT, function.connect()).await.is_err() {
        tracing::warn!("connections are not open after {CONNECT_TIMEOUT:?}; the first event will wait for them");
    }
    Ok(function)
}

/// Starts a function and handles JSON events until Lambda ends the process.
pub async fn serve<F>() -> Result<(), StartError>
where
    F: Function<Event: DeserializeOwned, Answer: Serialize, Error = Failure>,
{
    let function = start::<F>().await?;
    // Boxed: otherwise the runtime's futures embed this one's whole type.
    run(service_fn(|event: LambdaEvent<F::Event>| Box::pin(function.handle(event.payload)))).await
}
