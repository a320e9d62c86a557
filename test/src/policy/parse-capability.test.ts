import { describe, expect, test } from 'vitest';
import { parseCapability } from '../../../src/policy/parse-capability.ts';

const origin = 'tailscale.com/cap/kubernetes[0]';
const empty = {
  origin,
  impersonateGroups: [],
  recorderAddrs: [],
  enforceRecorder: false,
  enableEvents: false,
};

describe('a rule of the Tailscale capability', () => {
  test.each<[string, unknown, object]>([
    ['nothing', {}, empty],
    [
      'everything',
      {
        impersonate: { groups: ['dev', 'ops'] },
        recorder: ['tag:rec'],
        recorderAddrs: ['100.99.1.1:80', '[fd7a::1]:80', '[::ffff:127.0.0.1]:8080'],
        enforceRecorder: true,
        enableEvents: true,
      },
      {
        origin,
        impersonateGroups: ['dev', 'ops'],
        recorderAddrs: ['100.99.1.1:80', '[fd7a::1]:80', '[::ffff:127.0.0.1]:8080'],
        enforceRecorder: true,
        enableEvents: true,
      },
    ],
    ['keys that are not known', { enableSessionRecordings: 1, x: { y: [] } }, empty],
    ['null for nothing', { impersonate: null, recorderAddrs: null, enforceRecorder: null }, empty],
    ['null groups', { impersonate: { groups: null } }, empty],
    [
      'keys of other case, as Go reads them',
      { ENFORCERECORDER: true, Impersonate: { Groups: ['a'] } },
      { ...empty, enforceRecorder: true, impersonateGroups: ['a'] },
    ],
    [
      'letters that Go folds: the long s, the Kelvin sign',
      { 'recorderAddr\u017f': ['1.2.3.4:80'] },
      { ...empty, recorderAddrs: ['1.2.3.4:80'] },
    ],
    ['what becomes of unrecordable roads', { unrecordable: 'audit' }, { ...empty, unrecordable: 'audit' }],
  ])('%s', (_name, value, expected) => {
    expect(parseCapability(value, origin)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a string', 'x'],
    ['an array', []],
    ['a flag that is a word', { enforceRecorder: 'true' }],
    ['a flag that is a number', { enableEvents: 1 }],
    ['one address', { recorderAddrs: '1.2.3.4:80' }],
    ['no port', { recorderAddrs: ['1.2.3.4'] }],
    ['port 0', { recorderAddrs: ['1.2.3.4:0'] }],
    ['a port that is too high', { recorderAddrs: ['1.2.3.4:65536'] }],
    ['an octet that is too high', { recorderAddrs: ['1.2.3.400:80'] }],
    ['IPv6 without brackets', { recorderAddrs: ['::1:80'] }],
    ['IPv4 in brackets', { recorderAddrs: ['[1.2.3.4]:80'] }],
    ['a name', { recorderAddrs: ['recorder:80'] }],
    ['a URL', { recorderAddrs: ['http://1.2.3.4:80'] }],
    ['one bad address among good ones', { recorderAddrs: ['1.2.3.4:80', ''] }],
    ['groups that are no list', { impersonate: { groups: 'dev' } }],
    ['groups that are no strings', { impersonate: { groups: [1] } }],
    ['an impersonate that is a list', { impersonate: [] }],
    ['an unknown way with unrecordable roads', { unrecordable: 'allow' }],
    ['two spellings of one key', { enforceRecorder: true, enforcerecorder: false }],
  ])('%s cannot be read', (_name, value) => {
    expect(() => parseCapability(value, origin)).toThrow(
      expect.objectContaining({ code: 'KW_RULES_UNREADABLE', message: expect.stringContaining(origin) }),
    );
  });
});
