//! The process that `bench/images.py` measures: `render INPUT OUTDIR [PROFILE.json]`. It only renders.

use smmu_core::image::{ImageLimits, ImageProfile};
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: render INPUT OUTDIR [PROFILE.json]".into());
    };
    let profile = match arguments.next() {
        Some(path) => serde_json::from_slice(&fs::read(path)?)?,
        None => ImageProfile::default(),
    };
    fs::create_dir_all(&folder)?;
    smmu_media::render(&input, &profile, &ImageLimits::default(), &folder, &mut |_| {})?;
    Ok(())
}
