//! Computes when cues are shown.

use super::{
    COLUMNS_PER_SECOND, Cue, MAX_CUE_MS, MIN_CUE_MS, MIN_GAP_MS,
    atoms::{Atom, columns},
    layout::Block,
};
use crate::speech::Span;

/// How much earlier a cue may start if it would be shown too briefly, in milliseconds.
const MAX_EARLY_MS: u64 = 200;

/// The cues of one run of words: each appears with its first word and stays until its last one, or longer if reading
/// takes longer, but never past the region or the next cue.
pub(super) fn timed(atoms: &[Atom], blocks: &[Block], channel: Option<u16>) -> Vec<Cue> {
    let placed = placed(atoms, blocks);
    let mut cues: Vec<Cue> = Vec::with_capacity(placed.len());
    for (at, &(start_ms, block)) in placed.iter().enumerate() {
        let lines: Vec<String> = block.lines().map(|line| text(&atoms[line])).collect();
        let (first, last) = (&atoms[block.words.start], &atoms[block.words.end - 1]);

        let next_ms = placed.get(at + 1).map_or(u64::MAX, |(next_ms, _)| *next_ms);
        let latest_ms = last.region.end_ms().min(next_ms).min(start_ms.saturating_add(MAX_CUE_MS));
        let read_ms = lines.iter().map(|line| columns(line)).sum::<u64>() * 1000 / COLUMNS_PER_SECOND;
        let wanted_ms = last.end_ms.max(start_ms + read_ms.max(MIN_CUE_MS));
        let end_ms = if wanted_ms.saturating_add(MIN_GAP_MS) > latest_ms && latest_ms == next_ms {
            latest_ms
        } else {
            wanted_ms.min(latest_ms)
        };

        let before_ms = cues.last().map_or(0, |before| before.span.end_ms());
        let earliest_ms = before_ms.max(first.region.start_ms()).max(start_ms.saturating_sub(MAX_EARLY_MS));
        let start_ms = start_ms.min(end_ms.saturating_sub(MIN_CUE_MS).max(earliest_ms));
        let is_close = earliest_ms == before_ms && start_ms - before_ms < MIN_GAP_MS;
        let start_ms = if is_close && end_ms - before_ms <= MAX_CUE_MS { before_ms } else { start_ms };
        let span = Span::new(start_ms, end_ms).expect("each was placed before its end and the next");
        cues.push(Cue { span, lines, channel });
    }
    cues
}

/// Start time of each cue: that of its first word, but later than the previous cue's and early enough that it and all
/// later ones are shown. Cues whose words have no duration may be dropped; no model was seen to produce many.
fn placed<'a>(atoms: &[Atom], blocks: &'a [Block]) -> Vec<(u64, &'a Block)> {
    let mut limit_ms = u64::MAX;
    let limits = blocks.iter().rev().map(|block| {
        limit_ms = atoms[block.words.end - 1].region.end_ms().min(limit_ms).saturating_sub(1);
        limit_ms
    });
    let mut limits: Vec<u64> = limits.collect();
    limits.reverse();

    let mut placed: Vec<(u64, &Block)> = Vec::with_capacity(blocks.len());
    for (block, limit_ms) in blocks.iter().zip(limits) {
        let first = &atoms[block.words.start];
        let after_ms = placed.last().map_or(0, |(before_ms, _)| before_ms + 1);
        let start_ms = first.start_ms.min(limit_ms).max(after_ms).max(first.region.start_ms());
        if start_ms < atoms[block.words.end - 1].region.end_ms() {
            placed.push((start_ms, block));
        }
    }
    placed
}

fn text(atoms: &[Atom]) -> String {
    let mut text = String::new();
    for (at, atom) in atoms.iter().enumerate() {
        if at > 0 && !atom.joined {
            text.push(' ');
        }
        text.push_str(&atom.text);
    }
    text
}

/// Sorts out overlaps between cues, which are ordered by start. Of two at once the first ends early for the second, but
/// keeps its shortest duration, or half of the time of both; a cue without time left is dropped.
pub(super) fn apart(cues: Vec<Cue>) -> Vec<Cue> {
    let mut apart: Vec<Cue> = Vec::with_capacity(cues.len());
    for cue in cues {
        let Some(before) = apart.last_mut() else {
            apart.push(cue);
            continue;
        };
        let until_ms = given_way(before.span, cue.span);
        let parts = (Span::new(before.span.start_ms(), until_ms), Span::new(until_ms, cue.span.end_ms()));
        match parts {
            _ if before.span.end_ms() <= cue.span.start_ms() => apart.push(cue),
            (Ok(first), Ok(second)) => {
                before.span = first;
                apart.push(Cue { span: second, ..cue });
            }
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {}
        }
    }
    apart
}

/// The time at which the first of two overlapping spans ends for the second.
fn given_way(one: Span, other: Span) -> u64 {
    let shortest_ms = one.start_ms().saturating_add(MIN_CUE_MS).min(one.end_ms());
    other.start_ms().max(shortest_ms.min(one.start_ms().midpoint(other.end_ms())))
}
