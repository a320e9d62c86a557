import { expect, test } from 'vitest';
import { recordingUri } from '../../../src/recording/recording-uri.ts';

test('a path of our recorder becomes absolute', () => {
  expect(recordingUri('https', '[::1]:8181', '/api/v1/recordings/0199a8')).toBe(
    'https://[::1]:8181/api/v1/recordings/0199a8',
  );
});

test.each([
  undefined,
  '',
  'http://elsewhere.example/api/v1/recordings/1',
  '//elsewhere.example/x',
  '/api/v1/recordings/../../etc',
  '/api/v1/recordings/1?token=x',
  '/api/v1/recordings/a b',
  `/api/v1/recordings/${'x'.repeat(300)}`,
])('%j is believed to be nothing', location => {
  expect(recordingUri('http', '127.0.0.1:8181', location)).toBeUndefined();
});
