import { href } from "../route";

export function Nowhere() {
  return (
    <section class="teach">
      <h1>There is nothing here</h1>
      <p>
        The address leads to no screen that you may open. <a href={href("/")}>Back to the dashboard</a>
      </p>
    </section>
  );
}
