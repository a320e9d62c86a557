import { defineConfig } from 'vitest/config';

// What measures is not a test: it asserts nothing about time, and runs alone, one thing after another.
export default defineConfig({
  test: {
    include: ['test/bench/*.measure.ts'],
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 0,
    hookTimeout: 300_000,
    globalSetup: ['test/bench/page.ts'],
  },
});
