//! The state machine's executions, one for each job and named after it.

use crate::{
    config::{Environment, InvalidEnvironment},
    error::CloudError,
};
use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, types::ExecutionStatus};
use smmu_core::{ErrorCode, ExecutionInput, JobId};

/// The state machine.
#[derive(Clone)]
pub struct Workflow {
    client: Client,
    state_machine_arn: String,
}

/// What a start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The execution was started now.
    Started,
    /// There is or was one for this job.
    AlreadyStarted,
}

/// What became of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// There is none.
    Missing,
    /// It runs.
    Running,
    /// It ended as it should.
    Succeeded,
    /// It ended otherwise; the code is what its job should say if nobody else has said anything.
    Ended(ErrorCode),
}

impl Workflow {
    /// The state machine at `SMMU_STATE_MACHINE_ARN`.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let state_machine_arn = environment.require("SMMU_STATE_MACHINE_ARN")?.to_owned();
        Ok(Self { client: Client::new(sdk), state_machine_arn })
    }

    /// Starts the execution of a job. A second start is no error.
    pub async fn start(&self, input: &ExecutionInput) -> Result<Start, CloudError> {
        const OPERATION: &str = "states:StartExecution";
        let text = serde_json::to_string(input).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(input.job_id.as_str())
            .input(text)
            .set_trace_header(input.trail.as_ref().and_then(|trail| trail.origin.trace_header()))
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

    /// What became of a job's execution.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum is open; an unknown status is no success")]
    pub async fn execution(&self, job: &JobId) -> Result<Execution, CloudError> {
        let arn = format!("{}:{job}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1));
        let described = match self.client.describe_execution().execution_arn(arn).send().await {
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
