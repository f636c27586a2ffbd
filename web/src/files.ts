// Files from drops, folders and the clipboard.

/** What systems leave in folders, and nobody means to upload. */
const LEFT_BEHIND = /^(\.DS_Store|\._.*|Thumbs\.db|desktop\.ini)$/i;

/** All files of a drop, folders walked. The list must be taken during the event; it is empty afterwards. */
export function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? undefined);
  const files = items.map((item) => item.getAsFile());
  const walked = items.map((_, index) => {
    const entry = entries[index];
    const file = files[index];
    if (entry?.isDirectory) return walk(entry);
    return Promise.resolve(file ? [file] : []);
  });
  return Promise.all(walked).then((found) => found.flat().filter(isWanted));
}

async function walk(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return new Promise((resolve) =>
      (entry as FileSystemFileEntry).file(
        (file) => resolve([file]),
        () => resolve([]),
      ),
    );
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    // A browser lists a hundred at a time, and an empty list at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(walk))).flat();
}

/** Files of a paste. Screenshots all have the same name, so each gets one by its time. */
export function pastedFiles(transfer: DataTransfer | null, now = new Date()): File[] {
  return [...(transfer?.files ?? [])].filter(isWanted).map((file) => {
    if (!/^image\.\w+$/.test(file.name)) return file;
    return new File([file], stamped("pasted", file.name.split(".").at(-1) ?? "png", now), {
      type: file.type,
      lastModified: now.getTime(),
    });
  });
}

export const isWanted = ({ name }: Pick<File, "name">): boolean => !LEFT_BEHIND.test(name);

/** `camera-2026-11-30-10-59-07.jpg` */
export function stamped(prefix: string, extension: string, now: Date): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return `${prefix}-${local.toISOString().slice(0, 19).replace(/[T:]/g, "-")}.${extension}`;
}
