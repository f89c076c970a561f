// Bundles the page into the folder that is named: node build.mjs FOLDER.
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROBOTO_MONO = 'L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ';
const folder = process.argv[2];
if (!folder) {
  throw new Error('node build.mjs FOLDER: the folder is missing');
}

// Scrollbars measure themselves in ways that React 19 no longer has; a picture needs none.
const scrollbars = new URL('src/scrollbars.tsx', import.meta.url).pathname;

await build({
  entryPoints: [new URL('src/main.tsx', import.meta.url).pathname],
  outfile: join(folder, 'drawing.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  alias: { 'react-custom-scrollbars-2': scrollbars },
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  loader: { '.ttf': 'empty', '.svg': 'dataurl', '.png': 'dataurl', '.gif': 'dataurl' },
  logLevel: 'warning',
});
await cp(new URL('node_modules/@grafana/ui/dist/public/', import.meta.url), join(folder, 'public/build'), {
  recursive: true,
});
// Under the names that Grafana's styles know.
for (const [file, name] of [
  ['inter/files/inter-latin-400-normal', 'inter/Inter-Regular'],
  ['inter/files/inter-latin-500-normal', 'inter/Inter-Medium'],
  ['inter/files/inter-latin-400-italic', 'inter/Inter-Italic'],
  ['inter/files/inter-latin-500-italic', 'inter/Inter-MediumItalic'],
  ['roboto-mono/files/roboto-mono-latin-400-normal', `roboto/${ROBOTO_MONO}`],
]) {
  const font = new URL(`node_modules/@fontsource/${file}.woff2`, import.meta.url);
  await cp(font, join(folder, `public/fonts/${name}.woff2`), { recursive: true });
}
await writeFile(
  join(folder, 'index.html'),
  '<!doctype html><meta charset="utf-8"><title>drawing</title><link rel="stylesheet" href="drawing.css">' +
    '<div id="root"></div><script type="module" src="drawing.js"></script>'
);
