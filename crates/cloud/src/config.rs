//! The environment, read once at start and passed on as values.

use smmu_core::{
    Deployment, Machine, PriceTable, Profile, Quotas, Routing, UploadPolicy, WorkerFunctions, with_causes,
};
use std::{collections::HashMap, error::Error, str::FromStr};

/// The variables of this program.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

/// A variable that is missing or invalid. Ends the program at start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvironment {
    /// Not set.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// Set to an invalid value.
    #[error("environment variable {name}: {reason}")]
    Unusable {
        /// Name of the variable.
        name: &'static str,
        /// What is wrong. Never contains the value, which may be a secret.
        reason: String,
    },
}

impl Environment {
    /// Reads the variables of this process. Those that are not Unicode are ignored.
    #[must_use]
    pub fn read() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// Uses the given variables in place of the process's.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable, or `None` if it is unset or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable that must be set and not empty.
    pub fn require(&self, name: &'static str) -> Result<&str, InvalidEnvironment> {
        self.get(name).ok_or(InvalidEnvironment::Missing(name))
    }

    /// A parsed variable, or `default` if it is unset or empty.
    pub fn parse_or<T: FromStr<Err: Error>>(&self, name: &'static str, default: T) -> Result<T, InvalidEnvironment> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|error: T::Err| InvalidEnvironment::Unusable { name, reason: with_causes(&error) })
    }

    /// The stack's profile: `SMMU_PROFILE` in JSON, or the default.
    pub fn profile(&self) -> Result<Profile, InvalidEnvironment> {
        self.parse_or("SMMU_PROFILE", Profile::default())
    }

    /// List prices: `SMMU_PRICES` in JSON, or the built-in table.
    pub fn prices(&self) -> Result<PriceTable, InvalidEnvironment> {
        const NAME: &str = "SMMU_PRICES";
        let Some(text) = self.get(NAME) else { return Ok(PriceTable::default()) };
        let unusable =
            |error: serde_json::Error| InvalidEnvironment::Unusable { name: NAME, reason: error.to_string() };
        serde_json::from_str(text).map_err(unusable)
    }

