import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/long/**'],
    // Real git, gpg, ssh-keygen and Envoy on a small and noisy machine: generous, and never part of a claim.
    // On two cores the default is one: most files wait for processes that they start, and two leave a core idle at times.
    maxWorkers: 3,
    // Homes of tests are new and empty: what V8 makes of the source is kept for all processes that tests start,
    // and megabytes of generated code are loaded as they are, so that it is kept of them, too.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, '.cache/compiled') },
    server: { deps: { external: [/\/src\/generated\/.*\.js$/] } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Who waits for a condition says nothing of how long it takes; vitest's own second would.
    expect: { poll: { timeout: 60_000 } },
    coverage: {
      provider: 'v8',
      include: ['src/policy/**', 'src/votes/**', 'src/governance/**'],
      reporter: 'text',
      reportsDirectory: '.cache/coverage',
    },
    reporters: ['default', ['json', { outputFile: '.cache/test-report.json' }]],
  },
});
