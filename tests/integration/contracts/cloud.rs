//! One cloud shared by all concurrent tests. The last one stops it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use smmu_local::{Cloud, CloudOptions, Faults, Image, Port};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Longest time of an Express execution; five minutes would be too long for a test.
pub(super) const EXPRESS_SECONDS: u32 = 30;

/// A cloud with the contract template, and the folder that it deploys from.
pub(crate) struct Contracts {
    pub(crate) cloud: Cloud,
    _binaries: TempDir,
}

/// The shared cloud, started if necessary.
pub(crate) async fn contracts() -> Arc<Contracts> {
    static SHARED: Mutex<Weak<Contracts>> = Mutex::const_new(Weak::new());
    shared(&SHARED, None).await
}

/// Another shared cloud, which injects faults.
pub(super) async fn faulty_contracts(faults: Faults) -> Arc<Contracts> {
    static SHARED: Mutex<Weak<Contracts>> = Mutex::const_new(Weak::new());
    shared(&SHARED, Some(faults)).await
}

async fn shared(shared: &Mutex<Weak<Contracts>>, faults: Option<Faults>) -> Arc<Contracts> {
    let mut shared = shared.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binaries = tempfile::tempdir().expect("a folder");
    let function = binaries.path().join("function");
    fs::copy(here.join("integration/contracts/function.py"), &function).expect("copies the function");
    fs::set_permissions(&function, PermissionsExt::from_mode(0o755)).expect("makes it executable");
    let started = Cloud::start(CloudOptions {
        root: here.join("integration/contracts"),
        stack_name: "contracts".to_owned(),
        port: Port::Auto,
        binaries: binaries.path().to_owned(),
        images: BTreeMap::from([(
            "script-worker".to_owned(),
            Image::Program(vec!["/bin/sh".to_owned(), "-c".to_owned()]),
        )]),
        program_environment: BTreeMap::from([("FUNCTION".to_owned(), function.display().to_string())]),
        check_workers: false,
        // Two of the largest workers never fit, but one fits together with all the others.
        fargate_vcpu: Some(15),
        express_seconds: Some(EXPRESS_SECONDS),
        faults,
        ..CloudOptions::for_workspace(here.parent().expect("in the workspace"))
    });
    let cloud = started.await.unwrap_or_else(|error| panic!("the local cloud does not start: {error}"));
    let contracts = Arc::new(Contracts { cloud, _binaries: binaries });
    *shared = Arc::downgrade(&contracts);
    contracts
}

impl Contracts {
    pub(crate) fn output(&self, name: &'static str) -> &str {
        self.cloud.address().output(name).expect("an output of the template")
    }
}

/// Polls until `ask` returns a value.
pub(crate) async fn eventually<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
