//! Channels and colour space of a JPEG XL file.

use super::NAME;
use crate::{
    colour::ColourProfile,
    error::{MediaError, corrupt, unsupported},
    raster::Channels,
};
use jxl_oxide::{EnumColourEncoding, HdrType, JxlImage, PixelFormat, RenderingIntent, color::TransferFunction};
use smmu_core::image::ColourModel;

/// The channels of the decoder's output, and the stored colour model.
pub(super) fn meaning(image: &JxlImage) -> (Channels, ColourModel) {
    let metadata = &image.image_header().metadata;
    // XYB is a kind of luma and chroma.
    let luma_and_chroma = metadata.xyb_encoded || image.frame(0).is_some_and(|frame| frame.header().do_ycbcr);
    let colours = if luma_and_chroma { ColourModel::Ycbcr } else { ColourModel::Rgb };
    match image.pixel_format() {
        PixelFormat::Gray => (Channels::Grey, ColourModel::Grey),
        PixelFormat::Graya => (Channels::GreyAlpha, ColourModel::Grey),
        PixelFormat::Rgb => (Channels::Rgb, colours),
        PixelFormat::Rgba => (Channels::Rgba, colours),
        PixelFormat::Cmyk | PixelFormat::Cmyka => (Channels::Cmyk, ColourModel::Cmyk),
    }
}

/// Requests sRGB for colours in XYB, with the PQ or HLG curve for high dynamic range. XYB has no gamut of its own, and
/// the decoder would clip to sRGB before it converts to any other space.
pub(super) fn ask_for_srgb(image: &mut JxlImage) {
    let metadata = &image.image_header().metadata;
    if !metadata.xyb_encoded || metadata.grayscale() {
        return;
    }
    let mut colours = EnumColourEncoding::srgb(RenderingIntent::Relative);
    match image.hdr_type() {
        Some(HdrType::Pq) => colours.tf = TransferFunction::Pq,
        Some(HdrType::Hlg) => colours.tf = TransferFunction::Hlg,
        None => {}
    }
    image.request_color_encoding(colours);
}

/// Colour profile of the decoder's output; `None` for sRGB.
pub(super) fn profile(image: &JxlImage) -> Option<ColourProfile> {
    let named = !image.image_header().metadata.colour_encoding.want_icc();
    match image.rendered_cicp() {
        Some([1, 13, ..]) => None,
        Some([primaries, transfer @ (16 | 18), ..]) => ColourProfile::of_code_points(primaries, transfer),
        Some([primaries, transfer, ..]) => ColourProfile::standing_for(
            &image.rendered_icc(),
            format!("CICP primaries {primaries}, transfer {transfer}"),
        ),
        None if named => ColourProfile::standing_for(&image.rendered_icc(), format!("colours of {NAME}")),
        None => ColourProfile::parse(&image.rendered_icc()),
    }
}

/// Refuses high dynamic range with custom primaries: tone mapping needs named ones.
pub(super) fn check_range(image: &JxlImage) -> Result<(), MediaError> {
    if image.hdr_type().is_some() && image.rendered_cicp().is_none() {
        return Err(unsupported(format!("{NAME} in high dynamic range with custom primaries is not supported")));
    }
    Ok(())
}

/// Refuses CMYK with transparency, and CMYK without a black channel.
pub(super) fn check_inks(image: &JxlImage) -> Result<(), MediaError> {
    match image.pixel_format() {
        PixelFormat::Cmyka => Err(unsupported(format!("{NAME} in CMYK with transparency is not supported"))),
        PixelFormat::Cmyk if !image.image_header().metadata.ec_info.iter().any(|extra| extra.is_black()) => {
            Err(corrupt(NAME, "its profile has four inks and its pixels have three"))
        }
        PixelFormat::Cmyk | PixelFormat::Gray | PixelFormat::Graya | PixelFormat::Rgb | PixelFormat::Rgba => Ok(()),
    }
}
