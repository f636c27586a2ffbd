//! Builds HEIC files as phones and tools write them, from the single coded image of a fixture.

/// 64 × 48 pixels: red grows by 4 to the right, green by 5 downwards, blue is 128.
pub(crate) const WIDTH: u32 = 64;
pub(crate) const HEIGHT: u32 = 48;

/// The colour of that picture at a pixel.
pub(crate) fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x * 4) as u8, (y * 5) as u8, 128]
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/heif/", $name, ".heic"))
    };
}

pub(crate) const FILES: &[(&str, &[u8])] = &[
    ("420", fixture!("420")),
    ("422", fixture!("422")),
    ("444", fixture!("444")),
    ("bt709", fixture!("bt709")),
    ("ten-bits", fixture!("ten-bits")),
    ("alpha", fixture!("alpha")),
    ("grey", fixture!("grey")),
];

pub(crate) fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, file)| *file).expect("a fixture")
}

/// A box with its header.
pub(crate) fn boxed(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 8).expect("small").to_be_bytes();
    [&length[..], kind, &body].concat()
}

fn full(kind: &[u8], version: u8, parts: &[&[u8]]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], &parts.concat()])
}

/// The first box of a kind in a fixture, at any level, including its header.
fn find(file: &[u8], kind: &[u8]) -> Vec<u8> {
    let at = file.windows(4).position(|window| window == kind).expect("the box") - 4;
    let length = u32::from_be_bytes(file[at..at + 4].try_into().expect("4 bytes")) as usize;
    file[at..at + length].to_vec()
}

fn size(width: u32, height: u32) -> Vec<u8> {
    full(b"ispe", 0, &[&width.to_be_bytes(), &height.to_be_bytes()])
}

/// A clean aperture: width, height and the offsets of its centre, in halves of a pixel.
pub(crate) fn aperture(width: u32, height: u32, halves_right: i32, halves_down: i32) -> Vec<u8> {
    let fraction = |numerator: [u8; 4], denominator: u32| [numerator, denominator.to_be_bytes()].concat();
    boxed(
        b"clap",
        &[
            &fraction(width.to_be_bytes(), 1),
            &fraction(height.to_be_bytes(), 1),
            &fraction(halves_right.to_be_bytes(), 2),
            &fraction(halves_down.to_be_bytes(), 2),
        ],
    )
}

/// A rotation by quarter turns, anticlockwise.
pub(crate) fn turn(quarters: u8) -> Vec<u8> {
    boxed(b"irot", &[&[quarters]])
}

/// Colour information by code points.
pub(crate) fn colours(primaries: u8, transfer: u8, matrix: u8, full_range: bool) -> Vec<u8> {
    boxed(b"colr", &[b"nclx", &[0, primaries, 0, transfer, 0, matrix, u8::from(full_range) << 7]])
}

/// Structure of a HEIC file.
pub(crate) struct Heif<'a> {
    /// A fixture; its first coded image is used for every tile.
    pub(crate) coded: &'a [u8],
    /// Columns and rows of a grid; (1, 1) is a single image.
    pub(crate) tiles: (u8, u8),
    /// Width and height; a grid is cropped to this on the right and below.
    pub(crate) size: (u32, u32),
    /// Properties of the picture in addition to its size, in order.
    pub(crate) properties: Vec<Vec<u8>>,
    /// A property of each tile. With one tile, the picture is then an identity image derived from one that has the
    /// property.
    pub(crate) of_tiles: Option<Vec<u8>>,
    /// Boxes between `ftyp` and `meta`.
    pub(crate) before: Vec<u8>,
    /// Boxes at the end of the file.
    pub(crate) after: Vec<u8>,
    pub(crate) brand: &'a [u8],
}

impl Default for Heif<'_> {
    fn default() -> Self {
        Self {
            coded: file("420"),
            tiles: (1, 1),
            size: (WIDTH, HEIGHT),
            properties: vec![colours(1, 13, 6, true)],
            of_tiles: None,
            before: Vec::new(),
            after: Vec::new(),
            brand: b"heic",
        }
    }
}

