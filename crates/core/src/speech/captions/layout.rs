//! Which words share a cue and a line: of all ways, the one that costs the reader least.
//!
//! A shortest path over the places between words (as Knuth and Plass break paragraphs): every cue costs something
//! by itself, and more for what it does to sense, pace and look.

use super::{COLUMNS_PER_SECOND, MAX_COLUMNS, MAX_CUE_MS, MAX_LINES, MIN_CUE_MS, atoms::Atom};
use crate::speech::{
    Language,
    grammar::{Bond, bond},
};
use std::ops::Range;

/// The words of one cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) words: Range<usize>,
    /// Where its second line begins, where it has one; neither is empty.
    second_line: Option<usize>,
}

impl Block {
    /// The words of each line.
    pub(super) fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let Self { words, second_line } = self.clone();
        let first = words.start..second_line.unwrap_or(words.end);
        [first].into_iter().chain(second_line.map(|line| line..words.end))
    }
}

/// What a cue costs by itself: few are better than many.
const CUE: u64 = 25;
/// What each column costs that a cue is narrower than [`NARROW`]: a lonely word is read as an afterthought.
const NARROW_COLUMN: u64 = 2;
const NARROW: u64 = 20;
/// What it costs that a cue is seen for less than the shortest time: more than any bad break.
const TOO_SHORT: u64 = 150;
/// What twice the pace of a reader costs.
const TOO_FAST: u64 = 60;
/// What it costs that a sentence ends before its cue does.
const SENTENCE_INSIDE: u64 = 15;
/// A pause inside a cue costs nothing up to this, in milliseconds, and then 1 for each ten more.
const PAUSE_MS: u64 = 400;
/// What a line costs that has but one word beside a longer one.
const LONELY_LINE: u64 = 20;

/// What ending a cue here costs.
const fn break_cost(bond: Bond, pause_ms: u64) -> u64 {
    let cost = match bond {
        Bond::Sentence => 0,
        Bond::Clause => 12,
        Bond::Phrase => 22,
        Bond::Words => 35,
        Bond::Tight => 70,
    };
    // Who pauses has a reason.
    match pause_ms {
        0..300 => cost,
        300..600 => cost / 2,
        600.. => cost / 6,
    }
}

/// Breaks a run of words into cues.
pub(super) fn blocks(atoms: &[Atom], language: Language) -> Vec<Block> {
    let run = Run::new(atoms, language);
    // For every place between words, the least cost to get there, and where the last cue then begins.
    let mut paths: Vec<Path> = vec![Path { cost: 0, from: 0, second_line: None }];
    for to in 1..=atoms.len() {
        let ways = run.starts(to).filter_map(|from| {
            let (cost, second_line) = run.cue_cost(from..to)?;
            Some(Path { cost: paths[from].cost + cost, from, second_line })
        });
        paths.push(ways.min_by_key(|path| path.cost).expect("one atom fits into a line, so it is a cue"));
    }
    let mut blocks = Vec::new();
    let mut to = atoms.len();
    while to > 0 {
        let Path { from, second_line, .. } = paths[to];
        blocks.push(Block { words: from..to, second_line });
        to = from;
    }
    blocks.reverse();
    blocks
}

#[derive(Clone, Copy)]
struct Path {
    cost: u64,
    from: usize,
    /// Where the last cue's second line begins.
    second_line: Option<usize>,
}

/// Words with what is known of the places between them, summed up so that any cue is measured at once.
struct Run<'a> {
    atoms: &'a [Atom],
    /// Columns before each word, spaces included.
    columns: Vec<u64>,
    /// What ending a line before each word costs.
    breaks: Vec<u64>,
    /// What it costs to go on at all places before each word.
    bridges: Vec<u64>,
}

