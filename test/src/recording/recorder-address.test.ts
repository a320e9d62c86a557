import { describe, expect, test } from 'vitest';
import { parseRecorderAddress } from '../../../src/recording/recorder-address.ts';

describe('a recorder address B067', () => {
  test.each([
    ['10.1.2.3:8080', '10.1.2.3', 8080, '10.1.2.3:8080'],
    ['10.1.2.3', '10.1.2.3', 80, '10.1.2.3'],
    ['recorder', 'recorder', 80, 'recorder'],
    ['recorder.tail0.ts.net:80', 'recorder.tail0.ts.net', 80, 'recorder.tail0.ts.net'],
    ['recorder.tail0.ts.net.:443', 'recorder.tail0.ts.net.', 443, 'recorder.tail0.ts.net.:443'],
    ['my_recorder-1:1', 'my_recorder-1', 1, 'my_recorder-1:1'],
    ['[fd00::1]:80', 'fd00::1', 80, '[fd00::1]'],
    ['[::1]:8080', '::1', 8080, '[::1]:8080'],
    ['[::1]', '::1', 80, '[::1]'],
    ['[::ffff:127.0.0.1]:81', '::ffff:127.0.0.1', 81, '[::ffff:127.0.0.1]:81'],
    ['[fe80::1%25lo]:81', 'fe80::1%lo', 81, '[fe80::1]:81'],
    ['[fe80::1%eth0]', 'fe80::1%eth0', 80, '[fe80::1]'],
    ['127.0.0.1:65535', '127.0.0.1', 65535, '127.0.0.1:65535'],
  ])('%s', (text, host, port, authority) => {
    expect(parseRecorderAddress(text)).toEqual({ host, port, authority });
  });

  test.each([
    ['', /empty/],
    ['::1', /in brackets: \[::1\]/],
    ['fd00::1:80', /in brackets/],
    ['http://[::1]:8080/record', /no scheme and no path/],
    ['recorder/record', /no scheme and no path/],
    ['user@recorder:80', /host:port/],
    ['[10.0.0.1]:80', /must be an IPv6 address/],
    ['[]:80', /must be an IPv6 address/],
    ['[::1', /host:port/],
    ['[::1]80', /host:port/],
    [':80', /host:port/],
    ['recorder:', /host:port/],
    ['recorder:0', /1 to 65535/],
    ['recorder:65536', /1 to 65535/],
    ['recorder:8o', /host:port/],
    ['recorder:-1', /host:port/],
    ['a:b:80', /host:port/],
    ['re corder:80', /host:port/],
    [' recorder:80', /host:port/],
    ['recorder:80\n', /host:port/],
    ['a\r\nb:80', /host:port/],
    ['-recorder', /host:port/],
    ['a..b', /host:port/],
    ['256.1.1.1:80', /no IPv4 address/],
    ['10.0.0:80', /no IPv4 address/],
    ['0x7f.1', /no IPv4 address/],
    ['zoë:80', /host:port/],
    ['a'.repeat(64), /host:port/],
  ])('%j is refused with a reason', (text, why) => {
    expect(() => parseRecorderAddress(text)).toThrow(RangeError);
    expect(() => parseRecorderAddress(text)).toThrow(why);
    expect(() => parseRecorderAddress(text)).toThrow(JSON.stringify(text));
  });
});
