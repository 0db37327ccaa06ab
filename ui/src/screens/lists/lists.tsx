export function Lists() { return <h1>Lists</h1>; }
