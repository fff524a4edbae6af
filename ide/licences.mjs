import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const TEXTS = /^(licen[cs]e|copying|notice|third-?party-?notices)/i
const RULE = '='.repeat(80)

const manifestOf = folder => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

function packageOf(file) {
  for (let folder = dirname(file); !folder.endsWith('node_modules'); folder = dirname(folder)) {
    // A nested package.json may only say the type of its modules.
    if (existsSync(join(folder, 'package.json')) && manifestOf(folder).version) return folder
  }
}

function textOf(folder) {
  const files = readdirSync(folder).filter(file => TEXTS.test(file)).sort()
  return files.map(file => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
}

// Packages that are published without a text, and the ones by the same authors, under the same licence, that have it.
const STAND_INS = {
  '@graphiql/plugin-doc-explorer': 'graphiql',
  '@graphiql/plugin-explorer': 'graphiql',
  '@graphiql/plugin-history': 'graphiql',
  'react-compiler-runtime': 'react',
  'react-remove-scroll-bar': 'react-remove-scroll',
}

/** The licences, each once, under the packages that come under it. */
function page(folders) {
  const entries = [...folders].map(folder => ({ ...manifestOf(folder), text: textOf(folder) }))
  const texts = new Map()
  for (const { name, version, license, text } of entries) {
    const found = text || entries.find(other => other.name === STAND_INS[name])?.text
    if (!found) throw new Error(`${name} has no licence text`)
    texts.set(found, [...(texts.get(found) ?? []), `${name} ${version} (${license})`])
  }
  const parts = [...texts].map(([text, names]) => `${RULE}\n${[...new Set(names)].sort().join('\n')}\n${RULE}\n\n${text}\n`)
  return `What the page in this folder is made of, and under which licences.\n\n${parts.sort().join('\n')}`
}

/** Collects the packages whose modules, styles and fonts end in a bundle; writes their licences where `fileName` is given. */
export function licences(bundled, fileName) {
  const collect = id => {
    const file = resolve(import.meta.dirname, id.split('?')[0])
    const folder = file.includes('/node_modules/') && packageOf(file)
    if (folder) bundled.add(folder)
  }
  return {
    name: 'licences',
    // Styles are in no chunk's list of modules.
    transform: { filter: { id: /\.css$/ }, handler: (_code, id) => collect(id) },
    generateBundle(_options, bundle) {
      for (const part of Object.values(bundle)) [...(part.moduleIds ?? part.originalFileNames)].forEach(collect)
      if (fileName) this.emitFile({ type: 'asset', fileName, source: page(bundled) })
    },
  }
}
