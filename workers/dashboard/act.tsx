/** A form of somebody who is signed in: method, path and token in one place. */
import type { Child, FC } from "hono/jsx";
import type { Session } from "../sign-in/session.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { FormToken } from "./parts.tsx";

export type Me = Visitor & { session: Session };

export const Act: FC<{ me: Me; to: string; class?: string; children?: Child }> = (props) => (
  <form method="post" action={props.to} class={props.class ?? "stack"}>
    <FormToken token={props.me.formToken} />
    {props.children}
  </form>
);
