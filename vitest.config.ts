import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/long/**'],
    // Real git, gpg, ssh-keygen and Envoy on a small and noisy machine: generous, and never part of a claim.
    // On two cores the default is one: most files wait for processes that they start.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: 'v8',
      include: ['src/policy/**', 'src/votes/**', 'src/governance/**'],
      reporter: 'text',
      reportsDirectory: '.cache/coverage',
    },
    reporters: ['default', ['json', { outputFile: '.cache/test-report.json' }]],
  },
});