impl Heif<'_> {
    pub(crate) fn written(&self) -> Vec<u8> {
        let head = [boxed(b"ftyp", &[self.brand, &[0; 4], b"mif1heic"]), self.before.clone()].concat();
        // The length does not depend on the offsets.
        let length = self.meta(0).len();
        let stream = find(self.coded, b"mdat")[8..].to_vec();
        let grid = self.grid();
        let media = boxed(b"mdat", &[&stream, &grid]);
        [head.clone(), self.meta(head.len() + length + 8), media, self.after.clone()].concat()
    }

    fn stream_bytes(&self) -> usize {
        find(self.coded, b"mdat").len() - 8
    }

    fn grid(&self) -> Vec<u8> {
        let (columns, rows) = self.tiles;
        let (width, height) = self.size;
        let sides = [width, height].map(|side| u16::try_from(side).expect("small").to_be_bytes());
        [&[0, 0, rows - 1, columns - 1][..], &sides[0], &sides[1]].concat()
    }

    fn meta(&self, media_at: usize) -> Vec<u8> {
        let count = u16::from(self.tiles.0) * u16::from(self.tiles.1);
        let is_grid = count > 1 || self.of_tiles.is_some();
        let kind = if count > 1 { b"grid" } else { b"iden" };
        // Item 1 is the picture; the tiles of a grid follow.
        let tiles: Vec<u16> = if is_grid { (2..=count + 1).collect() } else { vec![1] };
        let entry = |id: u16, kind: &[u8]| full(b"infe", 2, &[&id.to_be_bytes(), &[0, 0], kind, &[0]]);
        let mut entries: Vec<Vec<u8>> = tiles.iter().map(|&id| entry(id, b"hvc1")).collect();
        if is_grid {
            entries.insert(0, entry(1, kind));
        }
        let stream = (media_at as u32, self.stream_bytes() as u32);
        let mut places: Vec<(u16, u32, u32)> = tiles.iter().map(|&id| (id, stream.0, stream.1)).collect();
        if is_grid {
            places.push((1, stream.0 + stream.1, self.grid().len() as u32));
        }
        let place = |&(id, at, bytes): &(u16, u32, u32)| {
            [&id.to_be_bytes()[..], &[0, 0], &[0, 1], &at.to_be_bytes(), &bytes.to_be_bytes()].concat()
        };
        let located: Vec<u8> = places.iter().flat_map(place).collect();
        let references = if is_grid {
            let to: Vec<u8> = tiles.iter().flat_map(|id| id.to_be_bytes()).collect();
            full(b"iref", 0, &[&boxed(b"dimg", &[&[0, 1], &count.to_be_bytes(), &to])])
        } else {
            Vec::new()
        };
        // 1 is a tile's size, 2 its configuration, 3 the picture's size; then the picture's other properties, and last
        // the tiles' own.
        let mut known = vec![size(WIDTH, HEIGHT), find(self.coded, b"hvcC"), size(self.size.0, self.size.1)];
        known.extend(self.properties.iter().cloned());
        let others: Vec<u8> = (4..=known.len() as u8).collect();
        known.extend(self.of_tiles.clone());
        let own = self.of_tiles.as_ref().map(|_| known.len() as u8);
        let of_picture = if is_grid { [&[3][..], &others].concat() } else { [&[1, 2 | 0x80][..], &others].concat() };
        let mut linked = [&[0, 1, of_picture.len() as u8][..], &of_picture].concat();
        for &tile in tiles.iter().filter(|_| is_grid) {
            let properties: Vec<u8> = [1, 2 | 0x80].into_iter().chain(own).collect();
            linked.extend([&tile.to_be_bytes()[..], &[properties.len() as u8], &properties].concat());
        }
        let items = if is_grid { tiles.len() + 1 } else { 1 };
        full(
            b"meta",
            0,
            &[
                &full(b"hdlr", 0, &[&[0; 4], b"pict", &[0; 13]]),
                &full(b"pitm", 0, &[&[0, 1]]),
                &full(b"iloc", 0, &[&[0x44, 0], &(places.len() as u16).to_be_bytes(), &located]),
                &full(b"iinf", 0, &[&(entries.len() as u16).to_be_bytes(), &entries.concat()]),
                &references,
                &boxed(
                    b"iprp",
                    &[
                        &boxed(b"ipco", &[&known.concat()]),
                        &full(b"ipma", 0, &[&(items as u32).to_be_bytes(), &linked]),
                    ],
                ),
            ],
        )
    }
}
