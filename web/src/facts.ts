// What was measured of a media, as groups of rows for people.
import { bitRate, clock, date, exposure, plural } from "./format.ts";
import type { Job, Media } from "./types.ts";

export interface Group {
  title: string;
  rows: [name: string, value: string][];
}

type Row = [name: string, value: string | number | false | undefined];

function group(title: string, rows: Row[]): Group {
  const told = rows.filter(([, value]) => value !== undefined && value !== false && value !== "");
  return { title, rows: told.map(([name, value]) => [name, String(value)]) };
}

export function facts(media: Media, job: Job | undefined): Group[] {
  const groups = [
    ...picture(media),
    ...camera(media),
    ...video(media),
    ...audio(media),
    ...tags(media),
    ...speech(media),
    about(media, job),
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

const number = (value: number | undefined, digits = 0): string | undefined =>
  value?.toLocaleString(undefined, { maximumFractionDigits: digits });
const language = (tag: string): string => {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
};

const MODELS = { grey: "Grey", rgb: "RGB", ycbcr: "YCbCr", palette: "Palette", cmyk: "CMYK" };

function picture({ facts }: Media): Group[] {
  const image = facts?.image;
  if (!image) return [];
  const megapixels = (image.width * image.height) / 1e6;
  return [
    group("Picture", [
      ["Size", `${image.width} × ${image.height}`],
      ["Resolution", megapixels >= 0.1 && `${number(megapixels, 1)} megapixels`],
      ["Format", image.format.toUpperCase()],
      ["Colours", `${MODELS[image.colourModel]}, ${image.bitDepth} bits${image.hasAlpha ? ", transparent" : ""}`],
      ["Profile", image.iccProfile],
      ["Frames", image.animation && `${image.animation.frames}, ${clock(image.animation.durationMs)}`],
      ["Motion Photo", image.embeddedVideoBytes !== undefined && "contains a short video, which is not processed"],
    ]),
  ];
}

function camera({ facts }: Media): Group[] {
  const { camera } = facts?.image ?? {};
  if (!camera) return [];
  const name = camera.model?.startsWith(camera.make ?? " ")
    ? camera.model
    : [camera.make, camera.model].filter(Boolean).join(" ");
  return [
    group("Camera", [
      ["Camera", name],
      ["Lens", camera.lens],
      ["Exposure", camera.exposureSeconds !== undefined && exposure(camera.exposureSeconds)],
      ["Aperture", camera.fNumber !== undefined && `ƒ/${number(camera.fNumber, 1)}`],
      ["ISO", camera.iso],
      ["Focal length", camera.focalLengthMm !== undefined && `${number(camera.focalLengthMm, 1)} mm`],
      // In the camera's own time, so it is shown as it stands.
      ["Taken", camera.capturedAt?.slice(0, 16).replace("T", " ")],
    ]),
  ];
}

function video({ facts }: Media): Group[] {
  const { av } = facts ?? {};
  if (!av?.video) return [];
  const { displayed, codec, frameRate, dynamicRange, bitDepth, interlaced } = av.video;
  const [frames, seconds] = frameRate as [number, number];
  return [
    group("Video", [
      ["Size", `${displayed.width} × ${displayed.height}`],
      ["Length", clock(av.durationMs)],
      ["Codec", `${codec.toUpperCase()}, ${bitDepth} bits${interlaced ? ", interlaced" : ""}`],
      ["Frame rate", seconds > 0 && `${number(frames / seconds, 2)} per second`],
      ["Range", dynamicRange === "sdr" ? undefined : dynamicRange.toUpperCase()],
      ["Bit rate", av.bitRate > 0 && bitRate(av.bitRate)],
      ["Container", av.container],
    ]),
  ];
}

function audio({ facts }: Media): Group[] {
  const { av } = facts ?? {};
  const [stream] = av?.audio ?? [];
  if (!av || !stream) return [];
  const { integratedLufs, targetLufs } = av.loudness ?? {};
  return [
    group("Sound", [
      ["Length", !av.video && clock(av.durationMs)],
      ["Codec", stream.codec.toUpperCase()],
      ["Channels", stream.layout || plural(stream.channels, "channel")],
      ["Sample rate", `${number(stream.sampleRateHz / 1000, 1)} kHz`],
      ["Bit rate", !av.video && av.bitRate > 0 && bitRate(av.bitRate)],
      [
        "Loudness",
        integratedLufs !== undefined && `${number(integratedLufs, 1)} LUFS, normalised to ${number(targetLufs, 1)}`,
      ],
      ["Chapters", av.chapters?.length],
    ]),
  ];
}

function tags({ facts }: Media): Group[] {
  const { title, artist, album, date, genre } = facts?.av?.tags ?? {};
  return [
    group("Tags", [
      ["Title", title],
      ["Artist", artist],
      ["Album", album],
      ["Date", date],
      ["Genre", genre],
    ]),
  ];
}

function speech({ speech }: Media): Group[] {
  if (!speech) return [];
  if (speech.speech === "none") return [group("Speech", [["Speech", "none found"]])];
  return [
    group("Speech", [
      ["Language", speech.languages.map(language).join(", ")],
      ["Words", number(speech.words)],
      ["Spoken", clock(speech.spokenMs)],
      ["Not understood", speech.unheardMs > 0 && clock(speech.unheardMs)],
      ["Model", `${speech.model.name} ${speech.model.version}`],
    ]),
  ];
}

function about(media: Media, job: Job | undefined): Group {
  return group("Upload", [
    ["Uploaded", date(media.createdAt)],
    ["Declared type", media.contentType],
    ["Profile", media.profile],
    ["External id", media.externalId],
    ...Object.entries(media.metadata ?? {}).map(([name, value]): Row => [name, value]),
    ["Media", media.mediaId],
    ["Job", job?.jobId],
  ]);
}
