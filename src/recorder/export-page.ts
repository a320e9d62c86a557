import { createHash } from 'node:crypto';
import type { Manifest } from './manifest.ts';

export interface ExportedRecording {
  /** Whole lines of asciicast v2. */
  readonly cast: string;
  /** One, or those of all parts. */
  readonly manifests: readonly Manifest[];
  /** Texts of the player's files. */
  readonly player: { readonly script: string; readonly style: string };
}

const START = `
const text = id => JSON.parse(document.getElementById(id).textContent);
AsciinemaPlayer.create({ data: text('cast') }, document.getElementById('player'), { fit: 'both', idleTimeLimit: 2, poster: 'npt:1' });
`;

const STYLE = `
body { margin: 0 auto; max-width: 72rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; }
#player { height: 70vh; }
h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { overflow-x: auto; background: #f4f4f4; padding: 1rem; }
.incomplete { border-left: .3rem solid #b00020; padding-left: 1rem; }
`;

/**
 * One page with the cast, what is known of it, and the player, that needs nothing else: its policy allows the two
 * scripts that it carries, by their digests, and no connection. What was recorded stands in it as text only.
 */
export function exportPage({ cast, manifests, player }: ExportedRecording): string {
  const scripts = [player.script, START].map(inlineScript);
  const hashes = scripts.map(script => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  const policy = [
    `default-src 'none'`,
    // The player's terminal is a WebAssembly module inside its script.
    `script-src ${hashes.join(' ')} 'wasm-unsafe-eval'`,
    `style-src 'unsafe-inline'`,
    `img-src data:`,
    `font-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ];
  const title = escapeHtml(titleOf(manifests));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${inlineStyle(player.style)}</style>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<div id="player"></div>
${manifests.map(describe).join('\n')}
<script type="application/json" id="cast">${jsonInScript(cast)}</script>
${scripts.map(script => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

function describe(manifest: Manifest): string {
  const { header, complete, incompleteReason = 'unknown' } = manifest;
  const { Namespace, PodName, Container, SessionType } = header?.kubernetes ?? {};
  const rows: readonly (readonly [name: string, value: unknown])[] = [
    ['User', header?.kubewitness?.['user'] ?? header?.srcNodeUser],
    ['Namespace', Namespace],
    ['Pod', PodName],
    ['Container', Container],
    ['Session', SessionType],
    ['Command', header?.command],
    ['Session id', manifest.sessionId],
    ['Recording id', manifest.id],
    ['Received', manifest.receivedAt],
    ['Ended', manifest.endedAt],
    ['Bytes', manifest.bytes],
    ['SHA-256', manifest.sha256],
    ['Complete', complete ? 'yes' : `no: ${incompleteReason}`],
  ];
  const list = rows
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(String(value))}</dd>`);
  return `<section class="${complete ? 'complete' : 'incomplete'}">
<dl>
${list.join('\n')}
</dl>
<details><summary>Manifest</summary><pre>${escapeHtml(JSON.stringify(manifest, undefined, 2))}</pre></details>
</section>`;
}

function titleOf([first]: readonly Manifest[]): string {
  const { PodName } = first?.header?.kubernetes ?? {};
  const parts = [first?.header?.command ?? PodName ?? 'Recording', first?.receivedAt];
  return parts.filter(part => part !== undefined).join(', ');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** No `<` at all, so that no text can end the element or open a comment in it. */
function jsonInScript(text: string): string {
  return JSON.stringify(text).replaceAll('<', '\\u003c');
}

/** HTML ends a script at the first `</script` wherever it stands; in JavaScript the backslash means nothing there. */
function inlineScript(script: string): string {
  return script.replace(/<(?=\/script|!--)/gi, '\\x3c');
}

function inlineStyle(style: string): string {
  return style.replaceAll('</', '<\\/');
}
