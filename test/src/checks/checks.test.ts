import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkAudit } from '../../../src/checks/audit-sink.ts';
import { certificateAge } from '../../../src/checks/certificate-age.ts';
import { checkTailscale, checkTokenReviews } from '../../../src/checks/identity-source.ts';
import { checkImpersonation } from '../../../src/checks/impersonation-rights.ts';
import { probeText } from '../../../src/checks/probe-text.ts';
import { checkRecorders } from '../../../src/checks/recorders.ts';
import { createCertificates } from '../../../src/sandbox/certificate.ts';
import type { AccessQuestion } from '../../../src/upstream/access-review.ts';

const never = new AbortController().signal;

describe('the text of a probe', () => {
  test('is the one of Kubernetes', () => {
    const text = probeText(
      'readyz',
      [
        { name: 'config', ok: true },
        { name: 'certificate', ok: true, detail: 'expires in 3 days' },
        { name: 'upstream', ok: false, reason: 'it answered 500' },
      ],
      { known: ['recorder'], unknown: ['no\nsuch'] },
    );
    expect(text.split('\n')).toEqual([
      '[+]config ok',
      '[+]certificate ok: expires in 3 days',
      '[-]upstream failed: it answered 500',
      '[+]recorder excluded: ok',
      'warn: there is no check to exclude named "no\\nsuch"',
      'readyz check failed',
      '',
    ]);
  });

  test('says that all is well', () => {
    expect(probeText('livez', [{ name: 'ping', ok: true }], { known: [], unknown: [] })).toBe(
      '[+]ping ok\nlivez check passed\n',
    );
  });
});

describe('rights to impersonate', () => {
  const needs = { extraKeys: ['kubewitness.dev/session'], uids: true };
  const granting = (allowed: (question: AccessQuestion) => boolean) => {
    const asked: AccessQuestion[] = [];
    return {
      asked,
      ask: async (question: AccessQuestion) => {
        asked.push(question);
        return allowed(question);
      },
    };
  };

  test('are asked as RBAC knows them: users and groups in the core group, the others in authentication.k8s.io', async () => {
    const { asked, ask } = granting(() => true);
    await checkImpersonation(ask, needs);
    expect(asked).toEqual([
      { verb: 'impersonate', group: '', resource: 'users' },
      { verb: 'impersonate', group: '', resource: 'groups' },
      { verb: 'impersonate', group: 'authentication.k8s.io', resource: 'uids' },
      {
        verb: 'impersonate',
        group: 'authentication.k8s.io',
        resource: 'userextras',
        subresource: 'kubewitness.dev/session',
      },
    ]);
  });

  test('may come from constrained impersonation instead', async () => {
    const { ask } = granting(
      ({ verb, group }) => verb === 'impersonate:user-info' && group === 'authentication.k8s.io',
    );
    await expect(checkImpersonation(ask, needs)).resolves.toBeUndefined();
  });

  test('that are missing are all named', async () => {
    const { ask } = granting(({ resource }) => resource === 'users');
    await expect(checkImpersonation(ask, needs)).rejects.toThrow(
      'we may not impersonate groups, uids, userextras/kubewitness.dev/session',
    );
  });
});

describe('recorders', () => {
  const probe = async (recorder: string): Promise<void> => {
    if (recorder.startsWith('dead')) throw new Error('the connection was refused');
  };

  test.each([
    [[], 'no rule of the configuration enforces one'],
    [[{ origin: 'grants[0]', recorderAddrs: ['a:1', 'b:1'] }], '2 answer'],
    [[{ origin: 'grants[0]', recorderAddrs: ['dead:1', 'b:1'] }], 'another stands in for dead:1'],
  ])('%j is well: %s', async (rules, words) => {
    expect(await checkRecorders(rules, probe, never)).toBe(words);
  });

  test('a rule without one that answers fails the check, and is named', async () => {
    const rules = [
      { origin: 'grants[0]', recorderAddrs: ['a:1'] },
      { origin: 'grants[1]', recorderAddrs: ['dead:1', 'dead:2'] },
      { origin: 'grants[2]', recorderAddrs: [] },
    ];
    await expect(checkRecorders(rules, probe, never)).rejects.toThrow(
      'grants[1]: dead:1: the connection was refused, dead:2: the connection was refused; grants[2] enforces a recorder and names none',
    );
  });

  test('one that several rules name is asked once', async () => {
    const asked: string[] = [];
    const rules = [0, 1, 2].map(at => ({ origin: `grants[${at}]`, recorderAddrs: ['a:1'] }));
    await checkRecorders(rules, async recorder => void asked.push(recorder), never);
    expect(asked).toEqual(['a:1']);
  });
});

describe('the certificate', () => {
  test('is told by its age, and fails outside of its time', async () => {
    const { certPem } = await createCertificates(['localhost'], []);
    const { validFrom, validTo } = new X509Certificate(certPem);
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    const day = 86_400_000;
    expect(certificateAge(certPem, to - 1.5 * day)).toMatch(/, in 1 day$/);
    expect(certificateAge(certPem, to - 3 * day)).toMatch(/, in 3 days$/);
    expect(() => certificateAge(certPem, to)).toThrow(/^it expired at /);
    expect(() => certificateAge(certPem, from - 1)).toThrow(/^it holds only from /);
    expect(() => certificateAge('nothing', from)).toThrow('it cannot be read');
  });
});

describe('the audit sink', () => {
  const failing = { state: 'failing', since: 'T', error: 'ENOSPC', lost: 1, waiting: 2 } as const;
  const words = 'records are not kept since T: ENOSPC (2 wait, 1 lost)';

  test('fails where its policy refuses sessions, and is only told where it does not', () => {
    expect(checkAudit({ state: 'ok', lost: 0, waiting: 0 }, true)).toBeUndefined();
    expect(() => checkAudit(failing, false)).toThrow(words);
    expect(checkAudit(failing, true)).toBe(words);
  });
});

describe('identity sources', () => {
  const status = { magicDnsSuffix: undefined, addresses: [], certificateDomains: [], health: [] };

  test('tailscaled must be connected; what it complains about is told', async () => {
    const says = (backendState: string, health: string[] = []) =>
      checkTailscale({ status: async () => ({ ...status, backendState, health }) });
    expect(await says('Running')).toBe('tailscaled is connected');
    expect(await says('Running', ['no DERP'])).toBe('tailscaled says: no DERP');
    await expect(says('NeedsLogin')).rejects.toThrow('not connected to a tailnet (NeedsLogin)');
  });

  test('token reviews must be allowed', async () => {
    await expect(checkTokenReviews(async () => false)).rejects.toThrow('tokenreviews');
    expect(await checkTokenReviews(async () => true)).toBe('tokens are reviewed');
  });
});
