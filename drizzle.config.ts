import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./workers/directory/schema.ts",
  out: "./migrations/edge",
  casing: "snake_case",
});
