import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import type { Subject } from '../subject.ts';
import { declared, json, must, sentence } from '../subject.ts';

const GOOD = {
  listen: { tls: { cert: 'c', key: 'k' } },
  upstream: { kubeconfig: 'k' },
  identity: { static: [{ user: 'ann', token: 'secret' }] },
  grants: [{ subjects: [{ user: 'ann' }], recorderAddrs: ['127.0.0.1:80'], enforceRecorder: true }],
  audit: { file: 'a.jsonl' },
};
const KEYS = [
  ...Object.keys(GOOD),
  'tls',
  'user',
  'token',
  'subjects',
  'recorderAddrs',
  'enforceRecorder',
  'limits',
  '__proto__',
];
const WORDS = [
  ...KEYS.map(key => `${key}: `),
  ...[
    '- ',
    '\n  ',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '<<: *a',
    '!!js/function ',
    '|\n',
    '"',
    '...',
    '---\n',
    '? ',
    '\t',
    '# ',
  ],
];

function check(input: Buffer): void {
  const config = declared(
    () => parseConfig(input.toString('utf8'), 'fuzz.yaml'),
    error => error instanceof ConfigError && error.problems.length > 0,
  );
  if (config === undefined) return;
  // Defaults are filled in, and nothing that a file says can stand beside them.
  must(typeof config.audit === 'object' && config.listen.port <= 65_535, 'half a configuration');
  must(Object.getPrototypeOf(config) === Object.prototype, 'another prototype');
}

export const CONFIG_SUBJECTS: readonly Subject[] = [
  {
    name: 'config',
    files: [
      'src/config/parse.ts',
      'src/config/source.ts',
      'src/config/schema.ts',
      'src/config/duplicate-tokens.ts',
      'src/config/problems.ts',
    ],
    words: WORDS,
    grammar: fc
      .oneof(
        fc
          .tuple(fc.constantFrom(...KEYS), json(KEYS, [true, null, 'x', 1, []]))
          .map(([key, value]) => stringify({ ...GOOD, [key]: value })),
        sentence(WORDS, 40),
      )
      .map(text => Buffer.from(text)),
    check,
  },
];
