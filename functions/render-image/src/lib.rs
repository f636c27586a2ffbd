//! Makes the renditions of one image, in Lambda instead of a container.

use aws_config::SdkConfig;
use smmu_cloud::{Attempt, Ending, Environment, Failure, Function, StartError, Workbench, telemetry, worker};
use smmu_core::{Detected, Profile, Stage, Step};
use smmu_media::{ImageLimits, av::Event};
use tracing::Instrument;

pub struct Context {
    attempt: Attempt,
    profile: Profile,
}

impl Function for Context {
    type Event = Step<Detected>;
    type Answer = ();
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { attempt: Attempt::new(sdk, environment)?, profile: environment.profile()? })
    }

    async fn connect(&self) {
        self.attempt.connect().await;
    }

    /// Renders and commits the outputs of an image.
    async fn handle(&self, step: Step<Detected>) -> Result<(), Failure> {
        let span = telemetry::job_span(&step.work.input.job_id, step.work.input.trail.as_ref());
        render(step, self).instrument(span).await
    }
}

async fn render(Step { work, run }: Step<Detected>, context: &Context) -> Result<(), Failure> {
    let stack = context.profile.clone();
    let make = move |Workbench { source, choice, outputs, tell, cancelled: _, checkpoint: _ }: Workbench<'_>| {
        let profile = worker::wanted(choice, &stack)?.image;
        let mut watch = |event: Event| tell(event.into());
        Ok(smmu_media::render(source, &profile, &ImageLimits::default(), outputs, &mut watch)?)
    };
    // Lambda does not ask a function to stop: it freezes or kills it.
    let attempt = context.attempt.clone().for_run(run);
    match attempt.run(&work, Stage::Render, std::future::pending(), make).await? {
        Ending::Committed => tracing::info!("committed"),
        Ending::Superseded => tracing::info!("the job had ended, or another run has it"),
    }
    Ok(())
}
