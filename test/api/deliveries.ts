import { createHmac } from 'node:crypto';

/** What one forge sends: headers and body in the shape that its documentation gives; no text of it is copied. */
export type Sent = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

export type Forge = {
  readonly provider: string;
  readonly push: (branch: string, id: string) => Sent;
  readonly ping: Sent | null;
  readonly other: Sent;
  readonly sign: (body: string, secret: string) => Readonly<Record<string, string>>;
};

const json = { 'content-type': 'application/json' };
const hmac = (body: string, secret: string) => createHmac('sha256', secret).update(body).digest('hex');
const commit = (digit: string) => digit.repeat(40);
const ref = (branch: string) =>
  JSON.stringify({ ref: `refs/heads/${branch}`, before: commit('1'), after: commit('2') });

const github: Forge = {
  provider: 'github',
  push: (branch, id) => ({
    headers: { ...json, 'x-github-event': 'push', 'x-github-delivery': id },
    body: ref(branch),
  }),
  ping: { headers: { ...json, 'x-github-event': 'ping' }, body: '{"zen":"ü","hook_id":1}' },
  other: { headers: { ...json, 'x-github-event': 'pull_request' }, body: '{"action":"opened"}' },
  sign: (body, secret) => ({ 'x-hub-signature-256': `sha256=${hmac(body, secret)}` }),
};

const gitlabPush = (branch: string) =>
  JSON.stringify({
    object_kind: 'push',
    event_name: 'push',
    ref: `refs/heads/${branch}`,
    after: commit('2'),
  });

const gitlab: Forge = {
  provider: 'gitlab',
  push: (branch, id) => ({
    headers: { ...json, 'x-gitlab-event': 'Push Hook', 'idempotency-key': id },
    body: gitlabPush(branch),
  }),
  ping: null,
  other: { headers: { ...json, 'x-gitlab-event': 'Issue Hook' }, body: '{"object_kind":"issue"}' },
  sign: (_, secret) => ({ 'x-gitlab-token': secret }),
};

function gitea(provider: 'gitea' | 'forgejo'): Forge {
  return {
    provider,
    push: (branch, id) => ({
      headers: { ...json, [`x-${provider}-event`]: 'push', [`x-${provider}-delivery`]: id },
      body: ref(branch),
    }),
    ping: null,
    other: { headers: { ...json, [`x-${provider}-event`]: 'issues' }, body: '{}' },
    sign: (body, secret) => ({ [`x-${provider}-signature`]: hmac(body, secret) }),
  };
}

const bitbucketSigned = (body: string, secret: string) => ({
  'x-hub-signature': `sha256=${hmac(body, secret)}`,
});

const bitbucketCloud: Forge = {
  provider: 'bitbucket',
  push: (branch, id) => ({
    headers: { ...json, 'x-event-key': 'repo:push', 'x-request-uuid': id },
    body: JSON.stringify({
      push: {
        changes: [
          { new: { type: 'branch', name: 'side' }, old: null },
          { new: null, old: { type: 'branch', name: branch } },
        ],
      },
    }),
  }),
  ping: null,
  other: { headers: { ...json, 'x-event-key': 'pullrequest:created' }, body: '{}' },
  sign: bitbucketSigned,
};

const bitbucketDataCenter: Forge = {
  provider: 'bitbucket',
  push: (branch, id) => ({
    headers: { ...json, 'x-event-key': 'repo:refs_changed', 'x-request-id': id },
    body: JSON.stringify({ changes: [{ ref: { id: `refs/heads/${branch}`, displayId: branch } }] }),
  }),
  ping: { headers: { ...json, 'x-event-key': 'diagnostics:ping' }, body: '{"test":true}' },
  other: { headers: { ...json, 'x-event-key': 'pr:opened' }, body: '{}' },
  sign: bitbucketSigned,
};

export const forges: readonly Forge[] = [
  github,
  gitlab,
  gitea('gitea'),
  gitea('forgejo'),
  bitbucketCloud,
  bitbucketDataCenter,
];

/** By the Standard Webhooks specification, as GitLab signs. */
export function signStandard(body: string, secret: string, id: string, timestamp: string) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

export { gitlabPush };
