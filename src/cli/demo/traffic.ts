import { Agent, request } from 'node:http';
import { Failure } from '../../base/failure.ts';

export type Traffic = { readonly total: number; readonly counts: ReadonlyMap<string, number> };

const PARALLEL = 8;

/** Sends requests through an HTTP proxy on this machine and counts the answers by their text. */
export async function measure(proxyPort: number, url: string, total: number): Promise<Traffic> {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const counts = new Map<string, number>();
  let left = total;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await send(agent, proxyPort, url);
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  } finally {
    agent.destroy();
  }
  return { total, counts };
}

/** Share of an answer, in percent. */
export function percent({ total, counts }: Traffic, answer: string): number {
  return ((counts.get(answer) ?? 0) / total) * 100;
}

/**
 * Fails where the share of `v2` is not what the weights say: six standard deviations, so that chance alone breaks one
 * of 500 million runs.
 */
export function expectShare(traffic: Traffic, wanted: number): void {
  const share = percent(traffic, 'v2');
  const tolerance = 600 * Math.sqrt((wanted * (1 - wanted)) / traffic.total);
  const known = (traffic.counts.get('v1') ?? 0) + (traffic.counts.get('v2') ?? 0);
  if (known === traffic.total && Math.abs(share - wanted * 100) <= tolerance) return;
  const seen = [...traffic.counts].map(([answer, count]) => `${count} x ${answer.slice(0, 60)}`).join(', ');
  const message = `v2 should answer ${wanted * 100} % of the requests; seen: ${seen}`;
  throw new Failure('demo-traffic', message, 'try again; if it stays, report these words');
}

function send(agent: Agent, port: number, url: string): Promise<string> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path: url, headers: { host }, timeout: 10_000 });
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${host} in 10 s`)));
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve(response.statusCode === 200 ? text : `status ${response.statusCode}: ${text}`);
      });
    });
    sent.end();
  });
}
