// Test files that run side by side start whole systems, each in a range of ports of its own.
process.env["POSTERN_PORT_OFFSET"] = String(2000 * Number(process.env["VITEST_POOL_ID"] ?? 0));
