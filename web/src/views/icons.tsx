// Line icons on a grid of 24. They only decorate: whatever they stand in has a name of its own.

const PATHS = {
  add: "M12 5v14M5 12h14",
  alert:
    "M12 8.5v4.5m0 3v.01M10.4 4.2 2.9 17.3A1.9 1.9 0 0 0 4.5 20h15a1.9 1.9 0 0 0 1.6-2.7L13.6 4.2a1.9 1.9 0 0 0-3.2 0Z",
  audio: "M4 13.5v-3M8 17V7m4 13V4m4 12V8m4 5.5v-3",
  back: "M19 12H5m6.5 6.5L5 12l6.5-6.5",
  camera:
    "M4 8.5A1.5 1.5 0 0 1 5.5 7h2.2l1.6-2.4h5.4L16.3 7h2.2A1.5 1.5 0 0 1 20 8.5v9a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5ZM12 16a3.4 3.4 0 1 0 0-6.8 3.4 3.4 0 0 0 0 6.8Z",
  captions:
    "M5.5 5h13A2.5 2.5 0 0 1 21 7.5v9a2.5 2.5 0 0 1-2.5 2.5h-13A2.5 2.5 0 0 1 3 16.5v-9A2.5 2.5 0 0 1 5.5 5ZM10.5 10.7a2 2 0 1 0 0 2.6m6.5-2.6a2 2 0 1 0 0 2.6",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  cloudOff: "M3 3l18 18M7.3 8.2A4.7 4.7 0 0 0 7 17.5h9.8M10 6.2a5.5 5.5 0 0 1 7.4 4.3 3.6 3.6 0 0 1 2.5 5.7",
  download: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14",
  folder:
    "M3.5 7A1.5 1.5 0 0 1 5 5.5h4.2l2 2.3H19A1.5 1.5 0 0 1 20.5 9.3v8.2A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.5-1.5Z",
  fullscreen: "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5",
  image:
    "M5.5 4.5h13A1.5 1.5 0 0 1 20 6v12a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18V6a1.5 1.5 0 0 1 1.5-1.5ZM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5v.01",
  left: "m14.5 5.5-6.5 6.5 6.5 6.5",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM16 9.5l5 5m0-5-5 5",
  pause: "M8.5 5.5v13m7-13v13",
  play: "M7.5 4.8v14.4L19 12Z",
  retry: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5L4.5 8.7M4.5 4v4.7h4.7",
  right: "m9.5 5.5 6.5 6.5-6.5 6.5",
  search: "M10.8 17.3a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.7-1.8 5 5",
  settings:
    "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm-7 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  trash: "M4.5 7h15M9.5 7V4.5h5V7m-8 0 .9 12a1 1 0 0 0 1 1h7.2a1 1 0 0 0 1-1l.9-12M10.2 11v5m3.6-5v5",
  upload: "M12 19V8m-4.5 4.5L12 8l4.5 4.5M5 4.5h14",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5a7.5 7.5 0 0 1 15 0",
  video:
    "M5.5 5.5h8A1.5 1.5 0 0 1 15 7v10a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 4 17V7a1.5 1.5 0 0 1 1.5-1.5ZM15 10.5l5.5-3v9l-5.5-3",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4 4 0 0 1 0 6m2.5-8.5a7.5 7.5 0 0 1 0 11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export const KIND_ICON = { image: "image", video: "video", audio: "audio" } as const;
