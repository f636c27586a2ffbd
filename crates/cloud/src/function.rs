//! What a Lambda function is: made from the environment, connected, then asked. Every `main` is one of these.

use crate::{config::Environment, invocation::Failure, sdk::sdk_config, telemetry};
use aws_config::SdkConfig;
use lambda_runtime::{LambdaEvent, run, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Why a function did not start, or does not run any more.
pub type StartError = lambda_runtime::Error;

/// A function, with what it needs to answer events.
pub trait Function: Sized {
    /// What it is asked.
    type Event;
    /// What it answers.
    type Answer;
    /// Why it does not.
    type Error;

    /// From the environment.
    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError>;

    /// Opens connections, before the first event.
    fn connect(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// Answers one event.
    fn handle(&self, event: Self::Event) -> impl Future<Output = Result<Self::Answer, Self::Error>>;
}

/// The longest that a start waits for its first connections.
const CONNECTING: Duration = Duration::from_secs(1);

/// Makes a function in its process, with logs and connections.
///
/// Connections are opened here, in the part of a start for which Lambda gives a function whole processors, so that the
/// first event does not wait for credentials and handshakes. What fails or takes long is left to the call that needs
/// it, which has its own ways of telling.
pub async fn start<F: Function>() -> Result<F, StartError> {
    let environment = Environment::read();
    telemetry::start(&environment);
    let function = F::new(&sdk_config().await, &environment)?;
    if tokio::time::timeout(CONNECTING, function.connect()).await.is_err() {
        tracing::warn!("no connections within {CONNECTING:?}; the first event will wait for them");
    }
    Ok(function)
}

/// Starts a function and answers events in JSON for as long as Lambda has any.
pub async fn serve<F>() -> Result<(), StartError>
where
    F: Function<Event: DeserializeOwned, Answer: Serialize, Error = Failure>,
{
    let function = start::<F>().await?;
    // Boxed: the runtime's futures would hold this one's whole type.
    run(service_fn(|event: LambdaEvent<F::Event>| Box::pin(function.handle(event.payload)))).await
}
