//! Deployed stacks, each started once for all tests of the binary. Their stages are those of samconfig.toml, so that the same
//! tests can run on what `sam deploy` has made: `SMMU_DEPLOYER` names the program that deploys, `tools/deploy.sh`.

use aws_config::{AppName, SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_cloudformation::Client as Stacks;
use aws_sdk_s3::config::SharedCredentialsProvider;
use smmu_cloud::{Environment, Function};
use smmu_local::{Cloud, CloudOptions, Deployer, Port, Worker};
use std::{collections::BTreeMap, net::TcpListener, path::Path, sync::LazyLock};
use tokio::runtime::Runtime;

/// A deployed stack, and what code in this process needs in order to act as a part of it.
pub struct Stack {
    /// The cloud that it runs in.
    pub cloud: Cloud,
    /// How SDKs reach it.
    pub sdk: SdkConfig,
    /// Name of its stage.
    pub stage: &'static str,
    /// Where a web page can be served that may call this stack's API: its origin is an allowed one.
    pub page: TcpListener,
    tokens: tokio::sync::Mutex<BTreeMap<String, String>>,
    // The cloud's own servers run here, whichever test asked for the stack first.
    _runtime: Runtime,
}

/// What clients can choose beside the stack's own profile, where they can.
const PROFILES: &str = r#"{"tiny":{"image":{"ladder":[64]}}}"#;

/// Uploads start their jobs by themselves, small images are rendered by the function, and ended jobs are forgotten after 60
/// days. Speech stays unheard.
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
    static STACK: LazyLock<Stack> = LazyLock::new(|| Stack::deploy("dev", &PARAMETERS));
    &STACK
}

/// Only `/complete` starts jobs, and the worker renders every image. Speech stays unheard, and nothing is kept for ever.
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

/// Only `/complete` starts jobs, and speech is turned into text, as it is by default.
#[must_use]
pub fn with_transcription() -> &'static Stack {
    static STACK: LazyLock<Stack> = LazyLock::new(|| Stack::deploy("prod", &[("UploadTrigger", "disabled")]));
    &STACK
}

/// Only `/complete` starts jobs, the worker renders every image, and there is room for one worker, which starts in a second
/// in which nothing else does.
#[must_use]
pub fn crowded() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 3] =
        [("UploadTrigger", "disabled"), ("RenderImageMaxBytes", "0"), ("Transcription", "disabled")];
    static STACK: LazyLock<Stack> = LazyLock::new(|| {
        Stack::deploy_into("dev", &PARAMETERS, |options| {
            (options.fargate_vcpu, options.run_task_rate) = (Some(2), Some(1));
            // It is about the cloud, not about how it was deployed.
            options.deployer = Deployer::Own;
        })
    });
    &STACK
}

/// Only `/complete` starts jobs, and four of one user run at once.
#[must_use]
pub fn in_turns() -> &'static Stack {
    const PARAMETERS: [(&str, &str); 3] =
        [("UploadTrigger", "disabled"), ("Transcription", "disabled"), ("RunningJobsPerUser", "4")];
    static STACK: LazyLock<Stack> =
        LazyLock::new(|| Stack::deploy_into("dev", &PARAMETERS, |options| options.deployer = Deployer::Own));
    &STACK
}

impl Stack {
    fn deploy(stage: &'static str, parameters: &[(&str, &str)]) -> Self {
        Self::deploy_into(stage, parameters, |_| ())
    }

    fn deploy_into(stage: &'static str, parameters: &[(&str, &str)], cloud: impl FnOnce(&mut CloudOptions)) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
        let mut options = CloudOptions::for_workspace(root);
        options.port = Port::Auto;
        options.stack_name = format!("smmu-{stage}");
        let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        options.parameters = parameters.iter().map(set).collect();
        options.parameters.insert("Stage".into(), stage.into());
        let page = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let origin = format!("http://{}", page.local_addr().expect("it is bound"));
        options.parameters.insert("AllowedOrigins".into(), format!("http://localhost:3000,{origin}"));
        if let Some(program) = std::env::var_os("SMMU_DEPLOYER").filter(|name| !name.is_empty()) {
            options.deployer = Deployer::Program(root.join(program));
        }
        cloud(&mut options);
        let runtime = Runtime::new().expect("a runtime");
        // Tests run in runtimes of their own, where blocking on another one is not allowed.
        let started = runtime_free(|| runtime.block_on(Cloud::start(options)));
        let cloud = match started {
            Ok(cloud) => cloud,
            Err(error) => panic!("the local cloud did not start: {}", smmu_core::with_causes(&error)),
        };
        let sdk = runtime_free(|| runtime.block_on(cloud.address().sdk_config()));
        Self { cloud, sdk, stage, page, tokens: tokio::sync::Mutex::default(), _runtime: runtime }
    }

    /// An SDK that acts as a function, in a session of its role and by its name, for a handler that a test calls itself.
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
        // Here root may (patch_root_sessions).
        let session = AssumeRoleProvider::builder(format!("arn:aws:iam::000000000000:role/{role}"));
        let session = session.session_name(function).configure(&self.sdk).build().await;
        self.sdk.to_builder().app_name(name).credentials_provider(SharedCredentialsProvider::new(session)).build()
    }

    /// What a function of this stack, made here with some variables set otherwise, answers to an event.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn call<F: Function>(
        &self,
        name: &str,
        event: F::Event,
        changed: &[(&str, &str)],
    ) -> Result<F::Answer, F::Error> {
        let function = F::new(&self.sdk_as(name).await, &self.environment(changed)).expect("its environment is whole");
        function.handle(event).await
    }

    /// The environment of this stack's functions, with some variables set otherwise.
    #[must_use]
    pub fn environment(&self, changed: &[(&str, &str)]) -> Environment {
        Environment::of(self.variables(changed))
    }

    /// The same, as names and values.
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
                ("SMMU_STATE_MACHINE_ARN", output("StateMachineArn")),
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

    /// A token of a user, who is made when missing; one at a time, since two makers of one user
    /// would set each other's password.
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

    /// The process id of the worker that works on a job, if one does.
    #[must_use]
    pub fn worker_of(&self, job: &str) -> Option<u32> {
        self.workers_of(job).first().map(|worker| worker.pid)
    }

    /// The workers that work on a job at this moment.
    #[must_use]
    pub fn workers_of(&self, job: &str) -> Vec<Worker> {
        let works_on = |worker: &Worker| {
            let environment = std::fs::read(format!("/proc/{}/environ", worker.pid)).unwrap_or_default();
            environment.windows(job.len()).any(|window| window == job.as_bytes())
        };
        self.cloud.workers().into_iter().filter(works_on).collect()
    }

    /// An output of the stack.
    ///
    /// # Panics
    /// If the template has no such output.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.cloud.address().outputs().get(name).unwrap_or_else(|| panic!("the template has no output {name}"))
    }

    /// The one execution of a job, whether it is there or not.
    ///
    /// # Panics
    /// If the template does not output its state machine.
    #[must_use]
    pub fn execution_arn(&self, job: &str) -> String {
        format!("{}:{job}", self.output("StateMachineArn").replace(":stateMachine:", ":execution:"))
    }
}

/// Runs something outside of the test's own runtime.
fn runtime_free<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(run).join()).expect("starting does not panic")
}
