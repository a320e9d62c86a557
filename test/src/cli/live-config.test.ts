import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ReloadReport, Trigger } from '../../../src/cli/live-config.ts';
import { LiveConfig } from '../../../src/cli/live-config.ts';
import { parseConfig } from '../../../src/config/parse.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface Content {
  readonly port?: number;
  readonly users?: readonly string[];
  readonly tokenFiles?: readonly string[];
}

function yaml({ port = 1, users = ['ann'], tokenFiles = ['a.token'] }: Content): string {
  return JSON.stringify({
    listen: { port, tls: { cert: 'a.crt', key: 'a.key' } },
    upstream: { kubeconfig: 'up' },
    identity: { static: tokenFiles.map(tokenFile => ({ user: tokenFile, tokenFile })) },
    grants: users.map(user => ({ subjects: [{ user }] })),
    audit: { file: 'audit.jsonl' },
  });
}

const FILE = 'c.yaml';

/** Files in memory. What is made says which users have grants, and what the token files hold. */
function configured(content: Content = {}) {
  const files = new Map([
    [FILE, yaml(content)],
    ['a.token', 'A1'],
  ]);
  const reports: ReloadReport[] = [];
  const read = (name: string): string => {
    const text = files.get(name);
    if (text === undefined) throw new Error(`cannot read ${name}: no such file`);
    return text;
  };
  const parse = (text: string) => parseConfig(text, FILE);
  const live = new LiveConfig<string>(
    {
      file: FILE,
      read,
      parse,
      make: (config, readFile) => {
        const tokens = (config.identity.static ?? []).map(({ tokenFile = '' }) => readFile(tokenFile));
        if (tokens.includes('')) throw new Error('a token is empty');
        const users = config.grants.flatMap(({ subjects }) => subjects.map(({ user }) => user));
        return [...users, ...tokens].join(' ');
      },
      reported: report => reports.push(report),
    },
    read(FILE),
    parse(read(FILE)),
  );
  return {
    live,
    files,
    reports,
    write: (content: Content) => files.set(FILE, yaml(content)),
    take: (trigger: Trigger = 'files') => {
      reports.length = 0;
      live.take(live.look(), trigger);
      return reports.map(({ outcome, sections, files: named, problems }) => ({
        outcome,
        sections,
        files: named,
        problems,
      }));
    },
  };
}

const NOTHING = { sections: [], files: [], problems: [] };

describe('a configuration that changes', () => {
  test('is put in force, and the report names both by their digests', () => {
    const { live, files, reports, write, take } = configured();
    const before = sha256(files.get(FILE) ?? '');
    write({ users: ['bob'] });
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', sections: ['grants'] }]);
    expect(reports[0]).toMatchObject({ sha256Before: before, sha256: sha256(files.get(FILE) ?? '') });
    expect(live.made).toBe('bob A1');
    expect(live.state()).toEqual({ state: 'current', sha256: sha256(files.get(FILE) ?? ''), problems: [] });
    expect(take()).toEqual([]);
  });

  test('into a bad one is refused with every problem, told once, and the old one stays', () => {
    const { live, files, take } = configured();
    files.set(FILE, `${yaml({ users: ['bob'] }).slice(0, -1)}, "nonsense": "hush", "more": 1}`);
    const problems = ['c.yaml:1: nonsense: there is no such field', 'c.yaml:1: more: there is no such field'];
    expect(take()).toEqual([{ ...NOTHING, outcome: 'refused', problems }]);
    expect(take()).toEqual([]);
    expect(live.made).toBe('ann A1');
    expect(live.state()).toMatchObject({ state: 'refused', problems });
    expect(live.state().sha256).toBe(sha256(yaml({})));
    files.set(FILE, yaml({}));
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied' }]);
    expect(live.state()).toMatchObject({ state: 'current', problems: [] });
  });

  test('in what needs a restart stays out as a whole', () => {
    const { live, write, take } = configured();
    write({ port: 2, users: ['bob'] });
    const problems = ['needs a restart: listen.port'];
    expect(take()).toEqual([{ ...NOTHING, outcome: 'needsRestart', sections: ['grants'], problems }]);
    expect(live.made).toBe('ann A1');
    expect(live.state()).toMatchObject({ state: 'needsRestart', problems });
    write({ port: 1, users: ['bob'] });
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', sections: ['grants'] }]);
    expect(live.made).toBe('bob A1');
  });

  test('and cannot be read, or is gone, leaves the old one', () => {
    const { live, files, reports, take } = configured();
    files.delete(FILE);
    expect(take()).toEqual([
      { ...NOTHING, outcome: 'refused', problems: ['cannot read c.yaml: no such file'] },
    ]);
    expect(reports[0]?.sha256).toBeUndefined();
    expect(live.made).toBe('ann A1');
  });

  test('and names a file that comes later is taken when the file is there', () => {
    const { live, files, write, take } = configured();
    write({ tokenFiles: ['a.token', 'b.token'] });
    const problems = ['cannot read b.token: no such file'];
    expect(take()).toEqual([{ ...NOTHING, outcome: 'refused', sections: ['identity'], problems }]);
    expect(take()).toEqual([]);
    files.set('b.token', 'B1');
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', sections: ['identity'], files: ['b.token'] }]);
    expect(live.made).toBe('ann A1 B1');
  });
});

