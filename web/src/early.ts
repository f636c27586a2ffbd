// A master playlist of what is ready while a job still runs: the rung that players begin with and the sound come long
// before the others, and the job's own master playlist comes last.
import type { Output } from "./types.ts";

/** Whether there is something to play: the job's master playlist, or a first rung. */
export function isPlayable(outputs: readonly Output[]): boolean {
  return outputs.some((output) => output.state === "ready" && (output.name === "master.m3u8" || isRung(output)));
}

/** Keyframe playlists have no codecs; the sound has no size. */
function isRung({ role, width, codecs }: Output): boolean {
  return role === "media_playlist" && width !== undefined && codecs !== undefined;
}

/** The playlist (RFC 8216, 4.3.4), with whole addresses. Undefined as long as no rung is ready. */
export function earlyMaster(outputs: readonly Output[], address: (output: Output) => string): string | undefined {
  const ready = outputs.filter(({ role, state }) => role === "media_playlist" && state === "ready");
  const rungs = ready.filter(isRung);
  const sound = ready.find(({ name }) => name === "audio.m3u8");
  if (rungs.length === 0) return undefined;
  const lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"];
  if (sound) {
    lines.push(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="${address(sound)}"`,
    );
  }
  for (const rung of rungs) {
    const bandwidth = (rung.bitRate ?? 1_000_000) + (sound?.bitRate ?? 0);
    const codecs = [rung.codecs, sound?.codecs].filter(Boolean).join(",");
    const size = `RESOLUTION=${rung.width}x${rung.height}`;
    lines.push(`#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="${codecs}",${size}${sound ? ',AUDIO="audio"' : ""}`);
    lines.push(address(rung));
  }
  return `${lines.join("\n")}\n`;
}
