//! Colour space of a PNG (PNG, 3rd edition, 4.3): the first of `cICP`, `iCCP`, `sRGB` and `gAMA` that is present is
//! used. As in Chromium, `cHRM` is only used together with `gAMA`.

use crate::colour::ColourProfile;
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};
use png::{Info, SourceChromaticities};

/// Gamma of sRGB. Many programs write it, rounded, into every file: values closer than [`NEAR`] mean sRGB.
const SRGB_GAMMA: f32 = 1.0 / 2.2;
const NEAR: f32 = 0.01;

/// Plausible values of `gAMA`: from far darker than any display to the inverse of a display. Others are ignored.
const GAMMAS: std::ops::RangeInclusive<f32> = 0.2..=2.5;

/// Colour profile of the picture; `None` for sRGB.
pub(super) fn profile(info: &Info, grey: bool) -> Option<ColourProfile> {
    if let Some(points) = info.coding_independent_code_points {
        return ColourProfile::of_code_points(points.color_primaries, points.transfer_function);
    }
    if let Some(icc) = &info.icc_profile {
        return ColourProfile::parse(icc);
    }
    let gamma = info.gama_chunk.filter(|_| info.srgb.is_none())?.into_value();
    if !GAMMAS.contains(&gamma) {
        return None;
    }
    let primaries = info.chrm_chunk.and_then(|chunk| primaries(&chunk)).filter(|_| !grey);
    if primaries.is_none() && (gamma - SRGB_GAMMA).abs() < NEAR {
        return None;
    }
    let mut profile = if grey { ColorProfile::new_gray_with_gamma(1.0 / gamma) } else { ColorProfile::new_srgb() };
    if !grey {
        let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
        profile.cicp = None;
        (profile.red_trc, profile.green_trc, profile.blue_trc) =
            (Some(curve.clone()), Some(curve.clone()), Some(curve));
    }
    if let Some((white, primaries)) = primaries {
        profile.update_rgb_colorimetry(white, primaries);
    }
    Some(ColourProfile::described(profile, format!("gamma {:.2}", 1.0 / gamma)))
}

/// White point and primaries of `cHRM`; `None` if they are sRGB's or those of no possible display.
fn primaries(chunk: &SourceChromaticities) -> Option<(XyY, ColorPrimaries)> {
    const SRGB: [(f32, f32); 4] = [(0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)];
    let stated = [chunk.white, chunk.red, chunk.green, chunk.blue].map(|(x, y)| (x.into_value(), y.into_value()));
    let near = |(a, b): (&(f32, f32), &(f32, f32))| (a.0 - b.0).abs() < NEAR && (a.1 - b.1).abs() < NEAR;
    if stated.iter().zip(&SRGB).all(near) {
        return None;
    }
    let [white, red, green, blue] = stated;
    let side = |from: (f32, f32), to: (f32, f32), at: (f32, f32)| {
        (to.0 - from.0) * (at.1 - from.1) - (to.1 - from.1) * (at.0 - from.0)
    };
    // The white point must lie inside the triangle of the primaries, and the triangle must have an area.
    let inside = [(red, green), (green, blue), (blue, red)].map(|(from, to)| side(from, to, white));
    if !inside.iter().all(|area| *area > 0.005) || stated.iter().any(|(x, y)| !(0.0..=1.0).contains(x) || *y > 1.0) {
        return None;
    }
    let point = |(x, y): (f32, f32)| Chromaticity::new(x, y);
    let primaries = ColorPrimaries { red: point(red), green: point(green), blue: point(blue) };
    Some((XyY { x: white.0.into(), y: white.1.into(), yb: 1.0 }, primaries))
}
