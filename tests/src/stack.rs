//! Deployed stacks, each started once for all tests of the binary. Their stages are those of samconfig.toml, so the
//! same tests can run on a stack deployed by `sam deploy`: `SMMU_DEPLOYER` names the program that deploys,
//! `tools/deploy.sh`.

use crate::receiver::{Receiver, Reply};
use aws_config::{AppName, SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_cloudformation::Client as Stacks;
use aws_sdk_s3::config::SharedCredentialsProvider;
use smmu_cloud::{Environment, Function};
use smmu_local::{Cloud, CloudOptions, Deployer, Faults, Port, Worker};
use std::{collections::BTreeMap, net::TcpListener, path::Path, sync::LazyLock};
use tokio::runtime::Runtime;

/// A deployed stack, with all that code in this process needs to act as part of it.
pub struct Stack {
    /// The local cloud.
    pub cloud: Cloud,
    /// Configuration of SDKs for this cloud.
    pub sdk: SdkConfig,
    /// Name of its stage.
    pub stage: &'static str,
    /// Socket for a web page whose origin is allowed to call this stack's API.
    pub page: TcpListener,
    tokens: tokio::sync::Mutex<BTreeMap<String, String>>,
    // Runs the servers of the cloud, which outlive the test that started the stack.
    _runtime: Runtime,
}

/// Profiles that clients can choose in addition to the default one.
const PROFILES: &str = r#"{"tiny":{"image":{"ladder":[64]}}}"#;

/// Uploads start their jobs, small images are rendered by the function, and ended jobs expire after 60 days. No
/// transcription. The web page is that of `tests/integration/page`.
#[must_use]
pub fn by_itself() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 6] = [
        ("UploadTrigger", "enabled"),
        ("Transcription", "disabled"),
        ("JobRetentionDays", "60"),
        ("UploadRetentionDays", "60"),
        ("OutputRetentionDays", "60"),
        ("Profiles", PROFILES),
    ];
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        Stack::deploy_into("dev", &PARAMETERS, |options| options.page = options.root.join("tests/integration/page"))
    });
    &STACK
}

/// Only `/complete` starts jobs, the worker renders every image, and uploads and outputs expire. No transcription.
#[must_use]
pub fn by_request() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 6] = [
        ("UploadTrigger", "disabled"),
        ("Profiles", PROFILES),
        ("RenderImageMaxBytes", "0"),
        ("Transcription", "disabled"),
        ("UploadRetentionDays", "60"),
        ("OutputRetentionDays", "90"),
    ];
    static STACK: LazyLock<Stack> = LazyLock::new(|| Stack::deploy("staging", &PARAMETERS));
    &STACK
}

/// Only `/complete` starts jobs. Speech is transcribed, as by default, and `CloudFront` serves playback.
#[must_use]
pub fn with_transcription() -> &'static Stack {
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        let key = crate::caller::hex_sha256(smmu_cloud::webhooks::new_secret().key());
        Stack::deploy("prod", &[("UploadTrigger", "disabled"), ("CdnKeys", &key)])
    });
    &STACK
}

/// Only `/complete` starts jobs, and the worker renders every image. The account has capacity for one worker and allows
/// one task start per second.
#[must_use]
pub fn crowded() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 3] =
        [("UploadTrigger", "disabled"), ("RenderImageMaxBytes", "0"), ("Transcription", "disabled")];
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        Stack::deploy_into("dev", &PARAMETERS, |options| {
            (options.fargate_vcpu, options.run_task_rate) = (Some(2), Some(1));
            // These tests are about the cloud, not about how it was deployed.
            options.deployer = Deployer::Own;
        })
    });
    &STACK
}

/// Only `/complete` starts jobs, at most four jobs of a user run at once; push and the web page are disabled.
#[must_use]
pub fn in_turns() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 5] = [
        ("UploadTrigger", "disabled"),
        ("Transcription", "disabled"),
        ("RunningJobsPerUser", "4"),
        ("Push", "disabled"),
        ("Web", "disabled"),
    ];
    static STACK: LazyLock<Stack> =
        LazyLock::new(|| Stack::deploy_into("dev", &PARAMETERS, |options| options.deployer = Deployer::Own));
    &STACK
}

/// Only `/complete` starts jobs, and short work of the workers runs in functions: at most ten vCPU-seconds. Speech is
/// transcribed. Images of more than a kilobyte are for the worker. Tests can plan faults of chosen calls.
#[must_use]
pub fn in_functions() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 4] = [
        ("UploadTrigger", "disabled"),
        ("RenderImageMaxBytes", "1024"),
        ("WorkerFunctions", "enabled"),
        ("WorkerFunctionVcpuSeconds", "10"),
    ];
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        Stack::deploy_into("staging", &PARAMETERS, |options| {
            options.faults = Some(Faults { period_ms: 1, ..Faults::default() });
        })
    });
    &STACK
}

/// A stack with an operator's webhook endpoint.
pub struct Told {
    /// The stack. Only `/complete` starts jobs.
    pub stack: &'static Stack,
    /// The operator's endpoint. For a job whose `externalId` is a list of statuses such as `500-200`, it answers these
    /// in turn and repeats the last. Other jobs get 200.
    pub receiver: Receiver,
    /// The signing secret of its messages.
    pub secret: String,
}

