import { expect, test } from 'vitest';
import { isHostName, isIp } from '../../src/manifests/address.ts';
import { durationMs } from '../../src/manifests/duration.ts';
import { nearest } from '../../src/manifests/nearest.ts';

test.each([
  ['250ms', 250],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['2h', 7_200_000],
  ['500us', 0.5],
  ['0s', 0],
])('%s is %d milliseconds', (text, expected) => {
  expect(durationMs(text)).toBeCloseTo(expected, 9);
});

test.each([
  ['naem', 'name'],
  ['retrys', 'retries'],
  ['Hosts', 'hosts'],
  ['xyz', null],
  ['', null],
])('%j is most likely %j', (word, expected) => {
  expect(nearest(word, ['hosts', 'name', 'retries', 'timeout'])).toBe(expected);
});

test.each(['127.0.0.1', '::', '::1', '1::', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', 'fe80::a:b'])(
  '%s is an IP address',
  (text) => {
    expect([isIp(text), isHostName(text)]).toEqual([true, false]);
  },
);

test.each([
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  ':',
  ':::',
  '1:2',
  '1::2::3',
  '::12345',
  '::1.2.3',
  '1:2:3:4:5:6:7:1.2.3.4',
  'g::',
])('%s is none', (text) => {
  expect(isIp(text)).toBe(false);
});

test.each(['a', 'a-b.example', '_srv.a'])('%s is a host name', (text) => {
  expect(isHostName(text)).toBe(true);
});

test.each(['-a', 'a..b', 'a.', '*', 'a b', 'x'.repeat(64)])('%j is no host name', (text) => {
  expect(isHostName(text)).toBe(false);
});
