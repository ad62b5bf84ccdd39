import { defineConfig } from 'vitest/config';

/** What takes minutes to hours and is the same every time: `npm run test:long`. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    testTimeout: 4 * 3_600_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ['default'],
  },
});
