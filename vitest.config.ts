import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const slow = { testTimeout: 120_000, hookTimeout: 120_000 };
/** Each starts a Worker or a whole system, and waits for it about half of its time: two at once, after the small ones. */
const large = { ...slow, maxWorkers: 2, sequence: { groupOrder: 1 }, setupFiles: ["test/own-ports.ts"] };
/** Those that compare times, or read every file that a runtime wrote. */
const alone = ["test/edge/{timing,growth,many-aliases,many-domains}.test.ts", "test/system/confidential.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        // Pure code and the node's parts: sockets and SQLite are real, nothing is started but what a test starts.
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/system/**", "test/browser/**", "test/edge/**"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The core again, inside workerd.
        plugins: [
          cloudflareTest({ miniflare: { compatibilityDate: "2026-11-01", compatibilityFlags: ["nodejs_compat"] } }),
        ],
        test: {
          name: "workerd",
          include: ["test/core/**/*.test.ts"],
          exclude: ["test/core/**/*.node.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // The Worker as wrangler's harness runs it.
      { test: { name: "edge", include: ["test/edge/**/*.test.ts"], exclude: alone, ...large } },
      // Both halves, real clients.
      { test: { name: "system", include: ["test/system/**/*.test.ts"], exclude: alone, ...large } },
      // The dashboard in Chromium.
      { test: { name: "browser", include: ["test/browser/**/*.test.ts"], ...large } },
      { test: { name: "alone", include: alone, ...slow, fileParallelism: false } },
    ],
  },
});
