// The side panel: what was measured, what it cost, what to know about it, and every file.
import { useSignal } from "@preact/signals";
import { readOutput } from "../api.ts";
import { facts } from "../facts.ts";
import { Failure } from "../failure.ts";
import { bytes, date, dollars } from "../format.ts";
import { saveOutput } from "../save.ts";
import { useStack } from "../stack.ts";
import type { Job, Media, Output, Warning } from "../types.ts";
import { announce } from "./announcer.tsx";
import { Icon } from "./icons.tsx";
import { Problem } from "./problem.tsx";

export function Details({ media, job }: { media: Media; job: Job | undefined }) {
  const groups = facts(media, job);
  const { palette = [] } = media.facts?.image ?? {};
  return (
    <aside class="details" aria-label="Details">
      {job?.warnings?.map((warning) => (
        <WarningNote key={warning.code} media={media} warning={warning} />
      ))}
      {groups.map(({ title, rows }) => (
        <section key={title}>
          <h2>{title}</h2>
          <dl>
            {rows.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {title === "Picture" && palette.length > 0 && (
            <ul class="palette" aria-label="Colours">
              {palette.map((colour) => (
                <li key={colour} style={{ backgroundColor: colour }} title={colour}>
                  <span class="said">{colour}</span>
                </li>
              ))}
            </ul>
          )}
        </section>
      ))}
      {job?.cost && <Cost cost={job.cost} />}
      {job?.outputs && job.outputs.length > 0 && <Files media={media} outputs={job.outputs} />}
      {media.runs && media.runs.length > 1 && <Runs runs={media.runs} current={media.jobId} />}
      {job && <Manifest job={job} />}
    </aside>
  );
}

function WarningNote({ media, warning }: { media: Media; warning: Warning }) {
  const { api, jobs } = useStack();
  const failure = useSignal<Failure | undefined>(undefined);
  const again = (): void => {
    api.rerun(media.mediaId, { steps: ["transcribe"] }).then(jobs.take, (thrown: unknown) => {
      failure.value = Failure.of(thrown);
    });
  };
  return (
    <div class="note mild" data-warning={warning.code}>
      <Icon name="alert" />
      <div>
        <p class="title">{WARNINGS[warning.code] ?? "Note"}</p>
        <p class="small">{warning.message}</p>
        {warning.code === "step_failed" && warning.step === "transcribe" && (
          <div class="actions">
            <button type="button" class="button small" onClick={again}>
              Transcribe again
            </button>
          </div>
        )}
        {failure.value && <Problem failure={failure.value} />}
      </div>
    </div>
  );
}

const WARNINGS: Record<Warning["code"], string> = {
  cut_off: "The end of the file is missing",
  repaired: "The file was repaired",
  shortened: "Part of the file was left out",
  preview_used: "Made from the camera's preview",
  step_failed: "One step failed",
};

function Cost({ cost }: { cost: NonNullable<Job["cost"]> }) {
  const rows: [string, number][] = [
    ["Computing", cost.computeMicroDollars],
    ["Requests", cost.requestsMicroDollars],
    ["Storage, one month", cost.storageMonthMicroDollars],
    ["Total", cost.totalMicroDollars],
  ];
  return (
    <section>
      <h2>Cost</h2>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="numbers">{dollars(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="small soft">{`List prices of ${cost.pricesRegion}, ${cost.pricesDate}`}</p>
    </section>
  );
}

/** Files that make sense on their own; segments and playlists are a player's. */
const HIDDEN = new Set<Output["role"]>([
  "segments",
  "media_playlist",
  "master_playlist",
  "storyboard",
  "sprite",
  "manifest",
]);

function Files({ media, outputs }: { media: Media; outputs: readonly Output[] }) {
  const shown = outputs.filter(({ role }) => !HIDDEN.has(role));
  const failure = useSignal<Failure | undefined>(undefined);
  const save = (output: Output): void => {
    failure.value = undefined;
    saveOutput(media, output).catch((thrown: unknown) => {
      failure.value = Failure.of(thrown);
    });
  };
  return (
    <section>
      <h2>Files</h2>
      <ul class="files">
        {shown.map((output) => (
          <li key={output.name}>
            <div>
              <p>{output.name}</p>
              <p class="small soft numbers">
                {[
                  output.width && `${output.width} × ${output.height}`,
                  bytes(output.bytes),
                  output.state === "partial" && "in progress",
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </p>
            </div>
            <button
              type="button"
              class="button plain square small"
              aria-label={`Download ${output.name}`}
              onClick={() => save(output)}
            >
              <Icon name="download" />
            </button>
          </li>
        ))}
      </ul>
      {failure.value && <Problem failure={failure.value} />}
    </section>
  );
}

/** Ids are times: the first ten characters are Base32 of milliseconds (ULID). */
export function timeOf(id: string): string {
  const digits = "0123456789abcdefghjkmnpqrstvwxyz";
  const ms = [...id.slice(4, 14)].reduce((sum, character) => sum * 32 + digits.indexOf(character), 0);
  return new Date(ms).toISOString();
}

function Runs({ runs, current }: { runs: readonly string[]; current: string | undefined }) {
  return (
    <section>
      <h2>Runs</h2>
      <ol class="runs">
        {runs.map((run) => (
          <li key={run}>
            {date(timeOf(run))}
            {run === current && <span class="soft"> · current</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Manifest({ job }: { job: Job }) {
  const text = useSignal<string | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const outputs = job.outputs?.filter(({ role }) => role === "manifest") ?? [];
  if (outputs.length === 0) return null;
  const open = (): void => {
    failure.value = undefined;
    Promise.all(outputs.map(({ url }) => readOutput<unknown>(url))).then(
      (read) => {
        text.value = read.map((one) => JSON.stringify(one, null, 2)).join("\n\n");
        announce("Manifest shown");
      },
      (thrown: unknown) => {
        failure.value = Failure.of(thrown);
      },
    );
  };
  return (
    <section>
      <h2>Manifest</h2>
      {text.value === undefined ? (
        <button type="button" class="button small" onClick={open}>
          Show manifest
        </button>
      ) : (
        <pre class="manifest" tabIndex={0} aria-label="Manifest">
          {text.value}
        </pre>
      )}
      {failure.value && <Problem failure={failure.value} />}
    </section>
  );
}
