//! Chooses where lines and cues break, at the least total cost to the reader.
//!
//! A shortest path over the places between words, as in the paragraph breaking of Knuth and Plass: every cue has a base
//! cost, plus costs for bad breaks, pace and shape.

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
    /// Start of its second line, if it has one; neither line is empty.
    second_line: Option<usize>,
}

impl Block {
    /// The range of words of each line.
    pub(super) fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let Self { words, second_line } = self.clone();
        let first = words.start..second_line.unwrap_or(words.end);
        [first].into_iter().chain(second_line.map(|line| line..words.end))
    }
}

/// Base cost of a cue: few are better than many.
const CUE: u64 = 25;
/// Cost per column below [`NARROW`]: a lonely word reads like an afterthought.
const NARROW_COLUMN: u64 = 2;
const NARROW: u64 = 20;
/// Cost of a cue shown for less than the shortest duration: more than any bad break.
const TOO_SHORT: u64 = 150;
/// Cost of twice the reading speed.
const TOO_FAST: u64 = 60;
/// Cost of a sentence that ends inside a cue.
const SENTENCE_INSIDE: u64 = 15;
/// Longest free pause inside a cue, in milliseconds; each further ten cost 1.
const PAUSE_MS: u64 = 400;
/// Cost of a second line with a single word.
const LONELY_LINE: u64 = 20;

/// Cost of ending a cue here.
const fn break_cost(bond: Bond, pause_ms: u64) -> u64 {
    let cost = match bond {
        Bond::Sentence => 0,
        Bond::Clause => 12,
        Bond::Phrase => 22,
        Bond::Words => 35,
        Bond::Tight => 70,
    };
    // A pause is a natural break.
    match pause_ms {
        0..300 => cost,
        300..600 => cost / 2,
        600.. => cost / 6,
    }
}

/// Breaks a run of words into cues.
pub(super) fn blocks(atoms: &[Atom], language: Language) -> Vec<Block> {
    let run = Run::new(atoms, language);
    // For every place between words: the least cost to reach it, and the start of the last cue on that path.
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
    /// Start of the last cue's second line.
    second_line: Option<usize>,
}

/// Words with prefix sums of the costs between them, so that any cue can be measured in constant time.
struct Run<'a> {
    atoms: &'a [Atom],
    /// Columns before each word, including spaces.
    columns: Vec<u64>,
    /// Cost of breaking before each word.
    breaks: Vec<u64>,
    /// Sum of the costs of not breaking, up to each word.
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

    /// Possible starts of a cue that ends before `to`, the nearest first, as long as its words fit.
    fn starts(&self, to: usize) -> impl Iterator<Item = usize> {
        let fits = move |from: &usize| {
            // No space is needed at the line break.
            let columns = self.width(&(*from..to));
            let widest = MAX_COLUMNS * MAX_LINES as u64 + 1;
            let lasts_ms = self.atoms[to - 1].end_ms.saturating_sub(self.atoms[*from].start_ms);
            from + 1 == to || (columns <= widest && lasts_ms <= MAX_CUE_MS)
        };
        (0..to).rev().take_while(fits)
    }

    /// Columns of these words on one line.
    fn width(&self, words: &Range<usize>) -> u64 {
        self.columns[words.end] - self.columns[words.start] - space(&self.atoms[words.start])
    }

    /// Cost of a cue with these words, and the start of its second line; `None` if they don't fit.
    fn cue_cost(&self, words: Range<usize>) -> Option<(u64, Option<usize>)> {
        let columns = self.width(&words);
        let (look, line) = if columns <= MAX_COLUMNS { (0, None) } else { self.best_line(&words)? };
        let inside = self.bridges[words.end - 1] - self.bridges[words.start];
        let end = self.breaks.get(words.end).copied().unwrap_or(0);
        let narrow = NARROW.saturating_sub(columns) * NARROW_COLUMN;
        Some((CUE + look + inside + end + narrow + self.pace_cost(&words, columns), line))
    }

    /// Cost of a cue that is shown too briefly, if it stays until the next word or the end of its region.
    fn pace_cost(&self, words: &Range<usize>, columns: u64) -> u64 {
        let last = &self.atoms[words.end - 1];
        let next_ms = self.atoms.get(words.end).map_or(u64::MAX, |next| next.start_ms);
        let until_ms = last.region.end_ms().min(next_ms);
        let lasts_ms = until_ms.saturating_sub(self.atoms[words.start].start_ms).clamp(1, MAX_CUE_MS);
        let needed_ms = columns * 1000 / COLUMNS_PER_SECOND;
        let too_short = if lasts_ms < MIN_CUE_MS { TOO_SHORT + (MIN_CUE_MS - lasts_ms) / 10 } else { 0 };
        too_short + (needed_ms.saturating_sub(lasts_ms) * TOO_FAST / lasts_ms).min(10 * TOO_FAST)
    }

    /// The best start for the second line, with its cost.
    fn best_line(&self, words: &Range<usize>) -> Option<(u64, Option<usize>)> {
        let places = (words.start + 1..words.end).filter_map(|line| {
            let (top, bottom) = (words.start..line, line..words.end);
            let (wide, narrow) = (self.width(&top), self.width(&bottom));
            let fits = wide <= MAX_COLUMNS && narrow <= MAX_COLUMNS;
            fits.then(|| (self.line_cost(&top, &bottom), Some(line)))
        });
        places.min_by_key(|(cost, _)| *cost)
    }

    /// Lines should be equally long, or the lower one longer, so that they hide less of the picture.
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
