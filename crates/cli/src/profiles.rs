//! `smmu check-profiles`: for operators, before a deployment. Rejects profiles that would stop every function and
//! worker from starting.

use crate::{
    error::{Error, Exit},
    show::print,
};
use smmu_core::{Profile, Profiles, with_causes};
use std::io::Write;

/// Validates the default profile of the stack and the named ones, both in JSON.
pub fn check(profile: &str, profiles: &str, json: bool, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let unusable = |parameter, error: &dyn std::error::Error| {
        Error::usage(format!("parameter {parameter}: {}", with_causes(error)))
    };
    profile.parse::<Profile>().map_err(|error| unusable("Profile", &error))?;
    let named: Profiles = profiles.parse().map_err(|error| unusable("Profiles", &error))?;
    let names: Vec<_> = named.names().collect();
    let text = if json {
        serde_json::json!({ "names": names }).to_string()
    } else {
        format!("clients can choose: {}", names.join(", "))
    };
    print(stdout, &format!("{text}\n"))?;
    Ok(Exit::Done)
}
