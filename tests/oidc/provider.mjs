// A certified OpenID Connect provider on this machine. It prints its URL, then reads the redirect URI of its client as one line.
// Whoever signs in as `boss` is in the group `boss`; the e-mail address of everybody is NAME@example.org. Any password is right.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}`;
console.log(url);
const [redirect] = await once(createInterface({ input: process.stdin }), 'line');

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(url, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
  clients: [
    {
      client_id: 'identivia',
      client_secret: 'a_secret-with:signs&more%',
      redirect_uris: [redirect],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, groups: id === 'boss' ? ['boss'] : [], email: `${id}@example.org`, email_verified: true, name: `Person ${id}` }),
  }),
});

/** Shows a form that asks who it is, or whether the client may know. */
async function showInteraction(request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  const fields = prompt.name === 'login' ? '<label>Name <input name="login"></label> <label>Password <input name="password" type="password"></label>' : '';
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><title>Test provider</title><h1>${prompt.name}</h1><form method="post">${fields}<button type="submit">Go on</button></form>`);
}

async function finishInteraction(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const result = {};
  if (prompt.name === 'login') {
    result.login = { accountId: form.get('login') };
  } else {
    const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result.consent = { grantId: await grant.save() };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const answer = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  const step = request.method === 'POST' ? finishInteraction : showInteraction;
  return step(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
console.log('ready');
