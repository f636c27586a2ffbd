use super::*;

fn grey(size: Size, samples: &[u8]) -> Raster {
    Raster { size, channels: Channels::Grey, samples: samples.to_vec() }
}

#[test]
fn planes_convert_to_the_right_colours() {
    let size = Size { width: 3, height: 3 };
    let chroma = [grey(halved(size), &[90; 4]), grey(halved(size), &[240; 4])];
    let planes = Planes { size, luma: grey(size, &[81; 9]), chroma };
    // JFIF: 81 + 1.402 × 112, 81 + 0.344 × 38 − 0.714 × 112, 81 − 1.772 × 38.
    let rgb = planes.rgb(size).expect("resizes").samples;
    assert!(rgb.chunks(3).all(|pixel| pixel == [238, 14, 14]), "{rgb:?}");
    let smaller = planes.shrunk(Size { width: 1, height: 1 }).expect("resizes");
    assert_eq!((smaller.luma.samples, smaller.chroma[0].samples.clone()), (vec![81], vec![90]));
}

#[test]
fn an_odd_luma_plane_is_made_even_by_repeating_its_last_samples() {
    let size = Size { width: 3, height: 1 };
    let chroma = [grey(halved(size), &[128; 2]), grey(halved(size), &[128; 2])];
    let planes = Planes { size, luma: grey(size, &[1, 2, 3]), chroma };
    assert_eq!(planes.even_luma(), (Cow::Borrowed(&[1, 2, 3, 3, 1, 2, 3, 3][..]), 4));
}

#[test]
fn grey_gets_neutral_chroma() {
    let size = Size { width: 5, height: 2 };
    let luma = Plane { size, extent: size.into(), samples: &[7; 10] };
    let turned = Planes::reduced(luma, None, size, Orientation::Rotate90).expect("resizes");
    assert_eq!((turned.size.width, turned.size.height), (2, 5));
    assert_eq!(turned.chroma[1], grey(Size { width: 1, height: 3 }, &[128; 3]));
}

/// A colour ramp from left to right keeps its position, for odd sizes and in every orientation.
#[test]
fn chroma_stays_aligned_with_luma() {
    let size = Size { width: 90, height: 60 };
    let ramp = |width: u32, height: u32, step: f64| {
        let row = (0..width).map(|x| (40.0 + (f64::from(x) + 0.5) * step).round() as u8);
        row.collect::<Vec<u8>>().repeat(height as usize)
    };
    let (luma, chroma) = (ramp(90, 60, 2.0), ramp(45, 30, 4.0));
    for orientation in Orientation::ALL {
        for target in [Size { width: 90, height: 60 }, Size { width: 45, height: 31 }, Size { width: 31, height: 21 }] {
            let planes = Planes::reduced(
                Plane { size, extent: size.into(), samples: &luma },
                Some([Plane { size: halved(size), extent: halved(size).into(), samples: &chroma }; 2]),
                target,
                orientation,
            )
            .expect("resizes");
            // Between two luma samples lies a chroma sample of the same level, except at the edges, where windows end.
            let halves = planes.shrunk_luma();
            let inside = |plane: &Raster| {
                let Size { width, height } = plane.size;
                let inner = |side: u32| 2..side as usize - 3;
                let rows: Vec<&[u8]> = plane.samples.chunks(width as usize).collect();
                rows[inner(height)].iter().flat_map(|row| row[inner(width)].to_vec()).collect::<Vec<u8>>()
            };
            let pairs = inside(&halves).into_iter().zip(inside(&planes.chroma[0]));
            let worst = pairs.map(|(luma, chroma)| luma.abs_diff(chroma)).max();
            assert!(worst <= Some(2), "{orientation:?} {target:?} is off by {worst:?}");
        }
    }
}

impl Planes {
    /// Luma at the resolution of chroma: the mean of the four samples that belong to each chroma sample.
    fn shrunk_luma(&self) -> Raster {
        let (luma, stride) = self.even_luma();
        let size = halved(self.size);
        let at = |x: usize, y: usize| u32::from(luma[y * stride + x]);
        let mean = |x: usize, y: usize| {
            ((at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1) + 2) / 4) as u8
        };
        let (width, height) = (size.width as usize, size.height as usize);
        let samples: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| mean(x, y))).collect();
        grey(size, &samples)
    }
}

#[test]
fn ranges_match_bt_601_and_every_video_level_survives_a_round_trip() {
    let ends = |levels: &[u8; 256], at: [usize; 3]| at.map(|at| levels[at]);
    assert_eq!(ends(&LIMITED.luma, [0, 128, 255]), [16, 126, 235]);
    assert_eq!(ends(&LIMITED.chroma, [0, 128, 255]), [16, 128, 240]);
    assert_eq!(ends(&FULL.luma, [3, 16, 235]), [0, 0, 255]);
    assert_eq!(ends(&FULL.chroma, [0, 128, 240]), [0, 128, 255]);
    assert!((16..=235_u8).all(|level| LIMITED.luma[usize::from(FULL.luma[usize::from(level)])] == level));
    assert!((17..=240_u8).all(|level| LIMITED.chroma[usize::from(FULL.chroma[usize::from(level)])] == level));
}
