// Runs every check against one server; the exit code says whether all passed.
import { apollo } from './apollo.js';
import { audit } from './audit.js';
import { relay } from './relay.js';
import { sdl } from './sdl.js';
import { startServer } from './server.js';
import { urql } from './urql.js';

const server = await startServer();
try {
  for (const check of [sdl, audit, relay, apollo, urql]) {
    try {
      console.log(`ok    ${check.name}: ${await check(server)}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAIL  ${check.name}: ${error.stack}`);
    }
  }
} finally {
  await server.stop();
}
