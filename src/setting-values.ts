import { resolve } from 'node:path';
import { GIT_BACKENDS, type GitBackendName } from './git/index.ts';
import { durationMs } from './manifests/index.ts';
import type { RedisServer } from './reconcile/index.ts';

/** Why a text is no value of its setting, and what to write instead. */
export class Unfit {
  readonly why: string;
  readonly fix: string;

  constructor(why: string, fix: string) {
    this.why = why;
    this.fix = fix;
  }
}

// What the text of a setting comes to: a value, or why it is none.

export function text(given: string): string {
  return given;
}

export function path(given: string, folder: string): string {
  return resolve(folder, given);
}

export function dnsLabel(given: string): string | Unfit {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no DNS label`, 'use a-z, 0-9 and -');
}

/** As far as git-check-ref-format(1) goes; whether there is one is the remote's matter. */
export function branch(given: string): string | Unfit {
  const wrong = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|(^|\/)\.|\.lock(\/|$)|^\/|\/\/|[/.]$/u;
  if (!wrong.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} can be no branch of git`, 'write it as `git branch` shows it');
}

/** A password in a URL would end up in process lists and logs, and so would a token, which forges take as the user, too. */
export function repository(given: string, folder: string): string | Unfit {
  if (/^\s*https?:[\\/]*[^\\/?#]*@/i.test(given)) {
    const fix = 'leave out all before @: a user goes into username, a token or password into tokenFile';
    return new Unfit(`the URL holds ${/:[^/@]*@/.test(given) ? 'a password' : 'a user or a token'}`, fix);
  }
  if (/^[a-z+]+:\/\/[^/]*:[^/]*@/i.test(given)) {
    return new Unfit('the URL holds a password', 'leave it out');
  }
  return /^[a-z+]+:\/\//i.test(given) || /^[^/]+@[^/]+:/.test(given) ? given : resolve(folder, given);
}

/** RFC 7617: no colon. */
export function username(given: string): string | Unfit {
  if (/^[^:\p{Cc}]{1,255}$/u.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no user name`, 'leave out colons and control characters');
}

export function proxy(given: string): string | Unfit {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol))
    return new Unfit('it is no http URL', 'write http://host:port');
  if (url.username === '' && url.password === '') return given;
  return new Unfit('the URL holds a password', 'leave it out');
}

export function gitBackend(given: string): GitBackendName | Unfit {
  const found = GIT_BACKENDS.find((name) => name === given);
  return found ?? new Unfit(`there is no ${JSON.stringify(given)}`, `use ${GIT_BACKENDS.join(', ')}`);
}

/** As Go and Istio write them, in whole milliseconds. */
export function duration(given: string): number | Unfit {
  const ms = /^([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h))+$/.test(given) ? Math.round(durationMs(given)) : 0;
  return ms > 0 ? ms : new Unfit(`${JSON.stringify(given)} is no duration`, 'write e.g. 30s, 1m or 500ms');
}

/** One server, without who asks it. */
export function redis(given: string): RedisServer | Unfit {
  const url = URL.parse(given);
  const found = /^\/?(\d{0,6})$/.exec(url?.pathname ?? '');
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || found === null) {
    return new Unfit(
      `${JSON.stringify(withoutLogin(given))} is no URL of Redis`,
      'write redis://host:port/db',
    );
  }
  if (url.username !== '' || url.password !== '') {
    return new Unfit('the URL holds a user or a password', 'say redisUsername and redisPasswordFile');
  }
  if (url.search !== '' || url.hash !== '') return new Unfit('the URL holds options', 'leave them out');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const tls = url.protocol === 'rediss:';
  return { host, port: Number(url.port || 6379), db: Number(found[1] || 0), tls };
}

/** Tokens go by headers: the URL is shown and logged. */
export function otlpEndpoint(given: string): string | Unfit {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return new Unfit('it is no http URL', 'write http://host:4318');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return new Unfit('the URL holds more than a place', 'give tokens by OTEL_EXPORTER_OTLP_HEADERS');
  }
  return given;
}

/** Braces say where in a Redis Cluster its keys lie. */
export function prefix(given: string): string | Unfit {
  if (/^[\w.:{}-]{1,100}$/.test(given)) return given;
  return new Unfit(`${JSON.stringify(given)} is no prefix of keys`, 'use letters, digits and . : { } _ -');
}

/** It is shown and logged. */
function withoutLogin(url: string): string {
  return url.replace(/[^/]*@/, '');
}

type Address = { readonly host: string; readonly port: number };

/** `host:port`, `[::1]:port`, `:port` or `port`; without a host, loopback. Port 0 is any free one. */
export function address(given: string): Address | Unfit {
  const [, ipv6, host, digits] = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):)?([0-9]{1,5})$/i.exec(given) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    return new Unfit(`${JSON.stringify(given)} is no address`, 'write host:port');
  }
  return { host: ipv6 ?? (host || '127.0.0.1'), port };
}

export function loopback(given: string): Address | Unfit {
  const found = address(given);
  if (found instanceof Unfit || /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(found.host)) return found;
  const why = `${found.host} is not this machine, and xDS is served in plain text`;
  return new Unfit(why, 'listen on 127.0.0.1, and forward the port where proxies are elsewhere');
}