impl<'a> Run<'a> {
    fn new(atoms: &'a [Atom], language: Language) -> Self {
        let mut run = Self { atoms, columns: vec![0], breaks: Vec::new(), bridges: Vec::new() };
        let (mut columns, mut bridges) = (0, 0);
        for (at, atom) in atoms.iter().enumerate() {
            columns += atom.columns + space(atom);
            run.columns.push(columns);
            let (cost, bridge) = match at.checked_sub(1) {
                None => (0, 0),
                Some(before) => {
                    let pause_ms = atom.start_ms.saturating_sub(atoms[before].end_ms);
                    let bond = bond(&atoms[before].text, &atom.text, language);
                    let sentence = if bond == Bond::Sentence { SENTENCE_INSIDE } else { 0 };
                    (break_cost(bond, pause_ms), sentence + pause_ms.saturating_sub(PAUSE_MS) / 10)
                }
            };
            bridges += bridge;
            run.breaks.push(cost);
            run.bridges.push(bridges);
        }
        run
    }

    /// Where a cue can begin that ends before `to`, the nearest first: as far as its words fit.
    fn starts(&self, to: usize) -> impl Iterator<Item = usize> {
        let fits = move |from: &usize| {
            // Between its lines stands no space.
            let columns = self.width(&(*from..to));
            let widest = MAX_COLUMNS * MAX_LINES as u64 + 1;
            let lasts_ms = self.atoms[to - 1].end_ms.saturating_sub(self.atoms[*from].start_ms);
            from + 1 == to || (columns <= widest && lasts_ms <= MAX_CUE_MS)
        };
        (0..to).rev().take_while(fits)
    }

    /// Columns of words on one line.
    fn width(&self, words: &Range<usize>) -> u64 {
        self.columns[words.end] - self.columns[words.start] - space(&self.atoms[words.start])
    }

    /// What a cue of these words costs, and where its second line begins; none where it has no room for them.
    fn cue_cost(&self, words: Range<usize>) -> Option<(u64, Option<usize>)> {
        let columns = self.width(&words);
        let (look, line) = if columns <= MAX_COLUMNS { (0, None) } else { self.best_line(&words)? };
        let inside = self.bridges[words.end - 1] - self.bridges[words.start];
        let end = self.breaks.get(words.end).copied().unwrap_or(0);
        let narrow = NARROW.saturating_sub(columns) * NARROW_COLUMN;
        Some((CUE + look + inside + end + narrow + self.pace_cost(&words, columns), line))
    }

    /// What it costs that a cue is seen too short: it can stay until the next word or the end of its region.
    fn pace_cost(&self, words: &Range<usize>, columns: u64) -> u64 {
        let last = &self.atoms[words.end - 1];
        let next_ms = self.atoms.get(words.end).map_or(u64::MAX, |next| next.start_ms);
        let until_ms = last.region.end_ms().min(next_ms);
        let lasts_ms = until_ms.saturating_sub(self.atoms[words.start].start_ms).clamp(1, MAX_CUE_MS);
        let needed_ms = columns * 1000 / COLUMNS_PER_SECOND;
        let too_short = if lasts_ms < MIN_CUE_MS { TOO_SHORT + (MIN_CUE_MS - lasts_ms) / 10 } else { 0 };
        too_short + (needed_ms.saturating_sub(lasts_ms) * TOO_FAST / lasts_ms).min(10 * TOO_FAST)
    }

    /// The best place for the second line, with what it costs.
    fn best_line(&self, words: &Range<usize>) -> Option<(u64, Option<usize>)> {
        let places = (words.start + 1..words.end).filter_map(|line| {
            let (top, bottom) = (words.start..line, line..words.end);
            let (wide, narrow) = (self.width(&top), self.width(&bottom));
            let fits = wide <= MAX_COLUMNS && narrow <= MAX_COLUMNS;
            fits.then(|| (self.line_cost(&top, &bottom), Some(line)))
        });
        places.min_by_key(|(cost, _)| *cost)
    }

    /// Lines are best alike, or the lower one longer, so that they hide less of the picture.
    fn line_cost(&self, top: &Range<usize>, bottom: &Range<usize>) -> u64 {
        let (above, below) = (self.width(top), self.width(bottom));
        let lonely = bottom.len() == 1 && !self.atoms[bottom.start].joined;
        self.breaks[bottom.start] / 2
            + above.abs_diff(below) / 3
            + above.saturating_sub(below) / 4
            + if lonely { LONELY_LINE } else { 0 }
    }
}

fn space(atom: &Atom) -> u64 {
    u64::from(!atom.joined)
}
