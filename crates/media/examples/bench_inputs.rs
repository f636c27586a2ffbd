//! Writes the inputs of `bench/images.py` into a folder: `bench_inputs DIR`. Photos of 12 and 48
//! megapixels, each as JPEG and as PNG of the same pixels.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("usage: bench_inputs DIR")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for (name, width, height) in [("12mp", 4000, 3000), ("48mp", 8000, 6000)] {
        let pixels = support::photo(width, height);
        fs::write(folder.join(name).with_extension("jpg"), support::jpeg(width, height, &pixels, false))?;
        let png = support::png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &pixels);
        fs::write(folder.join(name).with_extension("png"), png)?;
    }
    Ok(())
}
