//! Signs by which content shows its format.

mod frames;
pub(super) mod looks;

pub(super) use frames::after_junk;

/// A test on the first bytes of a file of some format.
#[derive(Debug)]
pub(super) enum Sign {
    /// These bytes at the very start.
    Start(&'static [u8]),
    /// These bytes at an offset.
    At(usize, &'static [u8]),
    /// All of these bytes, each at its offset.
    All(&'static [(usize, &'static [u8])]),
    /// A chunk of IFF or RIFF, and its form type.
    Form(&'static [u8; 4], &'static [u8; 4]),
    /// Prefix of the major brand of an ISO media file (ISO/IEC 14496-12, 4.3), which decides how it plays.
    Major(&'static [u8]),
    /// Any brand of a file whose major brand is not a [`Sign::Major`]: a still image may have a generic one (ISO/IEC
    /// 23008-12, 10; AV1 Image File Format 1.1, 6.1).
    Brand(&'static [u8; 4]),
    /// A sign after padding that some tools put before a file: one or more of these bytes.
    Padded(&'static [u8], &'static Sign),
    /// A check in code.
    Is(fn(&[u8]) -> bool),
    /// A check in code that returns a more exact media type.
    Which(fn(&[u8]) -> Option<&'static str>),
    /// Plausible header fields without a mark. Used only if no other sign matches.
    Guess(fn(&[u8]) -> bool),
}

/// Order in which signs are tried: the most certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Major,
    Usual,
    Guess,
}

impl Sign {
    /// The turn in which the sign is tried.
    const fn turn(&self) -> Turn {
        match self {
            Self::Major(_) | Self::Padded(..) => Turn::Major,
            Self::Guess(_) => Turn::Guess,
            Self::Start(_)
            | Self::At(..)
            | Self::All(_)
            | Self::Form(..)
            | Self::Brand(_)
            | Self::Is(_)
            | Self::Which(_) => Turn::Usual,
        }
    }

    /// The media type that the sign shows for `head` in this turn: `usual`, unless the sign returns a more exact one.
    pub(super) fn shows(&self, head: &[u8], turn: Turn, usual: &'static str) -> Option<&'static str> {
        // If the major brand is unknown, the other brands decide.
        if let (Self::Major(brand), Turn::Guess) = (self, turn) {
            return brands(head).any(|found| found.starts_with(brand)).then_some(usual);
        }
        if self.turn() != turn {
            return None;
        }
        let shown = match self {
            Self::Which(which) => return which(head),
            Self::Start(mark) => head.starts_with(mark),
            Self::At(offset, mark) => at(head, *offset, mark),
            Self::All(marks) => marks.iter().all(|(offset, mark)| at(head, *offset, mark)),
            Self::Form(chunk, form) => head.starts_with(*chunk) && at(head, 8, *form),
            Self::Major(brand) => brands(head).next().is_some_and(|major| major.starts_with(brand)),
            Self::Brand(brand) => brands(head).any(|found| found == *brand),
            Self::Padded(padding, sign) => {
                let behind = head.iter().position(|byte| !padding.contains(byte)).filter(|length| *length > 0);
                behind.is_some_and(|length| sign.shows(&head[length..], sign.turn(), usual).is_some())
            }
            Self::Is(is) | Self::Guess(is) => is(head),
        };
        shown.then_some(usual)
    }
}

/// Returns whether these bytes are at an offset.
pub(super) fn at(head: &[u8], offset: usize, mark: &[u8]) -> bool {
    head.get(offset..).is_some_and(|rest| rest.starts_with(mark))
}

/// The brands of an ISO media file, the major one first. The second word is the minor version, not a brand.
fn brands(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length = head.first_chunk().filter(|_| at(head, 4, b"ftyp")).map_or(0, |length| u32::from_be_bytes(*length));
    let end = usize::try_from(length).unwrap_or(usize::MAX).min(head.len());
    let words = head.get(8..end).unwrap_or_default().chunks_exact(4).enumerate();
    words.filter(|(index, _)| *index != 1).map(|(_, brand)| brand)
}
