import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newRecordingId, storedName } from '../../src/recorder/recording-id.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';

const LINES = 2_700_000;
const LINE_BYTES = 128;
const STEP_SECONDS = 0.01;
/** Of the cast together, for the page, two moments and what the player keeps. */
const MOST_READ_BYTES = 16 * 1024 * 1024;

function lineOf(at: number): string {
  const start = `[${(at * STEP_SECONDS).toFixed(6)},"o","line ${at} `;
  return `${start}${'.'.repeat(LINE_BYTES - start.length - 7)}\\r\\n"]\n`;
}

function* pieces(): Generator<string> {
  yield `${JSON.stringify({ version: 2, width: 130, height: 20, timestamp: 1_767_225_600 })}\n`;
  const perPiece = 10_000;
  for (let from = 0; from < LINES; from += perPiece) {
    yield Array.from({ length: perPiece }, (_, at) => lineOf(from + at)).join('');
  }
}

describe.skipIf(!hasBrowser())('a cast of 330 MiB, from a recorder of its own', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-large-'));
  const id = newRecordingId(Date.now());
  let recorder: RecorderProcess;
  let proxy: ProxyProcess;

  beforeAll(async () => {
    const folder = join(dir, 'recordings');
    mkdirSync(folder);
    // As a recorder leaves it that was killed; the next one files it.
    await pipeline(Readable.from(pieces()), createWriteStream(join(folder, storedName(id, '.cast.part'))));
    recorder = await RecorderProcess.start(folder);
    proxy = await startProxyProcess([recorder.address], {
      admin: {
        address: '127.0.0.1',
        port: 0,
        local: ['auditor'],
        recordings: { url: `http://${recorder.address}` },
      },
    });
  });

  afterAll(async () => {
    await proxy?.stop();
    await recorder?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  test('is played where one wants it, and only a small part of it is ever read', async () => {
    const browser = await startBrowser();
    try {
      const { page, complaints } = await openPage(browser, `${proxy.admin}/#/recordings/${id}`);
      let read = 0;
      page.on('response', response => {
        if (response.url().includes('/cast')) read += Number(response.headers()['content-length']);
      });
      await page.reload();
      await page.getByText('Large: loaded in parts as it plays.').waitFor();
      await page.locator('.ap-player', { hasText: 'line 0 ' }).first().waitFor();
      const moment = page.getByLabel('Moment of the recording');
      const whole = Number(await moment.getAttribute('max'));
      expect(whole).toBe(Math.ceil((LINES - 1) * STEP_SECONDS));

      await moment.focus();
      await page.keyboard.press('End');
      await page
        .locator('.ap-player', { hasText: `line ${LINES - 1} ` })
        .first()
        .waitFor();

      await moment.fill(String(Math.round(whole / 2)));
      const middle = Math.round(Math.round(whole / 2) / STEP_SECONDS);
      await page
        .locator('.ap-player', { hasText: `line ${middle} ` })
        .first()
        .waitFor();
      expect(read).toBeLessThan(MOST_READ_BYTES);
      expect(read).toBeGreaterThan(0);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