describe('files that a configuration names', () => {
  test('are read again as they rotate', () => {
    const { live, files, take } = configured();
    files.set('a.token', 'A2');
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', files: ['a.token'] }]);
    expect(live.made).toBe('ann A2');
    expect(take()).toEqual([]);
  });

  test('go on rotating while a new configuration is refused', () => {
    const { live, files, take } = configured();
    files.set(FILE, 'listen: [');
    take();
    files.set('a.token', 'A2');
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', files: ['a.token'] }]);
    expect(live.made).toBe('ann A2');
    expect(live.state().state).toBe('refused');
  });

  test.each([
    ['gone', undefined, 'cannot read a.token: no such file'],
    ['broken', '', 'a token is empty'],
  ])('that are %s leave the old ones in use, are told once, and mend', (_how, text, problem) => {
    const { live, files, take } = configured({ tokenFiles: ['a.token'] });
    if (text === undefined) files.delete('a.token');
    else files.set('a.token', text);
    expect(take()).toEqual([{ ...NOTHING, outcome: 'refused', files: ['a.token'], problems: [problem] }]);
    expect(take()).toEqual([]);
    expect(live.made).toBe('ann A1');
    expect(live.state()).toMatchObject({ state: 'refused', problems: [problem] });
    files.set('a.token', 'A1');
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', files: ['a.token'] }]);
    expect(live.state().state).toBe('current');
  });

  test('one that is broken does not hold back a new configuration that does without it', () => {
    const { live, files, write, take } = configured();
    files.set('a.token', '');
    take();
    files.set('b.token', 'B1');
    write({ tokenFiles: ['b.token'] });
    expect(take()).toEqual([{ ...NOTHING, outcome: 'applied', sections: ['identity'], files: ['b.token'] }]);
    expect(live.made).toBe('ann B1');
    expect(live.state().state).toBe('current');
  });
});

describe('asked by a signal', () => {
  test('it says so when nothing has changed', () => {
    const { take } = configured();
    expect(take('SIGHUP')).toEqual([{ ...NOTHING, outcome: 'unchanged' }]);
  });

  test('it says again what is wrong', () => {
    const { files, take } = configured();
    files.set(FILE, 'listen: [');
    const told = take();
    expect(told).toHaveLength(1);
    expect(take('SIGHUP')).toEqual(told);
    files.set(FILE, yaml({}));
    files.set('a.token', '');
    take();
    expect(take('SIGHUP')).toMatchObject([{ outcome: 'refused', problems: ['a token is empty'] }]);
  });
});
