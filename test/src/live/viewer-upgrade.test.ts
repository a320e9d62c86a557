import { describe, expect, test } from 'vitest';
import { isSameOrigin } from '../../../src/live/viewer-upgrade.ts';

describe('isSameOrigin', () => {
  test.each([
    ['http://127.0.0.1:9090', '127.0.0.1:9090', true],
    ['https://witness.example', 'witness.example', true],
    ['http://[::1]:9090', '[::1]:9090', true],
    ['http://127.0.0.1:9091', '127.0.0.1:9090', false],
    ['http://evil.example', '127.0.0.1:9090', false],
    ['http://127.0.0.1:9090.evil.example', '127.0.0.1:9090', false],
    ['null', '127.0.0.1:9090', false],
    ['', '', false],
    ['http://', '', false],
    [undefined, '127.0.0.1:9090', false],
    ['http://127.0.0.1:9090', undefined, false],
  ])('origin %s at host %s: %s', (origin, host, same) => {
    expect(isSameOrigin(origin, host)).toBe(same);
  });
});
