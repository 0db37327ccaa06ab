import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Beside every built file its .gz and .br: the admin port hands them out as they are. */
function compressed(): Plugin {
  return {
    name: "weir-compressed",
    apply: "build",
    writeBundle({ dir }) {
      const folder = join(dir ?? "dist", "assets");
      for (const name of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes, { params }));
      }
    },
  };
}

/** light-dark() and what else is as old is left as it is: no fallbacks for browsers from before 2024. */
const targets = { chrome: 123 << 16, firefox: 120 << 16, safari: (17 << 16) | (5 << 8) };
const admin = process.env["WEIR_ADMIN"] ?? "http://127.0.0.1:8081";

export default defineConfig({
  plugins: [compressed()],
  css: { transformer: "lightningcss", lightningcss: { drafts: { customMedia: true }, targets } },
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0, // the Content-Security-Policy takes no data: URL
    modulePreload: false,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": { target: admin },
      "/ws": { target: admin.replace(/^http/, "ws"), ws: true },
    },
  },
});
