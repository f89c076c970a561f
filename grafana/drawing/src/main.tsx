// Draws the dashboard of scene.json. `window.drawn` holds what became of it, as soon as everything stands.
import { type GrafanaTheme2, createTheme } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, ThemeContext } from '@grafana/ui';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { Dashboard } from './Dashboard';
import { type Prepared, prepare } from './data';
import { register } from './fields';
import type { Scene } from './scene';

declare global {
  interface Window {
    drawn?: { height: number };
  }
}

async function draw() {
  register();
  await initPluginTranslations('driftgate-drawing');
  const scene: Scene = await (await fetch('scene.json')).json();
  const theme = createTheme({ colors: { mode: 'dark' } });
  const prepared: Prepared[] = await Promise.all(scene.panels.map((panel) => prepare(panel, theme)));
  document.body.style.background = theme.colors.background.canvas;
  const root = document.getElementById('root')!;
  const page = createRoot(root);
  page.render(styled(theme, null));
  await new Promise(requestAnimationFrame);
  // Charts measure text as they are made: the fonts must be there before.
  const fonts = ['400 14px Inter', '500 14px Inter', '400 14px "Roboto Mono"'];
  await Promise.all(fonts.map((font) => document.fonts.load(font)));
  page.render(styled(theme, <Dashboard scene={scene} prepared={prepared} />));
  // Charts paint in frames of their own; icons are fetched.
  await new Promise((done) => setTimeout(done, 1200));
  await new Promise(requestAnimationFrame);
  window.drawn = { height: Math.ceil(root.getBoundingClientRect().height) };
}

function styled(theme: GrafanaTheme2, content: ReactNode) {
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {content}
    </ThemeContext.Provider>
  );
}

draw().catch((problem) => {
  console.error(`the dashboard cannot be drawn: ${problem?.stack ?? problem}`);
});
