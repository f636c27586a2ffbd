//! The `meta` box: items, their locations, properties and references (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 9.3).

use super::{
    Unusable,
    bytes::{Bytes, CUT_OFF},
    container::Parsed,
    properties::{self, Property},
};
use smmu_core::iso_bmff::Kind;
use std::ops::Range;

#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) extents: Vec<Range<usize>>,
    /// Set if the file ends before the last byte of the item; `extents` is then empty.
    pub(super) missing: bool,
    /// The extents present in a truncated file, the last one shortened.
    pub(super) there: Vec<Range<usize>>,
    /// Stated length.
    pub(super) bytes: u64,
    /// Indices from 1, and true for essential properties.
    properties: Vec<(usize, bool)>,
}

#[derive(Default)]
pub(super) struct Meta {
    primary: u32,
    items: Vec<Item>,
    properties: Vec<Property>,
    references: Vec<Reference>,
}

pub(super) struct Reference {
    pub(super) kind: Kind,
    pub(super) from: u32,
    pub(super) to: Vec<u32>,
}

/// Maximum number of items, of properties, and of references. A picture needs far fewer, and more take time.
const MAX_ENTRIES: usize = 4096;

impl Item {
    /// Refusal of a truncated item.
    pub(super) fn cut_off(&self) -> Unusable {
        let there: usize = self.there.iter().map(Range::len).sum();
        Unusable::CutOff((there as u64).saturating_mul(100).checked_div(self.bytes).unwrap_or(0).min(100))
    }
}

impl Meta {
    pub(super) fn read(content: &[u8], mut payload: Bytes) -> Parsed<Self> {
        let mut meta = Self::default();
        payload.full_box()?;
        let mut idat = 0..0;
        for found in payload.boxes() {
            let (kind, inner) = found?;
            if &kind == b"idat" {
                let start = inner.0.as_ptr().addr() - content.as_ptr().addr();
                idat = start..start + inner.0.len();
            }
        }
        for found in payload.boxes() {
            let (kind, mut inner) = found?;
            match &kind {
                b"pitm" => {
                    let (version, _) = inner.full_box()?;
                    meta.primary = inner.u32(if version == 0 { 2 } else { 4 })?;
                }
                b"iinf" => meta.read_infos(inner)?,
                b"iloc" => meta.read_locations(inner, content.len(), &idat)?,
                b"iprp" => meta.read_properties(inner)?,
                b"iref" => meta.read_references(inner)?,
                _ => {}
            }
        }
        Ok(meta)
    }

    fn item(&mut self, id: u32) -> Parsed<&mut Item> {
        if let Some(at) = self.items.iter().position(|item| item.id == id) {
            return Ok(&mut self.items[at]);
        }
        if self.items.len() >= MAX_ENTRIES {
            return Err(Unusable::Unsupported("too many items"));
        }
        self.items.push(Item { id, ..Item::default() });
        self.items.last_mut().ok_or(CUT_OFF)
    }

