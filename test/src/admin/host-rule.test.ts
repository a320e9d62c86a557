import { expect, test } from 'vitest';
import { isLoopback, isOwnHost } from '../../../src/admin/host-rule.ts';

test.each([
  [undefined, false],
  ['', false],
  ['localhost:9090', true],
  ['LOCALHOST', true],
  ['10.1.2.3:80', true],
  ['[::1]', true],
  ['::1', false],
  ['127.0.0.1:port', false],
  ['localhost.evil.example', false],
  ['evil-localhost', false],
])('the host %s may be asked for on loopback: %s', (host, local) => {
  expect(isOwnHost(host, ['witness.example'])).toBe(local);
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', (address, loopback) => {
  expect(isLoopback(address)).toBe(loopback);
});