    /// The billable machine that this program runs on: a function, whose memory size Lambda sets, or a container, whose
    /// size its task definition sets. `None` anywhere else.
    pub fn machine(&self) -> Result<Option<Machine>, InvalidEnvironment> {
        if let memory_mb @ 1.. = self.parse_or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0)? {
            return Ok(Some(Machine::Lambda { memory_mb }));
        }
        let cpu_units = self.parse_or("SMMU_WORKER_CPU", 0)?;
        let memory_mib = self.parse_or("SMMU_WORKER_MEMORY", 0)?;
        let disk_gib = self.parse_or("SMMU_WORKER_DISK", Machine::FARGATE_FREE_DISK_GIB)?;
        Ok((cpu_units > 0 && memory_mib > 0).then_some(Machine::Fargate { cpu_units, memory_mib, disk_gib }))
    }

    /// Machines and prices of this deployment, for estimates. Unset sizes are the defaults of template.yaml.
    pub fn deployment(&self) -> Result<Deployment, InvalidEnvironment> {
        let transcode_disk = self.parse_or("SMMU_TRANSCODE_DISK", 60)?;
        let fargate = |cpu_units, memory_mib, disk_gib| Machine::Fargate { cpu_units, memory_mib, disk_gib };
        Ok(Deployment {
            prices: self.prices()?,
            routing: self.routing()?,
            function: Machine::Lambda { memory_mb: self.parse_or("SMMU_RENDER_IMAGE_MEMORY", 1769)? },
            transcode: fargate(
                self.parse_or("SMMU_TRANSCODE_CPU", 2048)?,
                self.parse_or("SMMU_TRANSCODE_MEMORY", 4096)?,
                transcode_disk,
            ),
            transcode_large: fargate(
                self.parse_or("SMMU_TRANSCODE_LARGE_CPU", 4096)?,
                self.parse_or("SMMU_TRANSCODE_LARGE_MEMORY", 8192)?,
                transcode_disk,
            ),
            transcribe: fargate(
                self.parse_or("SMMU_TRANSCRIBE_CPU", 2048)?,
                self.parse_or("SMMU_TRANSCRIBE_MEMORY", 4096)?,
                self.parse_or("SMMU_TRANSCRIBE_DISK", 21)?,
            ),
            container_start_ms: self.parse_or("SMMU_WORKER_START_SECONDS", 60_u64)?.saturating_mul(1000),
        })
    }

    /// How media are routed to workers.
    pub fn routing(&self) -> Result<Routing, InvalidEnvironment> {
        Ok(Routing {
            render_image_max_bytes: self.parse_or("SMMU_RENDER_IMAGE_MAX_BYTES", 32 * 1024 * 1024)?,
            transcription: self.parse_or("SMMU_TRANSCRIPTION", false)?,
            functions: self.worker_functions()?,
        })
    }

    /// The functions that run short work of the workers, if the deployment has them.
    fn worker_functions(&self) -> Result<Option<WorkerFunctions>, InvalidEnvironment> {
        let memory_mb = self.parse_or("SMMU_WORKER_FUNCTION_MEMORY", 0)?;
        let functions = WorkerFunctions {
            memory_mb,
            disk_mb: self.parse_or("SMMU_WORKER_FUNCTION_DISK", 512)?,
            most_vcpu_seconds: self.parse_or("SMMU_WORKER_FUNCTION_VCPU_SECONDS", 0)?,
            knows_model: self.get("SMMU_SPEECH_MODEL_BUCKET").is_none(),
        };
        Ok((memory_mb > 0).then_some(functions))
    }

    /// Quotas of each user. 0 or unset means no limit.
    pub fn quotas(&self) -> Result<Quotas, InvalidEnvironment> {
        let most = |name| self.parse_or(name, 0).map(|most| Some(most).filter(|most| *most > 0));
        Ok(Quotas {
            uploads_per_day: most("SMMU_UPLOADS_PER_DAY")?,
            bytes_per_day: most("SMMU_BYTES_PER_DAY")?,
            active_jobs: most("SMMU_ACTIVE_JOBS_PER_USER")?,
        })
    }

    /// Limits, types and profiles of uploads, from the environment or their defaults.
    pub fn upload_policy(&self) -> Result<UploadPolicy, InvalidEnvironment> {
        let default = UploadPolicy::default();
        let types = self.get("SMMU_ALLOWED_TYPES").unwrap_or_default().split(',').map(str::trim);
        Ok(UploadPolicy {
            max_image_bytes: self.parse_or("SMMU_MAX_IMAGE_BYTES", default.max_image_bytes)?,
            max_video_bytes: self.parse_or("SMMU_MAX_VIDEO_BYTES", default.max_video_bytes)?,
            max_audio_bytes: self.parse_or("SMMU_MAX_AUDIO_BYTES", default.max_audio_bytes)?,
            allowed_types: types.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect(),
            parts_seconds: self.parse_or("SMMU_PARTS_EXPIRY_SECONDS", default.parts_seconds)?,
            grant_seconds: self.parse_or("SMMU_UPLOAD_EXPIRY_SECONDS", default.grant_seconds)?,
            profiles: self.parse_or("SMMU_PROFILES", default.profiles)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;
    use smmu_core::{Machine, PriceTable};

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_machine_is_read_from_lambda_or_the_task_definition() {
        let machine = |variables| environment(variables).machine().unwrap();
        assert_eq!(machine(&[]), None);
        assert_eq!(machine(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")]), Some(Machine::Lambda { memory_mb: 1769 }));
        assert_eq!(machine(&[("SMMU_WORKER_CPU", "2048")]), None);
        assert_eq!(
            machine(&[("SMMU_WORKER_CPU", "2048"), ("SMMU_WORKER_MEMORY", "4096"), ("SMMU_WORKER_DISK", "60")]),
            Some(Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 60 })
        );
    }

    #[test]
    fn a_complete_price_table_replaces_the_built_in_one() {
        assert_eq!(environment(&[]).prices().unwrap(), PriceTable::default());
        let table = PriceTable { region: "eu-central-1".into(), ..PriceTable::default() };
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(environment(&[("SMMU_PRICES", &text)]).prices().unwrap(), table);
        assert!(environment(&[("SMMU_PRICES", "{\"region\": \"eu-central-1\"}")]).prices().is_err());
    }
}
