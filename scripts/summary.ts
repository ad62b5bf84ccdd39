import { readFileSync } from 'node:fs';

/** Prints the closing line of CI from the test runner's own report; fails where the report does not say that all passed. */
type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
};

const [, , file = ''] = process.argv;
const report: Report = JSON.parse(readFileSync(file, 'utf8'));
const failed = report.numFailedTests + (report.numFailedTests === 0 ? report.numFailedTestSuites : 0);
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && report.numPassedTests > 0 ? 0 : 1;
