// Ways to bring files in: choosing, dropping anywhere, pasting, the camera.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { droppedFiles, pastedFiles } from "../files.ts";
import { route, go } from "../router.ts";
import { type Stack, useStack } from "../stack.ts";
import type { Uploads } from "../uploads.ts";
import { announce } from "./announcer.tsx";
import { cameraOpen } from "./camera.tsx";
import { Icon } from "./icons.tsx";

/** Opens the system's dialog. The input is made anew each time, so that the same file can be chosen twice. */
export function chooseFiles(uploads: Uploads, folder = false, chosen: (files: File[]) => void = () => undefined): void {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  if (folder) input.webkitdirectory = true;
  else input.accept = "image/*,video/*,audio/*,.heic,.heif,.avif,.jxl,.dng,.cr2,.cr3,.nef,.arw,.raf,.mkv,.mxf";
  input.hidden = true;
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.remove();
    chosen(files);
    void uploads.add(files);
  });
  input.addEventListener("cancel", () => input.remove());
  // Firefox and tests need it in the document.
  document.body.append(input);
  input.click();
}

function take({ uploads, interruptions }: Stack, files: File[]): void {
  if (files.length === 0) return;
  interruptions.chosen(files);
  announce(files.length === 1 ? `${files[0]?.name} added` : `${files.length} files added`);
  if (route.value.view !== "library") go({ view: "library" });
  void uploads.add(files);
}

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes("Files") ?? false;

/** Takes drops and pastes anywhere on the page. */
export function DropOverlay() {
  const stack = useStack();
  const over = useSignal(false);
  useEffect(() => {
    const dragged = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      over.value = true;
      stack.uploads.preload();
    };
    const left = (event: DragEvent): void => {
      // Leaving an element for another inside the window is no leaving.
      if (event.relatedTarget === null) over.value = false;
    };
    const dropped = (event: DragEvent): void => {
      over.value = false;
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      void droppedFiles(event.dataTransfer).then((files) => take(stack, files));
    };
    const pasted = (event: ClipboardEvent): void => {
      const files = pastedFiles(event.clipboardData);
      if (files.length > 0) event.preventDefault();
      take(stack, files);
    };
    window.addEventListener("dragenter", dragged);
    window.addEventListener("dragover", dragged);
    window.addEventListener("dragleave", left);
    window.addEventListener("drop", dropped);
    window.addEventListener("paste", pasted);
    return () => {
      window.removeEventListener("dragenter", dragged);
      window.removeEventListener("dragover", dragged);
      window.removeEventListener("dragleave", left);
      window.removeEventListener("drop", dropped);
      window.removeEventListener("paste", pasted);
    };
  }, [stack]);
  if (!over.value) return null;
  return (
    <div class="drop-overlay">
      <div>
        <Icon name="upload" />
        Drop to upload
      </div>
    </div>
  );
}

/** The buttons of all ways that need one. */
export function Choices({ primary = false }: { primary?: boolean }) {
  const { uploads, interruptions } = useStack();
  const button = primary ? "button" : "button small";
  return (
    <>
      <button
        type="button"
        class={`${button} ${primary ? "primary" : ""}`}
        onClick={() => chooseFiles(uploads, false, interruptions.chosen)}
      >
        <Icon name="upload" />
        Choose files
      </button>
      <button type="button" class={`${button} folder`} onClick={() => chooseFiles(uploads, true)}>
        <Icon name="folder" />
        Folder
      </button>
      <button
        type="button"
        class={button}
        onClick={() => {
          cameraOpen.value = true;
        }}
      >
        <Icon name="camera" />
        Camera
      </button>
    </>
  );
}
