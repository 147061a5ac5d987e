import { defineConfig } from "vite";

// The coordinator that `npm run dev` passes everything else on to.
const coordinator = process.env.TAULINE ?? "http://127.0.0.1:3000";
const routes = ["/ceremony", "/log", "/login", "/auth", "/queue", "/contribution/"];

export default defineConfig({
  base: "/",
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
    // One name for one content, so that files may be kept for ever and a build gives the same again.
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: Object.fromEntries(routes.map((route) => [route, { target: coordinator }])) },
});
