import assert from "node:assert/strict";
import { test } from "node:test";
import { earlyMaster, isPlayable } from "../../src/early.ts";
import { output } from "./samples.ts";

const rung = output("video-360p.m3u8", {
  role: "media_playlist",
  width: 640,
  height: 360,
  bitRate: 500_000,
  codecs: "avc1.64001E",
});
const keyframes = output("video-360p-keyframes.m3u8", { role: "media_playlist", width: 640, height: 360 });
const sound = output("audio.m3u8", { role: "media_playlist", bitRate: 69_000, codecs: "mp4a.40.2" });
const address = ({ name }: { name: string }): string => `https://api.example/${name}`;

test("the first rung plays with the sound before the others are there", () => {
  assert.equal(
    earlyMaster([keyframes, rung, sound], address),
    `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="https://api.example/audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=569000,CODECS="avc1.64001E,mp4a.40.2",RESOLUTION=640x360,AUDIO="audio"
https://api.example/video-360p.m3u8
`,
  );
});

test("a silent video has no group of sound", () => {
  assert.doesNotMatch(earlyMaster([rung], address) ?? "", /AUDIO/);
});

test("without a rung there is nothing to play", () => {
  assert.equal(earlyMaster([keyframes, sound], address), undefined);
  assert.deepEqual(
    [isPlayable([keyframes, sound]), isPlayable([rung]), isPlayable([output("master.m3u8")])],
    [false, true, true],
  );
});
