/** An email, then the code that was sent there. */

import { useState } from "preact/hooks";
import { Field } from "../../parts/field";
import { rest, signedIn } from "../../session";
import type { SignedIn } from "../../api";
import { Gate, useSending } from "./gate";

export function SignIn() {
  const [email, setEmail] = useState("");
  const [code, setCode] = useState("");
  const [asked, setAsked] = useState(false);
  const [local, setLocal] = useState("");
  const { busy, fault, wrong, send } = useSending();

  const request = (event: Event): void => {
    event.preventDefault();
    send(async () => {
      const answer = await rest<{ code?: string | null }>("session/request_code", { email: email.trim() });
      setLocal(answer.code ?? "");
      setCode(answer.code ?? "");
      setAsked(true);
    });
  };
  const enter = (event: Event): void => {
    event.preventDefault();
    send(async () => signedIn(await rest<SignedIn>("session/sign_in", { email: email.trim(), code: code.replace(/\D/g, "") })));
  };

  if (!asked) {
    return (
      <Gate title="Sign in">
        <form onSubmit={request}>
          <Field label="Email" name="email" email fill="username" value={email} onText={setEmail} wrong={wrong("email")}
                 placeholder="you@example.com" />
          <p class="wrong" role="alert">{fault}</p>
          <button type="submit" class="main" disabled={busy}>{busy ? "Sending…" : "Send me a code"}</button>
        </form>
        <p class="dim">No password: a code of six digits comes by mail.</p>
      </Gate>
    );
  }
  return (
    <Gate title="Your code">
      <form onSubmit={enter}>
        {local ? (
          <p class="dim">This Weir runs on this machine and says the code itself:</p>
        ) : (
          <p class="dim">If <strong>{email.trim()}</strong> may sign in, a code is on its way there. It is valid for ten minutes.</p>
        )}
        <Field key="code" label="Code" name="code" digits fill="one-time-code" value={code} onText={setCode} wrong={wrong("code")}
               placeholder="000000" />
        <p class="wrong" role="alert">{fault}</p>
        <button type="submit" class="main" disabled={busy}>{busy ? "Looking…" : "Sign in"}</button>
      </form>
      <p>
        <button type="button" class="link" onClick={() => (setAsked(false), setCode(""))}>Another email</button>
      </p>
    </Gate>
  );
}
