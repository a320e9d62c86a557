// node test/support/long-run.js PROJECT [--minutes N] [--seed N] [--sessions N] [--keep]
// The tests of one project in their long form: the same files as in CI, told how long by the environment.
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    sessions: { type: 'string' },
    keep: { type: 'boolean' },
  },
});
const [project = ''] = positionals;
process.env['LONG_RUN_MINUTES'] = values.minutes ?? '5';
if (values.seed !== undefined) process.env['LONG_RUN_SEED'] = values.seed;
if (values.sessions !== undefined) process.env['LONG_RUN_SESSIONS'] = values.sessions;
if (values.keep) process.env['LONG_RUN_KEEP'] = 'true';

const vitest = await startVitest('test', [], { project: [project], watch: false });
await vitest.close();
