// The API's types, generated from docs/openapi.json by `npm run check`, by the names that the page uses.
import type { components } from "../.out/openapi.d.ts";

type Schemas = components["schemas"];

export type Job = Schemas["Job"];
export type JobError = Schemas["JobError"];
export type Kind = Schemas["MediaKind"];
export type Media = Schemas["Media"];
export type MediaPage = Schemas["MediaPage"];
export type MediaSummary = Schemas["MediaSummary"];
export type JobPage = Schemas["JobPage"];
export type Output = Schemas["Output"];
export type PartList = Schemas["PartList"];
export type Problem = Schemas["Problem"];
export type ProtectedResource = Schemas["ProtectedResource"];
export type PushEvent = Schemas["PushEvent"];
export type Range = Schemas["Range"];
export type RerunRequest = Schemas["RerunRequest"];
export type SocketTicket = Schemas["SocketTicket"];
export type Stage = Schemas["Stage"];
export type Status = Schemas["Status"];
export type Warning = Schemas["Warning"];

/** `transcript.json`, as far as the page reads it (docs/OUTPUTS.md, "Speech"). */
export interface Transcript {
  state: "partial" | "complete" | string;
  speech: "present" | "none";
  durationMs: number;
  segments: Segment[];
}

export interface Segment {
  startMs: number;
  endMs: number;
  text: string;
  language: string;
  channel?: number;
  words?: Word[];
}

export interface Word {
  text: string;
  /** True where no space stands before it, as in Chinese. */
  joined?: boolean;
  startMs: number;
  endMs: number;
  confidence: number;
}

/** `waveform.json` of audiowaveform, version 2: pairs of lowest and highest sample. */
export interface Waveform {
  bits: 8 | 16;
  length: number;
  data: number[];
}
