// Numbers and times for people, in their language.
import type { Job, Stage } from "./types.ts";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export function bytes(count: number): string {
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** power;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: power > 0 && value < 10 ? 1 : 0 })} ${UNITS[power]}`;
}

/** A position in a recording: `4:05`, `1:02:03`. */
export function clock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const padded = String(seconds).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
}

/** A position as a screen reader says it well: `4 minutes 5 seconds`. */
export function spokenClock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(total / 3600), "hour"],
    [Math.floor(total / 60) % 60, "minute"],
    [total % 60, "second"],
  ] as const;
  const spoken = parts.filter(([count]) => count > 0).map(([count, unit]) => plural(count, unit));
  return spoken.length > 0 ? spoken.join(" ") : "0 seconds";
}

/** Time left, as coarse as an estimate is: `about 2 min left`. */
export function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 5) return "a few seconds left";
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3_600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

/** Millionths of a dollar; the smallest amounts keep their first two digits that count. */
export function dollars(microDollars: number): string {
  const value = microDollars / 1e6;
  const digits = value >= 0.01 || value === 0 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(value)));
  return `$${value.toFixed(digits)}`;
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

export function date(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** A heading of the gallery: `Today`, `Yesterday`, or the day. */
export function day(at: string, now = new Date()): string {
  const then = new Date(at);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (then.getTime() >= midnight) return "Today";
  if (then.getTime() >= midnight - 86_400_000) return "Yesterday";
  const sameYear = then.getFullYear() === now.getFullYear();
  const options: Intl.DateTimeFormatOptions = {
    day: "numeric",
    month: "long",
    ...(sameYear ? {} : { year: "numeric" }),
  };
  return then.toLocaleDateString(undefined, options);
}

/** `1/250 s`, as on a camera. */
export function exposure(seconds: number): string {
  return seconds >= 0.3 ? `${Number(seconds.toFixed(1))} s` : `1/${Math.round(1 / seconds)} s`;
}

/** Bits per second. */
export function bitRate(bits: number): string {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1000)} kb/s`;
}

const STAGES: Record<Stage, string> = {
  queue: "In the queue",
  dispatch: "Starting",
  validate: "Checking the file",
  detect: "Recognising the format",
  waiting: "Waiting for a worker",
  render: "Rendering images",
  transcode: "Encoding",
  transcribe: "Transcribing speech",
  finish: "Finishing",
};

/** Where a job stands, in a few words: stage, place in the queue, time left. */
export function standing(job: Job, now = Date.now()): string {
  if (job.status === "COMPLETED") return "Ready";
  if (job.status === "FAILED") return "Failed";
  if (job.status === "CANCELLED") return "Cancelled";
  const parts = [STAGES[job.stage] ?? job.stage];
  const { queue } = job;
  if (job.status === "QUEUED" && queue !== undefined)
    parts.push(queue.ahead === 0 ? "next in line" : `${plural(queue.ahead, "job")} ahead`);
  // A running job that waits for its worker has a place too.
  const at = queue?.startsAt ?? job.expectedAt;
  const left = at === undefined ? 0 : Date.parse(at) - now;
  if (left > 0) parts.push(queue === undefined ? timeLeft(left) : `starts in ${timeLeft(left).replace(" left", "")}`);
  return parts.join(" · ");
}
