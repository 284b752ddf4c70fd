/** Builds one script and one style sheet that a strict Content-Security-Policy lets through. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    target: "es2022",
    // A `data:` address would need an exception in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
  },
});