    fn read_infos(&mut self, mut payload: Bytes) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        payload.number(if version == 0 { 2 } else { 4 })?;
        for found in payload.boxes() {
            let (kind, mut entry) = found?;
            let (version, _) = entry.full_box()?;
            if &kind == b"infe" && version >= 2 {
                let id = entry.u32(if version == 2 { 2 } else { 4 })?;
                entry.take(2)?;
                self.item(id)?.kind = entry.kind()?;
            }
        }
        Ok(())
    }

    fn read_locations(&mut self, mut payload: Bytes, file: usize, idat: &Range<usize>) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        let sizes = payload.number(2)?;
        let width = |shift: u32| usize::try_from(sizes >> shift & 15).unwrap_or(0).min(8);
        let (offset, length, base) = (width(12), width(8), width(4));
        let index = if version == 0 { 0 } else { width(0) };
        let id_bytes = if version < 2 { 2 } else { 4 };
        for _ in 0..payload.number(id_bytes)? {
            let id = payload.u32(id_bytes)?;
            let method = if version == 0 { 0 } else { payload.number(2)? & 15 };
            payload.take(2)?;
            let base = payload.number(base)?;
            let (mut extents, mut missing, mut there, mut all) = (Vec::new(), false, Vec::new(), 0_u64);
            for _ in 0..payload.number(2)? {
                payload.take(index)?;
                let start = base.checked_add(payload.number(offset)?).ok_or(CUT_OFF)?;
                let bytes = payload.number(length)?;
                all = all.saturating_add(bytes);
                extents.push(match method {
                    0 => {
                        let Ok(extent) = extent(start, bytes, 0..file) else {
                            // Bytes after a gap are useless.
                            if !missing {
                                there.append(&mut extents);
                                there.extend(
                                    usize::try_from(start).ok().filter(|start| *start < file).map(|start| start..file),
                                );
                            }
                            missing = true;
                            continue;
                        };
                        extent
                    }
                    1 => extent(start, bytes, idat.clone())?,
                    _ => return Err(Unusable::Unsupported("items inside items")),
                });
            }
            let item = self.item(id)?;
            (item.extents, item.missing) = (if missing { Vec::new() } else { extents }, missing);
            (item.there, item.bytes) = (there, all);
        }
        Ok(())
    }

    fn read_properties(&mut self, payload: Bytes) -> Parsed<()> {
        for found in payload.boxes() {
            let (kind, inner) = found?;
            match &kind {
                b"ipco" => {
                    for found in inner.boxes() {
                        let (kind, content) = found?;
                        if self.properties.len() >= MAX_ENTRIES {
                            return Err(Unusable::Unsupported("too many properties"));
                        }
                        self.properties.push(properties::read(kind, content)?);
                    }
                }
                b"ipma" => self.read_associations(inner)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_associations(&mut self, mut payload: Bytes) -> Parsed<()> {
        let (version, flags) = payload.full_box()?;
        for _ in 0..payload.number(4)? {
            let id = payload.u32(if version < 1 { 2 } else { 4 })?;
            for _ in 0..payload.number(1)? {
                let (bytes, top) = if flags & 1 == 1 { (2, 0x8000) } else { (1, 0x80) };
                let entry = payload.number(bytes)?;
                let index = usize::try_from(entry & (top - 1)).map_err(|_| CUT_OFF)?;
                self.item(id)?.properties.push((index, entry & top != 0));
            }
        }
        Ok(())
    }

    fn read_references(&mut self, mut payload: Bytes) -> Parsed<()> {
        let (version, _) = payload.full_box()?;
        let id_bytes = if version == 0 { 2 } else { 4 };
        for found in payload.boxes() {
            let (kind, mut inner) = found?;
            if self.references.len() >= MAX_ENTRIES {
                return Err(Unusable::Unsupported("too many references"));
            }
            let from = inner.u32(id_bytes)?;
            let count = inner.number(2)?;
            let to = (0..count).map(|_| inner.u32(id_bytes)).collect::<Parsed<Vec<u32>>>()?;
            self.references.push(Reference { kind, from, to });
        }
        Ok(())
    }

    pub(super) fn find(&self, id: u32) -> Parsed<&Item> {
        self.items.iter().find(|item| item.id == id).ok_or(Unusable::Damaged("an item is missing"))
    }

    /// The primary item: the picture to show.
    pub(super) fn primary(&self) -> Parsed<&Item> {
        self.find(self.primary)
    }

    /// References of one kind to an item.
    pub(super) fn references_to(&self, kind: Kind, id: u32) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.kind == kind && reference.to.contains(&id))
    }

    /// Ids of the items that an item refers to, by one kind of reference.
    pub(super) fn references_from(&self, kind: Kind, id: u32) -> Option<&[u32]> {
        let found = self.references.iter().find(|reference| reference.kind == kind && reference.from == id)?;
        Some(&found.to)
    }

    /// The properties of an item, in the order in which they apply.
    pub(super) fn properties_of(&self, item: &Item) -> Parsed<Vec<&Property>> {
        let mut found = Vec::new();
        for &(index, essential) in &item.properties {
            let Some(property) = index.checked_sub(1).and_then(|index| self.properties.get(index)) else { continue };
            match property {
                Property::Unknown if essential => {
                    return Err(Unusable::Unsupported("an unknown essential property"));
                }
                Property::Unknown => {}
                _ => found.push(property),
            }
        }
        Ok(found)
    }
}

/// An extent of an item. It must be inside `within`, the file or a box; without a length, it ends where `within` ends.
fn extent(start: u64, bytes: u64, within: Range<usize>) -> Parsed<Range<usize>> {
    let start = usize::try_from(start).ok().and_then(|start| start.checked_add(within.start)).ok_or(CUT_OFF)?;
    let end = match bytes {
        0 => within.end,
        _ => usize::try_from(bytes).ok().and_then(|bytes| start.checked_add(bytes)).ok_or(CUT_OFF)?,
    };
    if start > end || end > within.end {
        return Err(Unusable::Damaged("it ends too early"));
    }
    Ok(start..end)
}
