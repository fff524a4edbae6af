// The real server on a fresh SQLite database, with the key it prints when it makes its merchant.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const BILLGRAPH = new URL('../.venv/bin/billgraph', import.meta.url).pathname;

export async function startServer() {
  const folder = await mkdtemp(join(tmpdir(), 'billgraph-'));
  const port = await freePort();
  const process_ = spawn(BILLGRAPH, ['serve', '--port', String(port)], {
    env: { ...process.env, BILLGRAPH_DATABASE_URL: `sqlite+aiosqlite:///${folder}/billgraph.db`, PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  process_.stdout.on('data', (text) => (printed += text));
  const ended = new Promise((resolve) => process_.once('close', resolve));
  const stop = async () => {
    process_.kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}/graphql`;
  try {
    const key = await keyOf(port, () => printed);
    return { url, stop, fetch: (input, init = {}) => fetch(input, withKey(init, key)) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function withKey(init, key) {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${key}`);
  return { ...init, headers };
}

async function keyOf(port, printed) {
  for (let tries = 0; tries < 300; tries++) {
    await sleep(100);
    const alive = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
    const key = /sk_[\w-]+/.exec(printed())?.[0];
    if (alive?.ok && key) return key;
  }
  throw new Error('the server did not answer within 30 s');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
