// Reads storyboard.vtt: which part of which picture shows a moment (W3C Media Fragments 1.0, `#xywh=`).

export interface Cue {
  startS: number;
  endS: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Names in the file are relative to `base`; a stack without a network of its own has whole addresses instead. */
export function parseStoryboard(text: string, base: string): Cue[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const [times, place] = block.split(/\r?\n/).filter((line) => line.includes("-->") || line.includes("#xywh="));
    const [start, end] = (times ?? "").split("-->").map(seconds);
    const [, sheet, x, y, width, height] = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(place ?? "") ?? [];
    if (start === undefined || end === undefined || sheet === undefined) return [];
    const box = { x: Number(x), y: Number(y), width: Number(width), height: Number(height) };
    return [{ startS: start, endS: end, sheet: new URL(sheet, base).href, ...box }];
  });
}

/** The cue that shows a moment, in seconds; the last one where the moment is behind it. */
export function cueAt(cues: readonly Cue[], at: number): Cue | undefined {
  return cues.find(({ endS }) => at < endS) ?? cues.at(-1);
}

function seconds(time: string): number {
  return time
    .trim()
    .split(":")
    .reduce((sum, part) => sum * 60 + Number(part), 0);
}
