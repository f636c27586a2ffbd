// Takes a picture with the device's camera.
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Failure } from "../failure.ts";
import { stamped } from "../files.ts";
import { useStack } from "../stack.ts";
import { Dialog } from "./dialog.tsx";
import { Problem } from "./problem.tsx";

export const cameraOpen = signal(false);

export function Camera() {
  return cameraOpen.value ? <CameraDialog /> : null;
}

function CameraDialog() {
  const { uploads } = useStack();
  const video = useRef<HTMLVideoElement>(null);
  const ready = useSignal(false);
  const failure = useSignal<Failure | undefined>(undefined);
  const close = (): void => {
    cameraOpen.value = false;
  };
  useEffect(() => {
    let stream: MediaStream | undefined;
    let closed = false;
    const wanted = {
      video: { facingMode: "environment", width: { ideal: 4096 }, height: { ideal: 2160 } },
      audio: false,
    };
    Promise.resolve()
      .then(() => navigator.mediaDevices.getUserMedia(wanted))
      .then((given) => {
        stream = given;
        if (closed) return stop(given);
        if (video.current) video.current.srcObject = given;
      })
      .catch((thrown: unknown) => {
        failure.value = refused(thrown);
      });
    return () => {
      closed = true;
      if (stream) stop(stream);
    };
  }, []);

  async function take(): Promise<void> {
    const shown = video.current;
    if (!shown) return;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [shown.videoWidth, shown.videoHeight];
    canvas.getContext("2d")?.drawImage(shown, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    const now = new Date();
    close();
    if (blob)
      void uploads.add([
        new File([blob], stamped("camera", "jpg", now), { type: blob.type, lastModified: now.getTime() }),
      ]);
  }

  return (
    <Dialog title="Take a picture" close={close}>
      {failure.value ? (
        <div class="body">
          <Problem failure={failure.value} />
        </div>
      ) : (
        <video
          class="viewfinder"
          ref={video}
          autoplay
          muted
          playsInline
          aria-label="Camera"
          onLoadedData={() => {
            ready.value = true;
          }}
        />
      )}
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
        {!failure.value && (
          <button type="button" class="button primary" disabled={!ready.value} onClick={() => void take()}>
            Take picture
          </button>
        )}
      </div>
    </Dialog>
  );
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function refused(thrown: unknown): Failure {
  const name = thrown instanceof DOMException ? thrown.name : "";
  if (name === "NotAllowedError") {
    const remedy = "Allow the camera for this page in the browser's settings, then open the camera again.";
    return new Failure({ code: "camera_refused", message: "The browser does not allow the camera.", remedy });
  }
  const remedy = "Connect a camera or close other apps that use it, or choose a file instead.";
  return new Failure({ code: "no_camera", message: "No camera is available.", remedy });
}
