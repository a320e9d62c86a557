import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { ROWS, rowsIn } from '../hostile/rows.ts';

/**
 * Prints one plain line at the end, `N passed, N failed, N skipped`, for programs that count tests, and one that says how
 * many of the hostile rows have tests that ran and passed.
 */
class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0;
    let failed = 0;
    let skipped = 0;
    for (const module of modules) {
      if (module.state() === 'failed' && module.children.size === 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped++;
      }
    }
    const hostile = modules.filter(({ project }) => project.name === 'hostile');
    if (hostile.length > 0) {
      process.stdout.write(`\n${rowsLine(hostile.flatMap(({ children }) => [...children.allTests()]))}\n`);
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}

/** A row is covered when a test of its name has passed, and none has done otherwise. */
function rowsLine(tests: readonly TestCase[]): string {
  const passed = new Set<string>();
  const spoilt = new Set<string>();
  for (const test of tests) {
    const state = test.result().state;
    for (const row of rowsIn(test.name)) (state === 'passed' ? passed : spoilt).add(row);
  }
  const missing = ROWS.filter(row => !passed.has(row) || spoilt.has(row));
  const names = missing.length === 0 ? '' : ` (missing: ${missing.join(', ')})`;
  return `rows covered: ${ROWS.length - missing.length} of ${ROWS.length}${names}`;
}

// Vitest loads a reporter from a file by its default export.
export default TallyReporter;
