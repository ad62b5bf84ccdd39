import { Agent, request } from 'node:http';

/** Requests one after the other, through one connection to an Envoy and so one of its workers, until `stop`. */
export type Traffic = {
  sent(): number;
  /** What failed; the header `x-mark` of the answers in order, each once in a row. */
  readonly failures: readonly string[];
  readonly marks: readonly string[];
  stop(): Promise<void>;
};

export function startTraffic(httpProxyPort: number, host: string): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const failures: string[] = [];
  const marks: string[] = [];
  let sent = 0;
  let stopping = false;
  const loop = (async () => {
    while (!stopping) {
      sent += 1;
      const said = await ask(agent, httpProxyPort, host).catch((error: Error) => `failed: ${error.message}`);
      if (said.startsWith('failed')) failures.push(said);
      else if (marks.at(-1) !== said) marks.push(said);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    sent: () => sent,
    failures,
    marks,
    async stop() {
      stopping = true;
      await loop;
      agent.destroy();
    },
  };
}

/** Leaves the machine to the others: some hundred requests in a second say as much as some thousand. */
const PAUSE_MS = 2;

function ask(agent: Agent, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const path = `http://${host}/`;
    const sent = request({ agent, host: '127.0.0.1', port, path, headers: { host }, timeout: 10_000 });
    sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.on('error', reject);
      response.on('end', () => {
        const mark = response.headers['x-mark'] ?? '0';
        resolve(response.statusCode === 200 ? String(mark) : `failed: status ${response.statusCode}`);
      });
      response.resume();
    });
    sent.end();
  });
}
