//! The resizer, in its own crate so that it is compiled only once.
//!
//! `fast_image_resize` is generic over pictures, pixels and the precision of its weights, so every crate that calls it
//! compiles all its kernels: this took five of the six minutes that `smmu-media` needed after every change. Here a
//! function that is not generic instantiates them for the pixels that we use: one to four samples of 8 or 16 bits.

#![warn(missing_docs)]

pub use fast_image_resize::{
    FilterType, ImageBufferError, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use fast_image_resize::{
    IntoImageView, IntoImageViewMut, PixelTrait,
    pixels::{U8, U8x2, U8x3, U8x4, U16, U16x2, U16x3, U16x4},
};

/// [`Resizer::resize`] for pixels of one to four samples of 8 or 16 bits.
///
/// # Errors
/// Fails if the pixel types of the pictures differ or are not supported, or if the crop in the options is invalid.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open; pixel types that we do not use are refused")]
pub fn resize(
    resizer: &mut Resizer,
    from: &ImageRef<'_>,
    into: &mut Image<'_>,
    options: &ResizeOptions,
) -> Result<(), ResizeError> {
    match from.pixel_type() {
        PixelType::U8 => resize_pixels::<U8>(resizer, from, into, options),
        PixelType::U8x2 => resize_pixels::<U8x2>(resizer, from, into, options),
        PixelType::U8x3 => resize_pixels::<U8x3>(resizer, from, into, options),
        PixelType::U8x4 => resize_pixels::<U8x4>(resizer, from, into, options),
        PixelType::U16 => resize_pixels::<U16>(resizer, from, into, options),
        PixelType::U16x2 => resize_pixels::<U16x2>(resizer, from, into, options),
        PixelType::U16x3 => resize_pixels::<U16x3>(resizer, from, into, options),
        PixelType::U16x4 => resize_pixels::<U16x4>(resizer, from, into, options),
        _ => Err(ResizeError::PixelTypesAreDifferent),
    }
}

fn resize_pixels<P: PixelTrait>(
    resizer: &mut Resizer,
    from: &ImageRef<'_>,
    into: &mut Image<'_>,
    options: &ResizeOptions,
) -> Result<(), ResizeError> {
    match (from.image_view::<P>(), into.image_view_mut::<P>()) {
        (Some(from), Some(mut into)) => resizer.resize_typed(&from, &mut into, options),
        _ => Err(ResizeError::PixelTypesAreDifferent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [PixelType; 8] = [
        PixelType::U8,
        PixelType::U8x2,
        PixelType::U8x3,
        PixelType::U8x4,
        PixelType::U16,
        PixelType::U16x2,
        PixelType::U16x3,
        PixelType::U16x4,
    ];

    #[test]
    fn every_supported_pixel_type_is_resized() {
        for pixel_type in TYPES {
            let samples = vec![0x5a; 16 * 16 * pixel_type.size()];
            let from = ImageRef::new(16, 16, &samples, pixel_type).unwrap();
            let mut into = Image::new(5, 3, pixel_type);
            resize(&mut Resizer::new(), &from, &mut into, &ResizeOptions::new().use_alpha(false)).unwrap();
            assert!(into.buffer().iter().all(|byte| *byte == 0x5a), "an even picture in {pixel_type:?} stays even");
        }
    }

    #[test]
    fn different_or_unsupported_pixel_types_are_refused() {
        for (from, into) in [(PixelType::U8, PixelType::U16), (PixelType::F32, PixelType::F32)] {
            let samples = vec![0; 4 * 4 * 4];
            let from = ImageRef::new(4, 4, &samples, from).unwrap();
            let refused = resize(&mut Resizer::new(), &from, &mut Image::new(2, 2, into), &ResizeOptions::new());
            assert!(matches!(refused, Err(ResizeError::PixelTypesAreDifferent)));
        }
    }
}
