// Does the server of this container serve what was verified? 0 or 1, as Docker asks it.
const [server = 'http://127.0.0.1:15014'] = process.argv.slice(2);
const answer = await fetch(`${server}/readyz`, { signal: AbortSignal.timeout(4_000) }).catch(
  (error) => error,
);
process.stdout.write(answer instanceof Response ? await answer.text() : `${answer}\n`);
process.exitCode = answer instanceof Response && answer.ok ? 0 : 1;
