import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubectlVersion } from '../../support/kubectl.ts';
import { BUILD_LIMIT_MS, buildGo, describeWithGo } from '../go-program.ts';
import { KUBECTL_OPERATIONS, type KubectlOperation } from './kubectl-operations.ts';
import { clientGo, clientNode, hasPython, type Library, python, pythonProgram } from './libraries.ts';
import { LIBRARY_OPERATIONS, type LibraryOperation } from './library-operations.ts';
import { POLICIES, type Policy, Stand } from './stand.ts';
import { compatibilityPage, type Verdict } from './table.ts';

const PAGE = new URL('../../../docs/compatibility.md', import.meta.url);
const VERSIONS: readonly KubectlVersion[] = ['1.20', '1.29', '1.33', '1.36'];
const OPERATIONS = Object.keys(KUBECTL_OPERATIONS) as KubectlOperation[];
const LIBRARIES: Readonly<Record<string, Library>> = {
  'client-go 0.36, SPDY': clientGo('spdy'),
  'client-go 0.36, WebSocket': clientGo('websocket'),
  'client-go 0.36, fallback': clientGo('fallback'),
  '@kubernetes/client-node 1.4.0': clientNode,
  'Python kubernetes 37': python,
};
const LIBRARY_NAMES = Object.keys(LIBRARIES);
const LIBRARY_WORK = Object.keys(LIBRARY_OPERATIONS) as LibraryOperation[];

/** What is to become of each, which is what a user of the client expects of a proxy that must record. */
function expected(operation: KubectlOperation, version: KubectlVersion, policy: Policy): Verdict {
  if (operation === 'port-forward') return policy === 'open' ? 'forwarded' : 'refused';
  // 1.20 writes ephemeral containers as a kind of its own, which API servers have not had since 1.22.
  if (operation === 'debug -i' && version === '1.20') return 'not offered';
  if (operation === 'debug -i' && policy === 'closed') return 'refused';
  return 'recorded';
}

if (!hasPython && process.env['CI'] === 'true')
  throw new Error('the Python client needs Python, and CI must not skip it');
if (!hasPython) process.stderr.write('skipped, since Python with venv is not installed: the Python client\n');

describeWithGo(
  "clients through the proxy, to the API server's own upgrade code and a real streaming server",
  () => {
    let stand: Stand;
    beforeAll(async () => {
      await buildGo('client');
      if (hasPython) await pythonProgram();
      stand = await Stand.start(mkdtempSync(join(tmpdir(), 'kubewitness-compatibility-')));
    }, BUILD_LIMIT_MS);
    afterAll(() => stand.stop());

    const found = { kubectl: new Verdicts(), libraries: new Verdicts() };

    describe.each(VERSIONS)('kubectl %s', version => {
      describe.each(POLICIES)('policy %s', policy => {
        test.each(OPERATIONS)('%s', async operation => {
          const wanted = expected(operation, version, policy);
          const verdict =
            wanted === 'not offered'
              ? wanted
              : await KUBECTL_OPERATIONS[operation]({
                  stand,
                  version,
                  policy,
                  marker: marker(operation, version, policy),
                });
          found.kubectl.note(`kubectl ${version}`, operation, policy, verdict);
          expect(verdict).toBe(wanted);
        });
      });
    });

    describe.each(LIBRARY_NAMES)('%s', name => {
      const library = LIBRARIES[name];
      describe.each(POLICIES)('policy %s', policy => {
        test.skipIf(library === python && !hasPython).each(LIBRARY_WORK)('%s', async operation => {
          if (library === undefined) throw new Error(`no library ${name}`);
          const cell = { stand, library, policy, marker: marker(operation, name, policy) };
          const verdict = await LIBRARY_OPERATIONS[operation](cell);
          found.libraries.note(name, operation, policy, verdict);
          expect(verdict).toBe('recorded');
        });
      });
    });

    test.skipIf(!hasPython)('docs/compatibility.md says what happened', () => {
      const page = compatibilityPage([
        {
          title: 'kubectl',
          note: '1.20 and 1.29 speak SPDY, 1.33 and 1.36 WebSocket v5 and the tunnel. The sandbox has kubectl 1.29 and 1.36 in more tests.',
          verdicts: found.kubectl.rows,
        },
        { title: 'Libraries', note: 'As programs of their users run them.', verdicts: found.libraries.rows },
      ]);
      if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PAGE, page);
      expect(readFileSync(PAGE, 'utf8')).toBe(page);
    });
  },
);

function marker(...words: readonly string[]): string {
  return words
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/** Verdicts as they come. */
class Verdicts {
  readonly rows = new Map<string, Map<string, Record<Policy, Verdict>>>();

  note(client: string, operation: string, policy: Policy, verdict: Verdict): void {
    const row = this.rows.get(client) ?? new Map<string, Record<Policy, Verdict>>();
    this.rows.set(client, row);
    // `closed` runs after `open`, and a cell that only one of them reached is one that failed.
    row.set(operation, { ...(row.get(operation) ?? { open: verdict, closed: verdict }), [policy]: verdict });
  }
}
