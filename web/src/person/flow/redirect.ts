// Builds the link back to the site that sent the person.

/** `redirect_url` with the profile's id and status, never a token. Null for anything but http and https. */
export function buildReturnUrl(redirectUrl: string | null | undefined, profile: string, status: string): string | null {
  if (!redirectUrl) return null;
  let url: URL;
  try {
    url = new URL(redirectUrl);
  } catch {
    return null;
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  url.searchParams.delete('token');
  url.searchParams.set('profile_id', profile);
  url.searchParams.set('status', status);
  return url.href;
}
