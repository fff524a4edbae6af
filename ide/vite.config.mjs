import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { licences } from './licences.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const bundled = new Set()

// tests/contract/test_ide.py computes the same and so tells when the build is older than what it was built from.
function sourcesDigest() {
  const own = readdirSync(HERE, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(html|json|mjs|js|jsx|css|svg)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name).slice(HERE.length + 1))
    .filter(path => !path.startsWith('node_modules'))
  const digest = createHash('sha256')
  for (const path of [...own, '../examples/quickstart.graphql'].sort()) digest.update(readFileSync(join(HERE, path)))
  return digest.digest('hex')
}

export default defineConfig({
  base: './',
  build: {
    outDir: '../app/api/graphiql',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // So that a change of ours renames one small file and no large one.
          groups: [
            { name: 'monaco', test: /node_modules\/monaco-/, priority: 2 },
            { name: 'vendor', test: /node_modules\/(?!prettier)/, priority: 1 },
          ],
        },
      },
      onLog: (level, log, report) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && report(level, log),
    },
  },
  worker: { format: 'es', plugins: () => [licences(bundled)] },
  plugins: [
    licences(bundled, 'THIRD_PARTY_LICENSES'),
    {
      // It takes a variable in the place of an enum or an input object as an error, and fills the console with it.
      name: 'quiet-explorer',
      transform: {
        filter: { id: /graphiql-explorer/ },
        handler: code => code.replaceAll("console.error('arg mismatch between arg and selection', argType, argValue);", ''),
      },
    },
    {
      // In the form that `sha256sum -c` reads, so that a test finds what was edited after the build or is left of another.
      name: 'checksums',
      writeBundle({ dir }, bundle) {
        const sum = file => createHash('sha256').update(readFileSync(join(dir, file))).digest('hex')
        writeFileSync(join(dir, 'SHA256SUMS'), Object.keys(bundle).sort().map(file => `${sum(file)}  ${file}\n`).join(''))
      },
    },
    {
      name: 'sources-digest',
      transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'built-from', content: sourcesDigest() }, injectTo: 'head' }],
    },
  ],
})
