// Draws waveform.json as an SVG path of rounded bars.
import type { Waveform } from "./types.ts";

/** The height of each of `count` bars, 0 to 1, relative to the loudest. */
export function bars({ bits, length, data }: Waveform, count: number): number[] {
  const full = 2 ** (bits - 1);
  const points = Math.min(length, Math.floor(data.length / 2));
  const heights = Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * points) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * points) / count));
    let peak = 0;
    for (let point = from; point < to && point < points; point += 1) {
      peak = Math.max(peak, Math.abs(data[2 * point] ?? 0), Math.abs(data[2 * point + 1] ?? 0));
    }
    return peak / full;
  });
  const loudest = Math.max(...heights, 0);
  return loudest > 0 ? heights.map((height) => height / loudest) : heights;
}

/** The bars as vertical strokes, around the middle of a box of `count` by `height` units. */
export function path(heights: readonly number[], height: number): string {
  return heights
    .map((bar, index) => {
      // Silence is a dot, so that the line does not break.
      const half = Math.max(0.02, bar) * (height / 2 - 1);
      return `M${index + 0.5} ${(height / 2 - half).toFixed(1)}V${(height / 2 + half).toFixed(1)}`;
    })
    .join("");
}
