import { signal } from "@preact/signals";
import { Icon } from "./icons.tsx";

export const online = signal(navigator.onLine);
window.addEventListener("online", () => {
  online.value = true;
});
window.addEventListener("offline", () => {
  online.value = false;
});

export function OfflineBanner() {
  return (
    <div role="status">
      {!online.value && (
        <p class="banner">
          <Icon name="cloudOff" />
          You are offline. Uploads are paused, and continue when the connection is back.
        </p>
      )}
    </div>
  );
}