/// A stack whose operator is notified of every job.
#[must_use]
pub fn told() -> &'static Told {
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        let (url, secret) = (TOLD.receiver.url("key=1"), &TOLD.secret);
        let parameters: [(&str, &str); 4] = [
            ("UploadTrigger", "disabled"),
            ("Transcription", "disabled"),
            ("WebhookUrl", &url),
            ("WebhookSecret", secret),
        ];
        Stack::deploy_into("dev", &parameters, |options| options.deployer = Deployer::Own)
    });
    struct Endpoint {
        receiver: Receiver,
        secret: String,
    }
    static TOLD: LazyLock<Endpoint> = LazyLock::new(|| Endpoint {
        receiver: Receiver::answering(|heard, before| {
            let json = heard.json();
            let statuses = json["data"]["externalId"].as_str().unwrap_or_default().split('-').map(str::parse);
            let statuses: Vec<u16> = statuses.collect::<Result<_, _>>().unwrap_or_default();
            Reply::Status(statuses.get(before).or(statuses.last()).copied().unwrap_or(200))
        }),
        secret: smmu_cloud::webhooks::new_secret().reveal(),
    });
    static BOTH: LazyLock<Told> =
        LazyLock::new(|| Told { stack: &STACK, receiver: TOLD.receiver.clone(), secret: TOLD.secret.clone() });
    &BOTH
}

impl Stack {
    fn deploy(stage: &'static str, parameters: &[(&str, &str)]) -> Self {
        Self::deploy_into(stage, parameters, |_| ())
    }

