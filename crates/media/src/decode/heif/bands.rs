//! Reads pictures that consist of one or more coded images, row by row.

use super::{
    av1,
    container::{Coding, Picture, gather},
    planes::{CodePoints, Planes, Rows},
};
use crate::error::{MediaError, corrupt};
use smmu_core::image::Size;

/// The images of a picture, decoded one band (a row of images) at a time.
pub(super) struct Bands<'a> {
    content: &'a [u8],
    picture: &'a Picture,
    points: Option<CodePoints>,
    /// Number of the decoded band, and its images.
    band: Option<(u32, Vec<Image>)>,
}

/// A decoded image of a band.
struct Image {
    planes: Planes,
    /// Set if this is the image of the band above: its last row is repeated in place of a missing image.
    above: bool,
}

impl<'a> Bands<'a> {
    pub(super) const fn new(content: &'a [u8], picture: &'a Picture, points: Option<CodePoints>) -> Self {
        Self { content, picture, points, band: None }
    }

    /// A picture of one image that is already decoded.
    pub(super) fn of(picture: &'a Picture, planes: Planes) -> Self {
        Self { content: &[], picture, points: None, band: Some((0, vec![Image { planes, above: false }])) }
    }

    /// The images crossed by a row of the picture; each with its own row, and the number of its columns inside the
    /// picture.
    pub(super) fn row(&mut self, row: u32) -> Result<impl Iterator<Item = (&Planes, usize, usize)>, MediaError> {
        let tile = self.picture.tile;
        let (number, inside) = (row / tile.height, (row % tile.height) as usize);
        if self.band.as_ref().is_none_or(|(decoded, _)| *decoded != number) {
            let before = self.band.take().map(|(_, images)| images).unwrap_or_default();
            self.band = Some((number, self.decode(number, before)?));
        }
        let images = self.band.as_ref().map_or(&[][..], |(_, images)| images);
        let width = self.picture.size.width;
        Ok(images.iter().enumerate().map(move |(column, image)| {
            let left = u32::try_from(column).unwrap_or(u32::MAX).saturating_mul(tile.width);
            let inside = if image.above { tile.height as usize - 1 } else { inside };
            (&image.planes, inside, width.saturating_sub(left).min(tile.width) as usize)
        }))
    }

    fn decode(&self, band: u32, before: Vec<Image>) -> Result<Vec<Image>, MediaError> {
        let columns = self.picture.columns as usize;
        let tiles = self.picture.tiles.iter().skip(band as usize * columns).take(columns);
        // Drop the previous band first, to hold only one in memory, except images that replace missing ones.
        let mut above: Vec<Option<Image>> = before.into_iter().map(Some).collect();
        above.resize_with(columns, || None);
        for (above, _) in above.iter_mut().zip(tiles.clone()).filter(|(_, tile)| !tile.is_missing()) {
            *above = None;
        }
        tiles
            .zip(above)
            .map(|(tile, above)| {
                if tile.is_missing() {
                    let above = above.ok_or_else(|| corrupt("HEIF", "it ends too early"))?;
                    return Ok(Image { above: true, ..above });
                }
                let stream = gather(self.content, &tile.stream);
                let planes = match &tile.coding {
                    Coding::Av1 => av1::decode(stream, self.picture, self.points),
                    Coding::Hevc(configuration) => configuration.decode(&stream, tile.cut, self.picture, self.points),
                };
                Ok(Image { planes: planes?, above: false })
            })
            .collect()
    }
}

/// The alpha of a picture, scaled to the size of its colours.
pub(super) struct Alpha<'a> {
    bands: Bands<'a>,
    colours: Size,
    /// Numbers and levels of the two stored rows that the last row was interpolated from.
    near: (u32, Vec<f32>),
    far: (u32, Vec<f32>),
    between: Vec<f32>,
}

/// Row number that means "no row".
const NONE: u32 = u32::MAX;

impl<'a> Alpha<'a> {
    pub(super) const fn new(bands: Bands<'a>, colours: Size) -> Self {
        Self { bands, colours, near: (NONE, Vec::new()), far: (NONE, Vec::new()), between: Vec::new() }
    }

    /// The alpha of a row of the picture. Request rows from top to bottom.
    pub(super) fn row(&mut self, row: u32, room: &mut Rows) -> Result<&[f32], MediaError> {
        let size = self.bands.picture.size;
        if size == self.colours {
            self.read(row, room)?;
            return Ok(&self.near.1);
        }
        let (top, part) = place(row, self.colours.height, size.height);
        let bottom = (top + 1).min(size.height - 1);
        if self.far.0 == top {
            std::mem::swap(&mut self.near, &mut self.far);
        }
        self.read(top, room)?;
        if self.far.0 != bottom {
            std::mem::swap(&mut self.near, &mut self.far);
            let read = self.read(bottom, room);
            std::mem::swap(&mut self.near, &mut self.far);
            read?;
        }
        let (near, far) = (&self.near.1, &self.far.1);
        self.between.clear();
        self.between.extend((0..self.colours.width).map(|column| {
            let (left, of_right) = place(column, self.colours.width, size.width);
            let right = (left + 1).min(size.width - 1) as usize;
            let level = |row: &[f32]| row[left as usize] * (1.0 - of_right) + row[right] * of_right;
            level(near) * (1.0 - part) + level(far) * part
        }));
        Ok(&self.between)
    }

    /// Reads a stored row of alpha to `near`.
    fn read(&mut self, row: u32, room: &mut Rows) -> Result<(), MediaError> {
        if self.near.0 == row {
            return Ok(());
        }
        self.near.1.clear();
        for (planes, inside, columns) in self.bands.row(row)? {
            planes.luma_row(inside, room);
            self.near.1.extend(&room.luma[..columns]);
        }
        self.near.0 = row;
        Ok(())
    }
}

/// Maps the centre of a pixel in a row of `of` pixels to a row of `among` pixels that covers the same length. Returns
/// the pixel whose centre is before it, and the fraction of the way to the next pixel.
fn place(pixel: u32, of: u32, among: u32) -> (u32, f32) {
    let at = (f64::from(pixel) + 0.5) * f64::from(among) / f64::from(of) - 0.5;
    let at = at.clamp(0.0, f64::from(among - 1));
    (at as u32, (at - at.floor()) as f32)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn pixel_centres_map_between_those_of_another_size() {
        assert_eq!([0, 1, 2, 3].map(|pixel| place(pixel, 4, 2)), [(0, 0.0), (0, 0.25), (0, 0.75), (1, 0.0)]);
        assert_eq!([0, 1].map(|pixel| place(pixel, 2, 4)), [(0, 0.5), (2, 0.5)]);
        assert_eq!(place(7, 9, 1), (0, 0.0));
    }
}
