// Everything that went wrong is shown the same way: what happened, what to do about it, and the code to tell others.
import type { ComponentChildren } from "preact";
import type { Failure } from "../failure.ts";
import { Icon } from "./icons.tsx";

interface Props {
  failure: Failure;
  /** Left out where trying again cannot help. */
  retry?: (() => void) | undefined;
  children?: ComponentChildren;
  quiet?: boolean;
}

export function Problem({ failure, retry, children, quiet = false }: Props) {
  return (
    <div class={`note ${quiet ? "" : "bad"}`} role={quiet ? undefined : "alert"} data-code={failure.code}>
      <Icon name="alert" />
      <div>
        <p class="title">{failure.message}</p>
        {failure.remedy && <p>{failure.remedy}</p>}
        {(retry || children) && (
          <div class="actions">
            {retry && (
              <button type="button" class="button small" onClick={retry}>
                <Icon name="retry" />
                Try again
              </button>
            )}
            {children}
          </div>
        )}
      </div>
    </div>
  );
}
