//! Adds captions to a master playlist, as `update-status` does, for `bench/players.py`:
//! `with_captions MASTER NAME LANGUAGE`, with the name in a player's menu and a BCP 47 tag.

use smmu_core::{
    av::hls::{SubtitleRendition, master_with_subtitles},
    speech::names,
};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let [master, name, language] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| USAGE)?;
    let playlist = names::CAPTIONS_PLAYLIST.to_owned();
    let text = master_with_subtitles(&fs::read_to_string(&master)?, &SubtitleRendition { playlist, name, language });
    fs::write(master, text)?;
    Ok(())
}

const USAGE: &str = "usage: with_captions MASTER NAME LANGUAGE";
