import { fileURLToPath } from 'node:url';
import ELK from 'elkjs/lib/elk.bundled.js';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';
import { layOut } from '../../../machines/chart-layout.ts';
import { chartOf } from '../../../machines/chart-model.ts';
import { CONTRACT_DEPTH, DOCUMENT, NARROW, WIDE } from '../../../machines/chart-styles.ts';
import { recordersMachine } from '../../../machines/recorders.ts';
import { sessionMachine } from '../../../machines/session.ts';

const VIRTUAL = 'virtual:session-chart';

/**
 * Lays the machines' charts out while the page is built. The page takes two sizes of the session's as a module; the file
 * `charts.json` is what `kubewitness machines --format svg` draws from, so that neither needs the layout engine at run time.
 */
function charts(): Plugin {
  const elk = new ELK();
  const session = chartOf(sessionMachine, CONTRACT_DEPTH);
  return {
    name: 'session-chart',
    resolveId: id => (id === VIRTUAL ? `\0${VIRTUAL}` : undefined),
    load: async id =>
      id === `\0${VIRTUAL}`
        ? `export const layouts = ${JSON.stringify({
            wide: await layOut(session, WIDE, elk),
            narrow: await layOut(session, NARROW, elk),
          })};`
        : undefined,
    async generateBundle() {
      const layouts = {
        session: await layOut(session, DOCUMENT, elk),
        recorders: await layOut(chartOf(recordersMachine, CONTRACT_DEPTH), DOCUMENT, elk),
      };
      this.emitFile({ type: 'asset', fileName: 'charts.json', source: `${JSON.stringify(layouts)}\n` });
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [charts()],
  build: {
    outDir: fileURLToPath(new URL('../../../dist/live', import.meta.url)),
    emptyOutDir: true,
    // The page's policy allows no data: addresses and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The player is one file; it is fetched only when something is played.
    chunkSizeWarningLimit: 400,
  },
});
