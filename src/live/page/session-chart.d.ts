/** Made by vite.config.ts; chart-layouts.ts says what it is. */
declare module 'virtual:session-chart' {
  const layouts: unknown;

  export { layouts };
}
