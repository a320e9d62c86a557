import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { exportPage } from '../../../src/recorder/export-page.ts';
import { CAST } from './harness.ts';
import { manifestAt } from './manifests.ts';

const PLAYER = { script: 'var AsciinemaPlayer = {};', style: '.ap-player {}' };
const HOSTILE = '</script><!--<script><img src=x onerror=alert(1)>&"\'';

function pageOf(text: string, incomplete = false): string {
  const manifest = manifestAt(0, { user: text, command: text, pod: text, complete: !incomplete });
  return exportPage({ cast: text, manifests: [manifest], player: PLAYER });
}

describe('the exported page', () => {
  test('carries the cast as it is', () => {
    const embedded = /<script type="application\/json" id="cast">(.*)<\/script>/.exec(pageOf(CAST))?.[1];
    expect(JSON.parse(embedded ?? '')).toBe(CAST);
  });

  test('treats all that was recorded as text', () => {
    const page = pageOf(HOSTILE);
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<!--');
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;');
    const embedded = /<script type="application\/json" id="cast">(.*)<\/script>/.exec(page)?.[1];
    expect(JSON.parse(embedded ?? '')).toBe(HOSTILE);
  });

  test('allows its own scripts, by digest, and no connection', () => {
    const page = pageOf(CAST);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(match => match[1] ?? '');
    expect(scripts).toHaveLength(2);
    for (const script of scripts) {
      expect(policy).toContain(`'sha256-${createHash('sha256').update(script).digest('base64')}'`);
    }
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/connect-src|https?:|unsafe-eval'.*unsafe-inline' script/);
    expect(page).not.toMatch(/(src|href)=/);
  });

  test('a player’s own end tag does not end its script', () => {
    const player = { script: 'const end = "</script>";', style: 'a::after { content: "</style>" }' };
    const page = exportPage({ cast: CAST, manifests: [manifestAt(0)], player });
    expect(page).toContain('const end = "\\x3c/script>";');
    expect(page).toContain('content: "<\\/style>"');
  });

  test('says why a recording is not complete', () => {
    expect(pageOf(CAST)).toContain('<dt>Complete</dt><dd>yes</dd>');
    expect(pageOf(CAST, true)).toContain('<section class="incomplete">');
    expect(pageOf(CAST, true)).toContain('<dd>no: cut</dd>');
  });
});
