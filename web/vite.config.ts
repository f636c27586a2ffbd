import { defineConfig } from "vite";

// The page is opened at any address and under any path, so it names its files relatively. The Content-Security-Policy
// allows neither inline scripts nor `data:` fonts and styles, so nothing is inlined.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // hls.js is larger, and loaded with the first video.
    chunkSizeWarningLimit: 700,
  },
});
