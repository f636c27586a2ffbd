//! The state machines: the Standard one has at most one execution per job, named after it; the light one any number of
//! runs.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, types::ExecutionStatus};
use smmu_core::{ErrorCode, ExecutionInput, JobId};

/// The Standard state machine.
#[derive(Clone)]
pub struct Workflow {
    client: Client,
    state_machine_arn: String,
}

/// The light state machine, an Express workflow: its runs cannot be described or stopped, their names are not unique,
/// and a start can run twice.
#[derive(Clone)]
pub struct LightWorkflow {
    client: Client,
    state_machine_arn: String,
}

impl LightWorkflow {
    /// The state machine at `SMMU_LIGHT_STATE_MACHINE_ARN`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let state_machine_arn = environment.require("SMMU_LIGHT_STATE_MACHINE_ARN")?.to_owned();
        Ok(Self { client: Client::new(sdk), state_machine_arn })
    }

    /// Starts a run for a job.
    pub async fn start(&self, input: &ExecutionInput) -> Result<(), CloudError> {
        start(&self.client, &self.state_machine_arn, input).await.map(drop)
    }
}

/// Outcome of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The execution was started by this request.
    Started,
    /// The job already has or had an execution.
    AlreadyStarted,
}

/// State of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// The job has no execution.
    Missing,
    /// The execution is running.
    Running,
    /// The execution succeeded.
    Succeeded,
    /// The execution failed, timed out or was aborted. The error code is for its job, if the job has not ended
    /// otherwise.
    Ended(ErrorCode),
}

/// The tracing header ("Tracing header" in the X-Ray developer guide).
const TRACE_HEADER: &str = "x-amzn-trace-id";

impl Workflow {
    /// The state machine at `SMMU_STATE_MACHINE_ARN`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let state_machine_arn = environment.require("SMMU_STATE_MACHINE_ARN")?.to_owned();
        Ok(Self { client: Client::new(sdk), state_machine_arn })
    }

    /// Starts the execution of a job. Idempotent.
    pub async fn start(&self, input: &ExecutionInput) -> Result<Start, CloudError> {
        start(&self.client, &self.state_machine_arn, input).await
    }

    /// Stops the execution of a job, together with the workers that it waits for. Succeeds if it has ended or was never
    /// started.
    pub async fn stop(&self, job: &JobId) -> Result<(), CloudError> {
        let stopped = self
            .client
            .stop_execution()
            .execution_arn(self.execution_arn(job))
            .error("Cancelled")
            .cause("the owner of the job cancelled it")
            .send()
            .await;
        match stopped {
            Ok(_) => Ok(()),
            // "Execution is not running" is a ValidationException.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_execution_does_not_exist() || e.is_validation_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(CloudError::from_sdk("states:StopExecution", error)),
        }
    }

    fn execution_arn(&self, job: &JobId) -> String {
        format!("{}:{job}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Reads the state of a job's execution.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum is open; an unknown status is not a success")]
    pub async fn execution(&self, job: &JobId) -> Result<Execution, CloudError> {
        let described = match self.client.describe_execution().execution_arn(self.execution_arn(job)).send().await {
            Ok(described) => described,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist()) => {
                return Ok(Execution::Missing);
            }
            Err(error) => return Err(CloudError::from_sdk("states:DescribeExecution", error)),
        };
        Ok(match described.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Execution::Running,
            ExecutionStatus::Succeeded => Execution::Succeeded,
            ExecutionStatus::TimedOut => Execution::Ended(ErrorCode::TimedOut),
            ExecutionStatus::Aborted => Execution::Ended(ErrorCode::Aborted),
            _ => Execution::Ended(ErrorCode::Internal),
        })
    }
}

/// Starts an execution named after its job.
async fn start(client: &Client, state_machine_arn: &str, input: &ExecutionInput) -> Result<Start, CloudError> {
    const OPERATION: &str = "states:StartExecution";
    let text = serde_json::to_string(input).map_err(|error| CloudError::unreadable(OPERATION, error))?;
    // Set as a request header: otherwise the SDK in Lambda sends this function's own trace in it, and Step Functions
    // prefers the header to the parameter traceHeader.
    let trace = input.trail.as_ref().and_then(|trail| trail.origin.trace_header());
    let started = client
        .start_execution()
        .state_machine_arn(state_machine_arn)
        .name(input.job_id.as_str())
        .input(text)
        .customize()
        .mutate_request(move |request| {
            if let Some(trace) = &trace {
                request.headers_mut().insert(TRACE_HEADER, trace.clone());
            }
        })
        .send()
        .await;
    match started {
        Ok(_) => Ok(Start::Started),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_execution_already_exists()) => {
            Ok(Start::AlreadyStarted)
        }
        Err(error) => Err(CloudError::from_sdk(OPERATION, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn an_execution_joins_the_trace_of_its_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let credentials = aws_sdk_sfn::config::Credentials::new("a", "b", None, None, "test");
        let sdk = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::from_static("us-east-1"))
            .credentials_provider(aws_sdk_sfn::config::SharedCredentialsProvider::new(credentials))
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .build();
        let environment = Environment::of([("SMMU_STATE_MACHINE_ARN".to_owned(), "arn".to_owned())]);
        let workflow = Workflow::new(&sdk, &environment).unwrap();
        let input: ExecutionInput = serde_json::from_value(serde_json::json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "source": {"key": "k", "versionId": "v", "bytes": 3, "sha256": "0".repeat(64)},
            "trail": {
                "correlationId": "r-1", "traceId": "1-67891233-abcdef012345678912345678", "sampled": true,
                "userHash": "abababababababab",
            },
        }))
        .unwrap();
        let answer = async {
            let (mut asked, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 8192];
            let read = asked.read(&mut head).await.unwrap();
            let body = r#"{"executionArn":"arn","startDate":1}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            asked.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        };
        let (started, asked) = tokio::join!(workflow.start(&input), answer);
        started.unwrap();
        let header = asked.lines().find(|line| line.starts_with("x-amzn-trace-id")).expect("a tracing header");
        assert_eq!(header, "x-amzn-trace-id: Root=1-67891233-abcdef012345678912345678;Sampled=1");
    }
}
