import { expect, test } from 'vitest';
import { remoteKind, remotePath } from '../../src/git/remote-url.ts';

test.each([
  ['https://example.test/a.git', 'http'],
  ['HTTP://user:secret@example.test:8080/a', 'http'],
  ['ssh://git@example.test:2222/a.git', 'ssh'],
  ['ssh://[::1]/~me/a.git', 'ssh'],
  ['git@example.test:team/a.git', 'ssh'],
  ['example.test:/srv/a.git', 'ssh'],
  ['/srv/a.git', 'path'],
  ['./a:b', 'path'],
  ['file:///srv/a.git', 'path'],
])('%s is reached by %s', (url, kind) => {
  expect(remoteKind(url)).toBe(kind);
});

test('a file URL names the path', () => {
  expect(remotePath('file:///srv/a%20b.git')).toBe('/srv/a b.git');
  expect(remotePath('/srv/a%20b.git')).toBe('/srv/a%20b.git');
});

test('a backslash, after which two readers see two hosts: remote-unsupported', () => {
  expect(() => remoteKind('http://one.test\\@two.test/a')).toThrow(
    expect.objectContaining({ code: 'remote-unsupported' }),
  );
});