    /// Deploys a stack with these parameters on a cloud whose options `cloud` changes. Dropping it ends the cloud, outside
    /// of a runtime.
    ///
    /// # Panics
    /// If the cloud does not start.
    pub fn deploy_into(
        stage: &'static str,
        parameters: &[(&str, &str)],
        cloud: impl FnOnce(&mut CloudOptions),
    ) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace");
        let mut options = CloudOptions::for_workspace(root);
        options.port = Port::Auto;
        options.stack_name = format!("smmu-{stage}");
        let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        options.parameters = parameters.iter().map(set).collect();
        options.parameters.insert("Stage".into(), stage.into());
        options.parameters.insert("WebhookTargets".into(), "local".into());
        // Tests read which states a job entered.
        options.parameters.insert("WorkflowLogLevel".into(), "ALL".into());
        // Most tests are about workers in containers, whatever their files.
        options.parameters.entry("WorkerFunctions".into()).or_insert_with(|| "disabled".into());
        let page = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let origin = format!("http://{}", page.local_addr().expect("it is bound"));
        options.parameters.insert("AllowedOrigins".into(), format!("http://localhost:3000,{origin}"));
        if let Some(program) = std::env::var_os("SMMU_DEPLOYER").filter(|name| !name.is_empty()) {
            options.deployer = Deployer::Program(root.join(program));
        }
        cloud(&mut options);
        let runtime = Runtime::new().expect("a runtime");
        // A test's own runtime does not allow blocking on another one.
        let started = runtime_free(|| runtime.block_on(Cloud::start(options)));
        let cloud = match started {
            Ok(cloud) => cloud,
            Err(error) => panic!("the local cloud did not start: {}", smmu_core::with_causes(&error)),
        };
        let sdk = runtime_free(|| runtime.block_on(cloud.address().sdk_config()));
        Self { cloud, sdk, stage, page, tokens: tokio::sync::Mutex::default(), _runtime: runtime }
    }

    /// An SDK with a session of a function's role and with its name, for a handler called by a test.
    ///
    /// # Panics
    /// If the template has no such function.
    pub async fn sdk_as(&self, function: &str) -> SdkConfig {
        let name = AppName::new(format!("smmu-{}-{function}", self.stage)).expect("letters, digits and hyphens");
        let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
        let role = function.split('-').map(capitalised).collect::<String>() + "Role";
        let found = Stacks::new(&self.sdk).describe_stack_resource().stack_name(format!("smmu-{}", self.stage));
        let found = found.logical_resource_id(&role).send().await.expect("the template has a role for it");
        let role = found.stack_resource_detail.and_then(|role| role.physical_resource_id).expect("it was made");
        // The emulator's root user can assume the role (patch_root_sessions).
        let session = AssumeRoleProvider::builder(format!("arn:aws:iam::000000000000:role/{role}"));
        let session = session.session_name(function).configure(&self.sdk).build().await;
        self.sdk.to_builder().app_name(name).credentials_provider(SharedCredentialsProvider::new(session)).build()
    }

    /// Calls the handler of a function in this process, with some variables changed, and returns its answer.
    ///
    /// # Panics
    /// If the function cannot be created.
    pub async fn call<F: Function>(
        &self,
        name: &str,
        event: F::Event,
        changed: &[(&str, &str)],
    ) -> Result<F::Answer, F::Error> {
        let function = F::new(&self.sdk_as(name).await, &self.environment(changed)).expect("a complete environment");
        function.handle(event).await
    }

    /// The environment of this stack's functions, with some variables changed.
    #[must_use]
    pub fn environment(&self, changed: &[(&str, &str)]) -> Environment {
        Environment::of(self.variables(changed))
    }

    /// Like [`Self::environment`], as names and values.
    #[must_use]
    pub fn variables(&self, changed: &[(&str, &str)]) -> BTreeMap<String, String> {
        let output = |name: &str| self.output(name).to_owned();
        let mut variables = BTreeMap::from(
            [
                ("SMMU_STAGE", self.stage.to_owned()),
                ("SMMU_RAW_BUCKET", output("RawBucketName")),
                ("SMMU_PROCESSED_BUCKET", output("ProcessedBucketName")),
                ("SMMU_JOBS_TABLE", output("JobsTableName")),
                ("SMMU_MEDIA_TABLE", output("MediaTableName")),
                ("SMMU_JOBS_QUEUE_URL", output("JobsQueueUrl")),
                ("SMMU_PURGE_QUEUE_URL", output("PurgeQueueUrl")),
                ("SMMU_WEBHOOK_QUEUE_URL", output("WebhookQueueUrl")),
                ("SMMU_WEBHOOK_TARGETS", "local".to_owned()),
                ("SMMU_SOCKETS_URL", self.sockets_url().unwrap_or_default()),
                ("SMMU_SOCKETS_TABLE", self.optional_output("SocketsTableName").unwrap_or_default()),
                ("SMMU_STATE_MACHINE_ARN", output("StateMachineArn")),
                ("SMMU_LIGHT_STATE_MACHINE_ARN", output("LightStateMachineArn")),
                ("SMMU_TRANSCODE_CPU", "2048".to_owned()),
                ("SMMU_TRANSCODE_MEMORY", "4096".to_owned()),
                ("SMMU_TRANSCODE_LARGE_CPU", "4096".to_owned()),
                ("SMMU_TRANSCODE_LARGE_MEMORY", "8192".to_owned()),
                ("SMMU_AUTH_ALGORITHM", "RS256".to_owned()),
                ("SMMU_AUTH_ISSUER", format!("https://cognito-idp.us-east-1.amazonaws.com/{}", output("UserPoolId"))),
                ("SMMU_AUTH_AUDIENCE", output("UserPoolClientId")),
                ("AWS_ENDPOINT_URL", self.cloud.address().endpoint().to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        variables.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        variables
    }

    /// A token of a user, who is created if missing. Only one call runs at a time, because two would overwrite each
    /// other's password.
    ///
    /// # Panics
    /// If the stack's pool gives no token.
    pub async fn token(&self, user: &str) -> String {
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(user) {
            return token.clone();
        }
        let token = self.cloud.address().token(user).await.expect("the pool gives a token");
        tokens.insert(user.to_owned(), token.clone());
        token
    }

    /// Plans a fault of chosen calls (`Plan` in local/python/patches/faults.py). Only for a stack with faults.
    ///
    /// # Panics
    /// If the emulator does not accept it.
    pub async fn plan(&self, fault: serde_json::Value) {
        let url = format!("{}/_smmu/faults", self.cloud.address().endpoint());
        let posted =
            reqwest::Client::builder().no_proxy().build().expect("a client").post(url).json(&fault).send().await;
        assert_eq!(posted.expect("the emulator answers").status(), 200);
    }

    /// The process ID of the worker of a job, if one is running.
    #[must_use]
    pub fn worker_of(&self, job: &str) -> Option<u32> {
        self.workers_of(job).first().map(|worker| worker.pid)
    }

    /// The workers of a job that are running now.
    #[must_use]
    pub fn workers_of(&self, job: &str) -> Vec<Worker> {
        let works_on = |worker: &Worker| {
            let environment = std::fs::read(format!("/proc/{}/environ", worker.pid)).unwrap_or_default();
            environment.windows(job.len()).any(|window| window == job.as_bytes())
        };
        self.cloud.workers().into_iter().filter(works_on).collect()
    }

    /// The value of `SMMU_SOCKETS_URL`; `None` if push is disabled.
    fn sockets_url(&self) -> Option<String> {
        let api = self.optional_output("SocketsApiId")?;
        Some(format!("wss://{api}.execute-api.us-east-1.amazonaws.com/live"))
    }

    /// An output that depends on a parameter.
    fn optional_output(&self, name: &str) -> Option<String> {
        self.cloud.address().outputs().get(name).cloned()
    }

    /// An output of the stack.
    ///
    /// # Panics
    /// If the template has no such output.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.cloud.address().outputs().get(name).unwrap_or_else(|| panic!("the template has no output {name}"))
    }

    /// The ARN of a job's execution, whether or not it exists.
    ///
    /// # Panics
    /// If the template does not output its state machine.
    #[must_use]
    pub fn execution_arn(&self, job: &str) -> String {
        format!("{}:{job}", self.output("StateMachineArn").replace(":stateMachine:", ":execution:"))
    }
}

/// Runs a closure outside the test's own runtime.
fn runtime_free<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(run).join()).expect("starting does not panic")
}
