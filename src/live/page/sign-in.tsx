import { useState } from 'preact/hooks';
import type { Who } from '../role.ts';
import { signIn } from './admin-api.ts';
import { visibleText } from './visible-text.ts';

/** For whoever has no role here, or wants another. */
export function SignIn({ who, met }: { who: Who; met: () => void }) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const token = String(new FormData(form).get('token') ?? '').trim();
    form.reset();
    setBusy(true);
    setTrouble(undefined);
    try {
      await signIn(token);
      met();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel sign-in">
      <h1>Sign in</h1>
      {who.user !== undefined && (
        <p>
          You are <bdi>{visibleText(who.user)}</bdi>
          {who.roles.length === 0 ? ', and have no role here.' : '.'}
        </p>
      )}
      {who.canSignIn ? (
        <form
          onSubmit={event => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          <label>
            <span>Token</span>
            <input type="password" name="token" required autocomplete="off" spellcheck={false} />
          </label>
          <button type="submit" disabled={busy}>
            Sign in
          </button>
          <p class="dim">
            The bearer token that you use with kubectl. It is sent once, in a header; what stays is a cookie
            that ends within an hour.
          </p>
        </form>
      ) : (
        <p>Nobody can sign in here: roles are given by admin.roles in the configuration of the proxy.</p>
      )}
      {trouble !== undefined && (
        <p class="cause tone-bad" role="alert">
          {visibleText(trouble)}
        </p>
      )}
    </section>
  );
}

/** Who looks, and the way in or out. */
export function Visitor(props: { who: Who; leave: () => void; asked: () => void }) {
  const { who, leave, asked } = props;
  return (
    <span class="visitor">
      {who.user !== undefined && (
        <span>
          <bdi>{visibleText(who.user)}</bdi> <span class="dim">{who.roles.join(', ')}</span>
        </span>
      )}
      {who.signedIn && (
        <button type="button" onClick={leave}>
          Sign out
        </button>
      )}
      {!who.signedIn && who.canSignIn && who.roles.length > 0 && (
        <button type="button" onClick={asked}>
          Sign in
        </button>
      )}
    </span>
  );
}
