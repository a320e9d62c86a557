import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', './test/support/tally-reporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/*.test.ts', 'test/{src,machines,docs}/**/*.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'hostile', include: ['test/hostile/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/kubectl-setup.ts'],
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      // Their long forms: npm run soak, npm run fuzz.
      { extends: true, test: { name: 'soak', include: ['test/soak/**/*.test.ts'] } },
      { extends: true, test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          // After the others: a cold build of the Go programs takes every core.
          sequence: { groupOrder: 1 },
          testTimeout: 90_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
