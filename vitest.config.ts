import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const slow = { testTimeout: 120_000, hookTimeout: 120_000 };

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
      { test: { name: "edge", include: ["test/edge/**/*.test.ts"], ...slow, fileParallelism: false } },
      // Both halves, real clients.
      { test: { name: "system", include: ["test/system/**/*.test.ts"], ...slow, fileParallelism: false } },
      // The dashboard in Chromium.
      { test: { name: "browser", include: ["test/browser/**/*.test.ts"], ...slow, fileParallelism: false } },
    ],
  },
});
