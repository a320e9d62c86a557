import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connectRecorder } from '../../../src/recording/connect.ts';
import { buildGo, describeWithGo } from '../go-program.ts';
import { LinePeer } from '../line-peer.ts';
import { OurSession, type SessionLimits } from './our-session.ts';

const STARTED = z.object({ address: z.string() });
const TAKEN = z.object({ protocol: z.string(), bytes: z.number(), sha256: z.string(), ended: z.boolean() });

describeWithGo('our client and a recorder on net/http', () => {
  let binary: string;
  beforeAll(async () => {
    binary = await buildGo('recorder/serve');
  });

  async function start(...args: readonly string[]) {
    const peer = new LinePeer(binary, args);
    onTestFinished(() => peer.stop());
    const { address } = STARTED.parse(await peer.next());
    return { address, taken: async () => TAKEN.parse(await peer.next()) };
  }

  describe.each(['v2', 'v1'] as const)('%s', protocol => {
    test('8 MiB arrive byte for byte', async () => {
      const { address, taken } = await start('-only', protocol);
      const session = await OurSession.open(address);
      await session.output(512);
      const summary = await session.recording.end();
      expect(session.upload.protocol).toBe(protocol);
      expect(summary).toMatchObject({ complete: true, recorder: address });
      expect(await taken()).toEqual({
        protocol,
        bytes: summary.castBytes,
        sha256: session.upload.hash.digest('hex'),
        ended: true,
      });
    });

    test('a recording that is given up does not end in order there', async () => {
      const { address, taken } = await start('-only', protocol);
      const session = await OurSession.open(address);
      await session.output(4);
      session.recording.abort();
      expect(await taken()).toMatchObject({ protocol, ended: false });
    });
  });

  test('a recorder that speaks both is used over v2', async () => {
    const { address } = await start();
    const session = await OurSession.open(address);
    expect(session.upload.protocol).toBe('v2');
    await session.recording.end();
  });

  const QUICK: SessionLimits = { recorder: { ackSilenceMs: 200 } };
  const UNACKED: SessionLimits = { recording: { maxUnackedMs: 200 } };

  test.each([
    ['v2', 'report', {}, { kind: 'reported', message: expect.stringContaining('the disk is full') }],
    ['v2', 'early', {}, { kind: 'protocol', phase: 'stream' }],
    ['v2', 'junk', {}, { kind: 'protocol', phase: 'ack' }],
    ['v2', 'overstate', {}, { kind: 'protocol', phase: 'ack' }],
    ['v2', 'drop', {}, { kind: 'reset', phase: 'stream' }],
    ['v2', 'silent', QUICK, { kind: 'timeout', phase: 'ack' }],
    ['v2', 'silent', UNACKED, { kind: 'ackLate', phase: 'ack' }],
    ['v1', 'early', {}, { kind: 'protocol', phase: 'stream' }],
    ['v1', 'drop', {}, { kind: 'reset', phase: 'stream' }],
  ])(
    '%s, a recorder that does not do its part (%s) has failed',
    async (protocol, behaviour, limits, failure) => {
      const { address } = await start('-only', protocol, '-behaviour', behaviour);
      const session = await OurSession.open(address, limits);
      await session.output(2);
      const error = await session.failed;
      expect(error).toMatchObject({ recorder: address, ...failure });
      await expect(session.recording.end()).rejects.toBe(error);
      expect(session.recording.summary().complete).toBe(false);
    },
  );

  test('v1, a recorder that has no room says so at the end', async () => {
    const { address } = await start('-only', 'v1', '-behaviour', 'report');
    const session = await OurSession.open(address);
    await session.output(2);
    await expect(session.recording.end()).rejects.toMatchObject({ kind: 'disk', phase: 'finalise' });
  });

  test.each(['v2', 'v1'])('%s, a recorder that refuses is not connected', async protocol => {
    const { address } = await start('-only', protocol, '-behaviour', 'refuse');
    await expect(connectRecorder(address)).rejects.toMatchObject({ kind: 'refused', phase: 'connect' });
  });
});
